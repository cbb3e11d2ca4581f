"""Check what an issuer signed for one client: access tokens, ID tokens and logout tokens."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256, sha384, sha512
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from gateway.admission import Keys
from gateway.decision.decide import check_revocation
from gateway.decision.identity import Identity
from gateway.decision.policy import Issuer, Policy, Profile
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.routes.routing import RouteTable
from gateway.decision.rules.step_up import StepUp, find_shortfall
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.claims import check_claims, check_current
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.verdict import Deny, Needed, NeedKeys
from gateway.login.requests import StepUpWanted

# It travels in the URL of a logout, and in sealed cookies.
MAX_ID_TOKEN_BYTES: Final = 16 * 1024

# By how much an ID token may be older than the login that it answers: clocks differ.
_MAX_SKEW_SECONDS: Final = 600.0

# OpenID Connect Back-Channel Logout 1.0 §2.4.
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

_NO_LISTS: Final[RevocationLists] = MappingProxyType({})
_HASHES: Final = {"256": sha256, "384": sha384, "512": sha512}


@dataclass(frozen=True, slots=True)
class Unverified:
    """Why a token is not used. *is_passing* if it may hold later: keys are not loaded."""

    detail: str
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say; *nonce* and *max_age_seconds* if the login asked for them.

    *asked_at* is when the login began, in seconds since the epoch; None for a refresh.
    """

    access_token: bytes = field(repr=False)
    nonce: str | None = field(default=None, repr=False)
    max_age_seconds: int | None = None
    asked_at: float | None = None


@dataclass(frozen=True, slots=True)
class LogoutOrder:
    """Which sessions a logout token ends: those of *sid*, or all of *subject*.

    *token_id* names the token, *issued_at* and *expires_at* are in seconds since the epoch.
    """

    subject: str | None
    sid: str | None
    token_id: str
    issued_at: float
    expires_at: float


