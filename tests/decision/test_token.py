"""Tokens taken apart: values that cannot be changed and do not show themselves."""

from gateway.decision.token import CompactToken, SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.jws import parse_compact
from tests.decision.policies import claims, policy
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256", "key-of-alice")
TOKEN = mint(PRIVATE, "ES256", claims(email="alice@example.com"), "key-of-alice")


def signed() -> SignedToken:
    token = authenticate(TOKEN, policy(), {"main": KEYS})
    assert isinstance(token, SignedToken)
    return token


def compact() -> CompactToken:
    token = parse_compact(TOKEN)
    assert isinstance(token, CompactToken)
    return token


def test_no_part_of_a_token_is_in_what_it_shows() -> None:
    """6750.10: whatever is printed for a bug ends up in a log."""
    shown = repr([compact(), signed(), signed().claims]) + f"{compact()}{signed()}"

    assert "alice" not in shown
    assert not [part for part in TOKEN.decode().split(".") if part[:12] in shown]


def test_tokens_are_compared_by_identity() -> None:
    """Two tokens that say the same are two tokens: one may be revoked."""
    one, other = signed(), signed()

    assert one != other
    assert one.claims != other.claims
