"""The possible verdicts of the decision."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.decision.policy import Issuer
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.token import SignedToken


class Allow(NamedTuple):
    """Forward the request to the route's upstream, with *identity_fields* set.

    A NamedTuple because one is made for every forwarded request, at half the cost of a frozen
    dataclass. *target* is the matched origin-form target, byte for byte. *would_deny* is a refusal
    that is only reported; then no identity is sent. *also* is the second token, if the route
    requires one.
    """

    route: Route
    target: bytes
    token: SignedToken | None
    identity_fields: bytes
    would_deny: "Deny | None" = None
    also: SignedToken | None = None

    def __repr__(self) -> str:
        """Show everything but the caller."""
        return f"Allow({self.route.name!r}, {self.target!r})"


class WantedKey(NamedTuple):
    """The key that a token names, as in its header: untrusted text."""

    issuer_name: str
    kid: str | None
    algorithm: str


class Deny(NamedTuple):
    """Refuse the request. A NamedTuple for the reason that Allow is one.

    *detail* is for people: lower case, no full stop, never a part of a token; only that of
    ``issuer_unknown`` has the `iss`, if it is harmless. *scopes* are all scopes that the route
    requires (RFC 6750 §3), *methods* those that a known path allows.
    *reporter* is the issuer whose check failed, if that is only reported; *wanted_key* is for
    ``key_unknown``. *field* is the name of the field of the second token, if that is refused; then
    *token* is the first one.
    """

    reason: Reason
    detail: str
    route: Route | None = None
    token: SignedToken | None = None
    scopes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    reporter: Issuer | None = None
    wanted_key: WantedKey | None = None
    field: str = ""

    @property
    def is_made_up(self) -> bool:
        """Return whether clients can make up any number of such refusals: do not remember it."""
        return self.wanted_key is not None or self.reason is Reason.ISSUER_UNKNOWN


class Publish(NamedTuple):
    """Respond with *document*, which is public, as ``application/json``.

    With a *route*, respond to a preflight instead: without a document, but with *fields*, each
    with a leading CRLF. If it *is_lent*, the path is refused, and the route's CORS options only
    apply to reading the refusal.
    """

    document: bytes
    route: Route | None = None
    fields: bytes = b""
    is_lent: bool = False

    @property
    def status(self) -> int:
        """Return the status of the response."""
        return 200 if self.route is None else 204


class LogIn(NamedTuple):
    """Let *logins*, by name, respond: at their own path *endpoint*, or to a navigation.

    The latter was refused by *deny*, and its browser is redirected to log in.
    """

    logins: tuple[str, ...]
    endpoint: str
    deny: Deny | None = None


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """Ask for keys of *issuer_name*: all of them (*kid* None), or a set with *kid*.

    *deny* is the refusal if they are unavailable, not yet passed through ``settle``.
    """

    issuer_name: str
    kid: str | None
    deny: Deny


@dataclass(frozen=True, slots=True)
class NeedIntrospection:
    """Ask *issuer*, and nobody else, about *token*; then decide with its answer.

    *deny* is the refusal if it cannot be asked, not yet passed through ``settle``.
    """

    issuer: Issuer
    token: bytes = field(repr=False)
    deny: Deny


class NeedSession(NamedTuple):
    """Ask for the session of a browser that sent no token; then call ``decide_by_session``."""

    route: Route


class NeedCredentials(NamedTuple):
    """Ask for the tokens of a request to *route*, which are not one in Authorization.

    Then decide about the same head again, with them in ``authorization`` and ``also``.
    """

    route: Route


Settled = Allow | Deny | Publish
Needed = NeedKeys | NeedIntrospection
Verdict = Settled | Needed | NeedSession | NeedCredentials
