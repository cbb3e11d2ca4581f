"""One step of a decision, for people."""

from dataclasses import dataclass
from enum import Enum

from gateway.decision.reason import Reason


class Check(Enum):
    """What is checked, in order."""

    REQUEST = "request"
    PATH = "path"
    ROUTE = "route"
    LOGIN = "login"
    SESSION = "session"
    CSRF = "csrf"
    CREDENTIAL = "credential"
    FORM = "form"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    INTROSPECTION = "introspection"
    CLAIMS = "claims"
    TENANT = "tenant"
    ACCEPTED_ISSUER = "accepted issuer"
    SCOPE_SOURCES = "sources of scopes"
    KIND = "kind of token"
    ISSUER_RULES = "rules of the issuer"
    TIMES = "times"
    AUDIENCE = "audience"
    ROUTE_AUDIENCE = "audience of the route"
    REVOCATION = "revocation"
    SCOPES = "scopes"
    CLAIM_RULES = "claim rules"
    AUTHENTICATION = "authentication"
    BODY = "body"
    UPGRADE = "upgrade"
    CORS = "cors"
    RATE_LIMITS = "rate limits"
    SERVICE_TOKEN = "service token"  # noqa: S105 - the name of a step


class Owner(Enum):
    """What a setting belongs to."""

    FILE = "file"
    ISSUER = "issuer"
    ROUTE = "route"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting that *keys* lead to, below the *owner* called *name*, or below the main file.

    For example ``require`` and ``scopes`` of a route. No *keys* mean the whole of it. A setting
    that is not written has its default.
    """

    owner: Owner
    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what was *expected*, what was *found*, and the *reason* if it failed.

    Both texts are for people who may see a token's claims; neither holds a part of the token
    itself. *setting* is what requires the check; None if it is always done.
    """

    check: Check
    expected: str
    found: str
    reason: Reason | None = None
    setting: Setting | None = None

    @property
    def holds(self) -> bool:
        """Return whether the check passed."""
        return self.reason is None
