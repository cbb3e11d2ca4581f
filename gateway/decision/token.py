"""The stages of a token: its three parts, its claims, and the verified token.

None has a repr: the content of a token belongs to its user, not in a log. None is frozen, because
that costs five times as much for each new token; none is changed once it is made, except that a
token remembers what was rendered of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gateway.decision.identity import Identity
from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Policy


@dataclass(slots=True, eq=False, repr=False)
class CompactToken:
    """A JWS in compact serialisation, parsed but not verified (RFC 7515 §7.1)."""

    header: Mapping[str, object]
    algorithm: str
    kid: str | None
    token_type: str | None  # `typ` in lower case, without `application/`
    payload: bytes
    signing_input: bytes
    signature: bytes


class Doubts(NamedTuple):
    """What in a token's claims may refuse it; each is None if nothing does.

    *other_kind* is the claim or signal of another kind of JWT, *lacking* a missing claim that the
    issuer's profile requires, *broken_rule* the text of a rule of the issuer that does not hold.
    """

    other_kind: str | None
    lacking: str | None
    broken_rule: str | None


@dataclass(slots=True, eq=False, repr=False)
class Claims:
    """The claims the gateway itself reads, each of the right type; *all* holds every claim.

    Times are seconds since the epoch, finite and in [0, 2^53). *scopes* are as in the token;
    *granted* adds those that they imply by ``scope_implies``. *doubts* are what may refuse the
    token, depending on its type; None for most tokens. A null in *all* is None here, like a
    missing claim.
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
    doubts: Doubts | None


@dataclass(slots=True, eq=False, repr=False)
class SignedToken:
    r"""A token with a valid signature: a pure function of its bytes, the policy and the key set.

    Whether the token is current, and valid for a route, is checked for every request.
    *identity_fields* are the header lines that services receive for these claims, each
    ``Name: value\\r\\n``; *log_subject* is ``sub`` as a JSON string for the access log. *policy*
    is the one it was read under. *other_identities* are the lines of routes with identity headers
    of their own, as far as they were rendered.

    A token that its issuer answered for instead has no keys; that answer counts before
    *fresh_until*, in seconds since the epoch.
    """

    issuer: Issuer
    key_set: KeySet
    kid: str | None
    token_type: str | None  # as of CompactToken
    claims: Claims
    identity_fields: bytes
    log_subject: bytes
    policy: Policy | None = None
    other_identities: dict[Identity, bytes] | None = None
    fresh_until: float = math.inf