class SignedTokens:
    """What *issuer* signs for the client *client_id*, judged as the gateway judges all tokens.

    *policy* is that for requests: an access token that it refuses is of no use. *revocations* are
    live, as the keys are.
    """

    def __init__(
        self,
        issuer: Issuer,
        client_id: str,
        policy: Policy,
        keys: Keys,
        revocations: RevocationLists = _NO_LISTS,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._policy = policy
        self._keys = keys
        self._revocations = revocations
        self._for_client = Issuer(
            issuer.name,
            issuer.issuer,
            frozenset({client_id}),
            issuer.algorithms,
            Profile.ANY,
            issuer.leeway_seconds,
        )
        self._client_policy = Policy(
            issuers={issuer.issuer: self._for_client},
            routes=RouteTable(()),
            identity=Identity((), forward_token=False),
            scope_implies={},
            max_token_bytes=MAX_ID_TOKEN_BYTES,
        )

    async def read_access_token(self, text: str, now: float) -> SignedToken | Unverified:
        """Return the access token *text*, if requests with it would be accepted at *now*."""
        if len(text) > self._policy.max_token_bytes:
            return Unverified("the access token is longer than the gateway accepts")
        token = await self._authenticate(text.encode(), self._policy)
        if isinstance(token, Deny):
            return _unverified("access token", token)
        if token.issuer.name != self._issuer.name:
            return Unverified("the access token is of another issuer")
        deny = check_claims(token, token.issuer, now)
        return token if deny is None else _unverified("access token", deny)

    def find_revocation(self, access: SignedToken, now: float) -> Unverified | None:
        """Return why the new token *access* is revoked already, or None.

        Its requests would be refused, and the browser sent to the login again, for ever.
        """
        deny = check_revocation(access, self._policy, self._revocations, now)
        if deny is None:
            return None
        return Unverified(
            f"the access token: {deny.detail}", deny.reason is Reason.REVOCATIONS_UNAVAILABLE
        )

    async def read_id_token(
        self, text: str, expected: Expected, now: float
    ) -> SignedToken | Unverified:
        """Return the ID token *text* if it is for this client, and for this login.

        OpenID Connect Core 1.0 §3.1.3.7, §3.1.3.6 and §12.2: what it says is optional is checked
        wherever it is present, and the signature always.
        """
        token = await self._read_for_client("ID token", text, now)
        if isinstance(token, Unverified):
            return token
        fault = self._find_fault(token, text, expected, now)
        return token if fault is None else Unverified(f"the ID token's {fault}")

    async def read_logout_token(self, text: str, now: float) -> LogoutOrder | Unverified:
        """Return what the logout token *text* orders (Back-Channel Logout 1.0 §2.6)."""
        token = await self._read_for_client("logout token", text, now)
        if isinstance(token, Unverified):
            return token
        order = _read_order(token)
        return Unverified(f"the logout token's {order}") if isinstance(order, str) else order

    async def _read_for_client(self, kind: str, text: str, now: float) -> SignedToken | Unverified:
        if len(text) > MAX_ID_TOKEN_BYTES:
            return Unverified(f"the {kind} is longer than {MAX_ID_TOKEN_BYTES} bytes")
        token = await self._authenticate(text.encode("ascii", "replace"), self._client_policy)
        if isinstance(token, Deny):
            return _unverified(kind, token)
        deny = check_current(token.claims, self._for_client, now)
        return token if deny is None else _unverified(kind, deny)

    async def _authenticate(self, token: bytes, policy: Policy) -> SignedToken | Deny:
        answer = authenticate(token, policy, self._keys.keys)
        if isinstance(answer, NeedKeys):
            await self._keys.refetch(answer.issuer_name, answer.kid)
            answer = authenticate(token, policy, self._keys.keys)
        return answer.deny if isinstance(answer, Needed) else answer

    def _find_fault(
        self, token: SignedToken, text: str, expected: Expected, now: float
    ) -> str | None:
        claims = token.claims.all
        if token.token_type not in {None, "jwt"} or "events" in claims:
            return "type is that of another kind of token"
        if token.claims.subject is None:
            return "claim sub is missing"
        issued_at, asked_at = token.claims.issued_at, expected.asked_at
        if issued_at is None:
            return "claim iat is missing"
        if asked_at is not None and issued_at < asked_at - _MAX_SKEW_SECONDS:
            # The session would be as old as this, and might be over before its first request.
            return "claim iat is long before the login"
        azp = claims.get("azp")
        if azp != self._client_id and (azp is not None or len(token.claims.audiences) > 1):
            return "claim azp is not this client"
        if expected.nonce is not None and not _is_equal(claims.get("nonce"), expected.nonce):
            return "claim nonce is not that of this login"
        at_hash = claims.get("at_hash")
        if at_hash is not None and at_hash != _half_hash(text, expected.access_token):
            return "claim at_hash does not fit the access token"
        if expected.max_age_seconds is not None:
            wanted = StepUp((), expected.max_age_seconds)
            if find_shortfall(claims, wanted, now, token.issuer.leeway_seconds) is not None:
                return "claim auth_time is missing, or longer ago than was asked for"
        return None


def find_step_up_fault(access: SignedToken, wanted: StepUpWanted, now: float) -> str | None:
    """Return why a new login did not give *access* the authentication *wanted*, or None."""
    rule = StepUp(wanted.acr_values, wanted.max_age_seconds)
    shortfall = find_shortfall(access.claims.all, rule, now, access.issuer.leeway_seconds)
    if shortfall is Reason.AUTHENTICATION_TOO_WEAK:
        return "the access token's claim acr is not one that was asked for"
    if shortfall is Reason.AUTHENTICATION_TOO_OLD:
        return "the access token's claim auth_time is missing, or longer ago than was asked for"
    return None


def _unverified(kind: str, deny: Deny) -> Unverified:
    return Unverified(f"the {kind}: {deny.detail}", deny.reason is Reason.KEYS_UNAVAILABLE)


def _is_equal(value: object, wanted: str) -> bool:
    return isinstance(value, str) and compare_digest(value.encode(), wanted.encode())


def _half_hash(id_token: str, access_token: bytes) -> str | None:
    """Return the left half of the hash of *access_token* (OpenID Connect Core 1.0 §3.1.3.6)."""
    compact = parse_compact(id_token.encode())
    if isinstance(compact, Deny):
        return None
    # Ed25519 hashes with SHA-512 itself (RFC 8032 §5.1).
    digest = _HASHES.get(compact.algorithm[-3:], sha512)(access_token).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _read_order(token: SignedToken) -> LogoutOrder | str:
    claims = token.claims
    if token.token_type not in {"logout+jwt", "jwt"}:
        return "type is not logout+jwt"
    if "nonce" in claims.all:
        # So that no ID token is taken for it (§2.4).
        return "claim nonce is forbidden"
    events = claims.all.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        return "claim events does not say that it is a logout"
    token_id, sid = claims.all.get("jti"), claims.all.get("sid")
    if not isinstance(token_id, str) or not token_id:
        return "claim jti is missing"
    if claims.issued_at is None:
        return "claim iat is missing"
    if sid is not None and (not isinstance(sid, str) or not sid):
        return "claim sid is malformed"
    if sid is None and claims.subject is None:
        return "claims sub and sid are both missing"
    return LogoutOrder(claims.subject, sid, token_id, claims.issued_at, claims.expires_at)


def names_client(id_token: str, client_id: str) -> bool:
    """Return whether *id_token*, which was verified when it was issued, is for *client_id*."""
    compact = parse_compact(id_token.encode())
    payload = None if isinstance(compact, Deny) else parse_json_object(compact.payload)
    if payload is None or isinstance(payload, JsonFault):
        return False
    audience = payload.get("aud")
    return audience == client_id or (isinstance(audience, list) and client_id in audience)
