"""One step of a decision, as people are told of it."""

from dataclasses import dataclass
from enum import Enum

from gateway.decision.reason import Reason


class Check(Enum):
    """What is checked, in the order in which it is."""

    PATH = "path"
    ROUTE = "route"
    CREDENTIAL = "credential"
    FORM = "form"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ACCEPTED_ISSUER = "accepted issuer"
    KIND = "kind of token"
    TIMES = "times"
    AUDIENCE = "audience"
    ROUTE_AUDIENCE = "audience of the route"
    REVOCATION = "revocation"
    SCOPES = "scopes"
    CLAIM_RULES = "claim rules"
    AUTHENTICATION = "authentication"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what was *expected*, what was *found*, and the *reason* where it failed.

    Both texts are for people who may see what a token claims; neither holds a part of the
    token itself. *setting* is the key that asks for it, below the route or the issuer: for
    example ``require.scopes``; None where nothing in the configuration does.
    """

    check: Check
    expected: str
    found: str
    reason: Reason | None = None
    setting: tuple[str, ...] | None = None

    @property
    def holds(self) -> bool:
        """Say whether the check was passed."""
        return self.reason is None
