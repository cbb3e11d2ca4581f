"""The values a token becomes: first its three parts, then claims that hold.

None of them shows itself: what a token says belongs to its user, not to a log. None is
frozen, which costs five times as much for each new token; none is written to once it is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Policy


@dataclass(slots=True, eq=False, repr=False)
class CompactToken:
    """A JWS in compact serialisation, taken apart but not verified (RFC 7515 §7.1)."""

    header: Mapping[str, object]
    algorithm: str
    kid: str | None
    token_type: str | None  # `typ` in lower case, without `application/`
    payload: bytes
    signing_input: bytes
    signature: bytes


@dataclass(slots=True, eq=False, repr=False)
class Claims:
    """The claims the gateway itself reads, each of the right type; *all* holds every claim.

    Times are seconds since the epoch, finite and in [0, 2^53). *scopes* are as in the
    token; *granted* adds what they imply by ``scope_implies``. *has_other_kind* is whether
    claims of another kind of JWT are among *all*, *lacking* a claim that the issuer's profile
    requires and that is not. What is null in *all* is None here, as what is not there.
    """

    all: Mapping[str, object]
    issuer: str
    subject: str | None
    audiences: frozenset[str]
    expires_at: float
    not_before: float | None
    issued_at: float | None
    scopes: tuple[str, ...]
    granted: frozenset[str]
    has_other_kind: bool
    lacking: str | None


@dataclass(slots=True, eq=False, repr=False)
class SignedToken:
    r"""A token whose signature holds: a pure function of its bytes, the policy and the key set.

    Nothing here says that the token is current, or good for a route: that is checked for
    every request. *identity_fields* are the header lines services get for these claims,
    each ``Name: value\\r\\n``; *log_subject* is ``sub`` as a JSON string for the access log.
    *policy* is the one it was read under.
    """

    issuer: Issuer
    key_set: KeySet
    kid: str | None
    token_type: str | None  # as of CompactToken
    claims: Claims
    identity_fields: bytes
    log_subject: bytes
    policy: Policy | None = None
