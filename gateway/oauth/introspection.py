"""Read what an authorization server says about a token (RFC 7662), signed or not (RFC 9701)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.decision.keys import KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.verdict import Deny

JSON_TYPE: Final = "application/json"
JWT_TYPE: Final = "application/token-introspection+jwt"

# RFC 9701 §5: `typ` keeps an answer apart from all other JWTs of the same issuer.
_TYP: Final = "token-introspection+jwt"

# A signed answer is made for this very question: an older one says how things were.
_MAX_AGE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class TokenState:
    """What a server says about a token: all *members* of its answer, none unless it is active."""

    is_active: bool
    members: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """Why an answer cannot be used, for the log; *needs_key* if a newer key set may help."""

    detail: str
    needs_key: bool = False
    kid: str | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs answers for the client *client_id*: *issuer*, with one of *algorithms*.

    *leeway_seconds* is by how much its clock may differ.
    """

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    leeway_seconds: float


def read_answer(body: bytes) -> TokenState | BadAnswer:
    """Return what the JSON in *body* says about a token (RFC 7662 §2.2)."""
    members = parse_json_object(body)
    if isinstance(members, JsonFault):
        return BadAnswer(f"the response is {members.detail}")
    return _read_state(members)


def read_signed_answer(
    body: bytes, signer: Signer, keys: KeySet | None, now: float
) -> TokenState | BadAnswer:
    """Return what the JWT in *body* says about a token at the time *now* (RFC 9701 §5)."""
    compact = parse_compact(body.strip())
    if isinstance(compact, Deny):
        return BadAnswer("the response is not a signed JWT")
    if compact.token_type != _TYP:
        return BadAnswer(f"the response is not of the type {_TYP}")
    if compact.algorithm not in signer.algorithms:
        return BadAnswer("the response is signed with an algorithm that is not allowed")
    if keys is None:
        return BadAnswer("the issuer's keys are not loaded", needs_key=True)
    fault = verify_signature(compact, keys)
    if fault is not None:
        unknown = fault.reason is Reason.KEY_UNKNOWN
        return BadAnswer(f"the response: {fault.detail}", unknown, compact.kid)
    return _read_payload(compact, signer, now)


def _read_payload(compact: CompactToken, signer: Signer, now: float) -> TokenState | BadAnswer:
    payload = parse_json_object(compact.payload)
    if isinstance(payload, JsonFault):
        return BadAnswer(f"the response is {payload.detail}")
    if payload.get("iss") != signer.issuer:
        return BadAnswer("the response's iss is not the issuer")
    audience = payload.get("aud")
    if audience != signer.client_id and not (
        isinstance(audience, list) and signer.client_id in audience
    ):
        return BadAnswer("the response's aud is not this client")
    issued_at = payload.get("iat")
    if type(issued_at) is not int and type(issued_at) is not float:
        return BadAnswer("the response's iat is missing or malformed")
    leeway_seconds = signer.leeway_seconds
    if not now - leeway_seconds - _MAX_AGE_SECONDS <= issued_at <= now + leeway_seconds:
        return BadAnswer("the response's iat is not the time of this request")
    state = payload.get("token_introspection")
    if not isinstance(state, dict):
        return BadAnswer("the response's token_introspection is not an object")
    return _read_state(state)


def _read_state(members: Mapping[str, object]) -> TokenState | BadAnswer:
    active = members.get("active")
    # RFC 7662 §2.2: a boolean. The string "false" is true in many languages.
    if active is True:
        return TokenState(True, members)
    if active is False:
        return TokenState(False)
    return BadAnswer("the response's active is neither true nor false")
