"""What issuers that introspect say about the tokens of a run, without being asked."""

from collections.abc import Mapping
from typing import Final

from gateway.decision.policy import Issuer, Policy
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.introspected import FindAnswer, TokenAnswer, read_answer
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.verdict import Deny

# In no base64url text, but in bearer tokens (RFC 6750 §2.1).
_SEPARATOR: Final = b"~"


def simulate_answers(keys: KeySets) -> FindAnswer:
    """Return a function that answers for each issuer as its own server would.

    A token that the issuer signed, with one of *keys*, is active, and its claims are the answer;
    so it is in the form of ``as_opaque``. Any other token is not: the server has never seen it.
    """

    def find_answer(token: bytes, issuer: Issuer, policy: Policy, now: float) -> SignedToken | Deny:
        members = _find_claims(token, issuer, keys)
        return read_answer(TokenAnswer(members, now, now), issuer, policy)

    return find_answer


def as_opaque(token: bytes) -> bytes:
    """Return the JWT *token* in a form that is no JWT, for an issuer that introspects."""
    return token.replace(b".", _SEPARATOR)


def _find_claims(token: bytes, issuer: Issuer, keys: KeySets) -> Mapping[str, object] | None:
    compact = parse_compact(token.replace(_SEPARATOR, b"."))
    if isinstance(compact, Deny) or compact.algorithm not in issuer.algorithms:
        return None
    if verify_signature(compact, keys[issuer.name]) is not None:
        return None
    claims = parse_json_object(compact.payload)
    return None if isinstance(claims, JsonFault) else claims
