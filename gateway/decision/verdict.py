"""What the decision can answer."""

from dataclasses import dataclass
from typing import NamedTuple

from gateway.decision.policy import Issuer
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.token import SignedToken


class Allow(NamedTuple):
    """Forward the request to the route's upstream, with *identity_fields* set.

    A NamedTuple because one is made for every forwarded request: half the price of a
    frozen dataclass. *target* is the origin-form target that was matched, byte for byte.
    *would_deny* is the refusal that is only to be reported; then nobody is vouched for.
    """

    route: Route
    target: bytes
    token: SignedToken | None
    identity_fields: bytes
    would_deny: "Deny | None" = None

    def __repr__(self) -> str:
        """Show all but who is calling."""
        return f"Allow({self.route.name!r}, {self.target!r})"


class WantedKey(NamedTuple):
    """The key that a token asks for, in the words of its header: hostile text."""

    issuer_name: str
    kid: str | None
    algorithm: str


class Deny(NamedTuple):
    """Refuse the request. A NamedTuple for the reason that Allow is one.

    *detail* is for people: lower case, no full stop, never a part of a token. *scopes* are
    all scopes the route asks for (RFC 6750 §3), *methods* what a known path allows. *reporter*
    is the issuer whose check failed, where that is only to be reported; *wanted_key* is for
    ``key_unknown``.
    """

    reason: Reason
    detail: str
    route: Route | None = None
    token: SignedToken | None = None
    scopes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    reporter: Issuer | None = None
    wanted_key: WantedKey | None = None


class Publish(NamedTuple):
    """Answer with *document*, which is for everybody, as ``application/json``.

    Or, where there is a *route*, to a browser that asks what a page may do with it: without a
    document, and with *fields*, each behind the end of the line before. *is_lent* says that the
    path is refused, and that the route only lends its word on who may read why.
    """

    document: bytes
    route: Route | None = None
    fields: bytes = b""
    is_lent: bool = False

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        return 200 if self.route is None else 204


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """Say that *issuer_name*'s keys are not at hand (*kid* None), or lack *kid*.

    *deny* is the refusal when no better keys can be had, still to be settled.
    """

    issuer_name: str
    kid: str | None
    deny: Deny


Settled = Allow | Deny | Publish
Verdict = Settled | NeedKeys
