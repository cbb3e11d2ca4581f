"""The messages between a supervisor and its workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.limits.gcra import Wanted
from gateway.login.requests import LoginRequest
from gateway.service_tokens.requests import ServiceToken
from gateway.settings.text.disk import Record
from gateway.supervisor.portable_keys import PortableKeys
from gateway.tickets.ticket import Grant

# --- from the supervisor to a worker


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration as it was read: the file at *path* and all files in *record*.

    *number* identifies it; updates of keys and lists carry the same number.
    """

    number: int
    path: Path
    record: Record = field(repr=False)
    workers: int  # how many of them share the limits of the gateway


@dataclass(frozen=True, slots=True)
class Start:
    """Serve with *configuration* on the listening sockets *descriptors*; answered once it serves.

    *index* is that of the worker, from 0. *identity_names* are the aliases of the identity headers
    of all configurations so far, and *had_logins* says whether one of these has had logins.
    """

    configuration: Configuration
    index: int
    descriptors: tuple[tuple[int, ...], ...]
    pseudonym: bytes
    identity_names: frozenset[bytes] = frozenset()
    had_logins: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """Prepare to switch to *configuration*; answered once the switch cannot fail."""

    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Commit:
    """Switch to the configuration that was prepared with *number*."""

    number: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Discard the configuration that was prepared with *number*; not answered."""

    number: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Check that the event loop runs; answered with None."""


@dataclass(frozen=True, slots=True)
class Count:
    """Report the counts; answered with ``Metrics``."""


@dataclass(frozen=True, slots=True)
class Find:
    """Find a refusal; answered with the members of its log line, or None."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Refuse new connections; answered when all requests have finished or timed out."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Exit now; not answered."""


# --- updates for the configuration *number*


@dataclass(frozen=True, slots=True)
class KeysUpdate:
    """The keys of an issuer; *keys* is None if there are none.

    *fetched_at* is on the machine's monotonic clock; None if they were never fetched, or never
    change. *last_error* is why the last fetch failed, if it did.
    """

    number: int
    issuer_name: str
    keys: PortableKeys | None
    fetched_at: float | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ListUpdate:
    """A pickled revocation list; *octets* is None if it is not loaded."""

    number: int
    name: str
    octets: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """The sessions with these *ids* have ended."""

    number: int
    ids: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class ServiceTokenUpdate:
    """The gateway's own token for an *upstream*; None if there is none at hand."""

    number: int
    upstream: str
    token: ServiceToken | None = field(repr=False)


# --- from a worker to the supervisor


@dataclass(frozen=True, slots=True)
class Refetch:
    """Fetch the keys of an issuer for a token with *kid*, if allowed; answered once tried."""

    number: int
    issuer_name: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class FindSession:
    """Find the session of these *cookies*, by name; answered as ``Logins.find`` does."""

    number: int
    cookies: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServeLogin:
    """Respond to a *request* of a browser to a login; answered with ``LoginResponse``."""

    number: int
    request: LoginRequest


@dataclass(frozen=True, slots=True)
class FindServiceToken:
    """Get the gateway's own token for an *upstream*; answered as ``ServiceTokens.find`` does."""

    number: int
    upstream: str


@dataclass(frozen=True, slots=True)
class ExchangeToken:
    """Exchange the caller's token *subject*; answered as ``ServiceTokens.exchange`` does."""

    number: int
    upstream: str
    digest: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class RejectServiceToken:
    """Note that an *upstream* refused *token*; answered with None."""

    number: int
    upstream: str
    token: ServiceToken = field(repr=False)
    digest: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class IssueTicket:
    """Issue a ticket for *grant*; answered as ``Tickets.issue`` does, or with TicketsGone."""

    number: int
    grant: Grant
    lifetime_seconds: float


@dataclass(frozen=True, slots=True)
class RedeemTicket:
    """Redeem a *ticket*; answered as ``Tickets.redeem`` does, or with TicketsGone."""

    number: int
    ticket: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Introspect:
    """Ask an issuer about *token*; answered as ``LiveIntrospection.ask`` does."""

    number: int
    issuer_name: str
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Take:
    """Count one request in each *wanted* bucket, or in none; answered with ``Taken``."""

    wanted: tuple[Wanted, ...] = field(repr=False)
