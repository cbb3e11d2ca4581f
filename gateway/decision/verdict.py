"""What the decision can answer."""

from dataclasses import dataclass
from typing import NamedTuple

from gateway.decision.reason import Reason
from gateway.decision.routing import Route
from gateway.decision.token import SignedToken


class Allow(NamedTuple):
    """Forward the request to the route's upstream, with *identity_fields* set.

    A NamedTuple because one is made for every forwarded request: half the price of a
    frozen dataclass. *target* is the origin-form target that was matched, byte for byte.
    """

    route: Route
    target: bytes
    token: SignedToken | None
    identity_fields: bytes

    def __repr__(self) -> str:
        """Show all but who is calling."""
        return f"Allow({self.route.name!r}, {self.target!r})"


class Deny(NamedTuple):
    """Refuse the request. A NamedTuple for the reason that Allow is one.

    *detail* is for people: lower case, no full stop, never a part of a token. *scopes* are
    all scopes the route asks for (RFC 6750 §3), *methods* what a known path allows.
    """

    reason: Reason
    detail: str
    route: Route | None = None
    token: SignedToken | None = None
    scopes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """Say that *issuer_name*'s keys are not at hand (*kid* None), or lack *kid*.

    *deny* is the verdict when no better keys can be had.
    """

    issuer_name: str
    kid: str | None
    deny: Deny


Verdict = Allow | Deny | NeedKeys
