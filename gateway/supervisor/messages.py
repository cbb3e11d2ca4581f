"""What a supervisor and its workers say to each other."""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.limits.gcra import Wanted
from gateway.settings.text.disk import Record
from gateway.supervisor.portable_keys import PortableKeys

# --- what a supervisor asks of a worker


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration as it was read: the file at *path* and all that *record* has of others.

    *number* tells it from the ones before; keys and lists come under the same number.
    """

    number: int
    path: Path
    record: Record = field(repr=False)
    workers: int  # how many of them share what the gateway may take


@dataclass(frozen=True, slots=True)
class Start:
    """Serve under *configuration*, on the listening sockets *descriptors*.

    *index* is the worker's own, from 0. *identity_names* are the aliases of what configurations
    so far wrote about callers. Answered once it serves.
    """

    configuration: Configuration
    index: int
    descriptors: tuple[tuple[int, ...], ...]
    pseudonym: bytes
    identity_names: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Prepare:
    """Get ready to go on under *configuration*; answered once that cannot fail any more."""

    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Commit:
    """Go on under the configuration that was prepared with *number*."""

    number: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Forget the configuration that was prepared with *number* (told, not asked)."""

    number: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Say that the event loop goes on: answered with None."""


@dataclass(frozen=True, slots=True)
class Count:
    """Say what was counted: ``Metrics``."""


@dataclass(frozen=True, slots=True)
class Find:
    """Say what is remembered of a refusal: the members of its log line, or None."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no new connections; answered when all requests have ended, or their time is up."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End, now (told, not asked)."""


# --- what it tells about the configuration *number*


@dataclass(frozen=True, slots=True)
class KeysNews:
    """The keys of an issuer: *keys* of None where there are none to use.

    *fetched_at* is on the machine's monotonic clock; None where they never were, or never
    change. *last_error* is why the last fetch failed, if it did.
    """

    number: int
    issuer_name: str
    keys: PortableKeys | None
    fetched_at: float | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ListNews:
    """A revocation list, pickled; *octets* of None where there is none to compare with."""

    number: int
    name: str
    octets: bytes | None = field(repr=False)


# --- what a worker asks of its supervisor


@dataclass(frozen=True, slots=True)
class Refetch:
    """Get better keys of an issuer for a token with *kid*, if allowed; answered once tried."""

    number: int
    issuer_name: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class Take:
    """Take one request of each bucket that is *wanted*, or of none; answered with ``Taken``."""

    wanted: tuple[Wanted, ...] = field(repr=False)
