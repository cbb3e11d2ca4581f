"""Tokens that an issuer answers for itself, when it is asked about them (RFC 7662)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import make_token, with_reporter
from gateway.decision.tokens.claims import read_claims
from gateway.decision.tokens.generations import Generations
from gateway.decision.verdict import Deny

# RFC 6750 §2.1: what a bearer token is made of.
_BEARER: Final = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")

# A JWS in compact form has two dots; a JWE has four, and only its issuer can read it.
_DOTS_OF_A_JWT: Final = 2

# So long lasts a token whose answer has no `exp`, if it may not be remembered any longer: only for
# what is sent on about its caller, since every request asks about it again.
_LEAST_SECONDS: Final = 60.0

# RFC 7662 has no member for it, but servers answer for their refresh tokens and ID tokens, too:
# Ory Hydra says so in `token_use`, Keycloak in `typ`.
_ACCESS_TOKEN_USES: Final = frozenset({"access", "access_token"})
_OTHER_TYPES: Final = frozenset({"refresh", "offline", "id", "logout"})

# At most some 40 MiB; with more tokens in use, the supervisor is asked more often.
_CAPACITY: Final = 10_000

# Of no issuer: so no such token is current by its keys, and each request looks for its answer.
_NO_KEYS: Final = KeySet(())

_INACTIVE = Deny(Reason.TOKEN_INACTIVE, "the issuer says that the token is not active")
_OTHER_ISSUER = Deny(Reason.ISSUER_UNKNOWN, "the issuer says that the token is of another issuer")
_OTHER_KIND = Deny(Reason.TOKEN_TYPE_MISMATCH, "the issuer says that it is no access token")
_BOUND = Deny(Reason.PROOF_INVALID, "the token is bound to a key, whose proof is not checked here")


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What an issuer said about a token at *asked_at*; it may be used before *fresh_until*.

    Both are in seconds since the epoch. *members* is None if the token is not active.
    """

    members: Mapping[str, object] | None = field(repr=False)
    asked_at: float
    fresh_until: float


# What is known of a token's answer by an issuer, under a policy, at a time; None if nothing is.
FindAnswer = Callable[[bytes, Issuer, Policy, float], SignedToken | Deny | None]


def find_nothing(
    _token: bytes, _issuer: Issuer, _policy: Policy, _now: float
) -> SignedToken | Deny | None:
    """Return None: no issuer was asked."""
    return None


def find_only(
    about: bytes, asked: Issuer, answer: TokenAnswer | None, others: FindAnswer = find_nothing
) -> FindAnswer:
    """Return what knows the *answer* of the issuer *asked* about one token; None if it gave none.

    *others* knows about other tokens.
    """

    def find(token: bytes, issuer: Issuer, policy: Policy, now: float) -> SignedToken | Deny | None:
        # By identity: after a reload, the issuer of the same name may be another one.
        if issuer is not asked or token != about:
            return others(token, issuer, policy, now)
        return None if answer is None else read_answer(answer, issuer, policy)

    return find


def is_opaque(token: bytes) -> bool:
    """Return whether *token* is a bearer token, but no JWT that could be read here."""
    return token.count(b".") != _DOTS_OF_A_JWT and _BEARER.fullmatch(token) is not None


def read_answer(answer: TokenAnswer, issuer: Issuer, policy: Policy) -> SignedToken | Deny:
    """Return the token that *issuer* has answered for; its claims are checked for each request.

    A pure function of its arguments.
    """
    members = answer.members
    if members is None:
        return with_reporter(_INACTIVE, issuer)
    deny = _check_kind(members, issuer)
    if deny is not None:
        return with_reporter(deny, issuer)
    expiring = members
    if members.get("exp") is None:  # RFC 7662 §2.2: optional
        last = answer.asked_at + _LEAST_SECONDS
        expiring = {**members, "exp": max(answer.fresh_until, last)}
    claims = read_claims(expiring, issuer, policy.scope_implies)
    if isinstance(claims, Deny):
        return with_reporter(claims, issuer)
    claims.all = members
    token = make_token(issuer, _NO_KEYS, None, None, claims, policy)
    token.fresh_until = answer.fresh_until
    return token


def _check_kind(members: Mapping[str, object], issuer: Issuer) -> Deny | None:
    """Return None if *members* are those of a bearer access token of *issuer*."""
    iss, kind = members.get("iss"), members.get("token_type")
    if iss is not None and iss != issuer.issuer:
        return _OTHER_ISSUER
    if members.get("cnf") is not None:  # RFC 8705 §3.2, RFC 9449 §6.2
        return _BOUND
    if kind is not None and not (isinstance(kind, str) and kind.lower() == "bearer"):
        return _OTHER_KIND
    use, typ = members.get("token_use"), members.get("typ")
    if use is not None and not (isinstance(use, str) and use in _ACCESS_TOKEN_USES):
        return _OTHER_KIND
    return _OTHER_KIND if isinstance(typ, str) and typ.lower() in _OTHER_TYPES else None


class IntrospectedTokens:
    """Tokens whose answers are fresh, by issuer: what ``find`` returns costs no question.

    Keys are hashes: no credential stays in memory (RFC 9700 §2.1). An answer is used only for the
    issuer that gave it, and for the policy that it was read under.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._held: Generations[bytes, SignedToken] = Generations(capacity)

    def __len__(self) -> int:
        return len(self._held)

    def find(self, token: bytes, issuer: Issuer, policy: Policy, now: float) -> SignedToken | None:
        """Return the token that *issuer* answered for, if its answer is fresh at *now*."""
        digest, held = _digest(token, issuer), self._held
        known = held.young.get(digest)
        if known is None:
            known = held.old.pop(digest, None)
            if known is not None:
                held.keep(digest, known)
        if known is None or known.policy is not policy or now >= known.fresh_until:
            return None
        return known

    def keep(self, token: bytes, read: SignedToken) -> None:
        """Remember what was *read* in the answer about *token*."""
        self._held.keep(_digest(token, read.issuer), read)


def _digest(token: bytes, issuer: Issuer) -> bytes:
    return sha256(b"%b\n%b" % (issuer.name.encode(), token)).digest()
