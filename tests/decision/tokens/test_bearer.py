"""Bearer credentials: exactly one, or a refusal that says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.decision.tokens.bearer import bearer_token
from gateway.decision.verdict import Deny

MAX = 100


@pytest.mark.parametrize(
    "value", [b"Bearer a.b.c", b"bearer a.b.c", b"BEARER a.b.c", b"Bearer   a.b.c"]
)
def test_the_scheme_is_case_insensitive_and_spaces_may_follow(value: bytes) -> None:
    """6750.1."""
    assert bearer_token((value,), MAX) == b"a.b.c"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ((), Reason.TOKEN_MISSING),
        ((b"",), Reason.TOKEN_MISSING),
        ((b"  ",), Reason.TOKEN_MISSING),
        ((b"Basic dXNlcjpwYXNz",), Reason.TOKEN_MISSING),
        ((b'Digest username="a", realm="b"',), Reason.TOKEN_MISSING),
        ((b"Bearertoken",), Reason.TOKEN_MISSING),
        ((b"DPoP a.b.c",), Reason.TOKEN_MISSING),
        ((b"Bearer a", b"Bearer a"), Reason.TOKEN_REPEATED),
        ((b"Bearer a", b"Basic b"), Reason.TOKEN_REPEATED),
        ((b"Bearer a,Bearer b",), Reason.TOKEN_REPEATED),
        ((b"Bearer a, b",), Reason.TOKEN_REPEATED),
        ((b"Basic a, bearer b",), Reason.TOKEN_REPEATED),
        ((b"Bearer",), Reason.TOKEN_MALFORMED),
        ((b"Bearer ",), Reason.TOKEN_MALFORMED),
        ((b"Bearer    ",), Reason.TOKEN_MALFORMED),
        ((b"Bearer\ta",), Reason.TOKEN_MALFORMED),
        ((b"Bearer \ta",), Reason.TOKEN_MALFORMED),
        ((b"Bearer a\tb",), Reason.TOKEN_MALFORMED),
        ((b"Bearer a b",), Reason.TOKEN_MALFORMED),
        ((b"Bearer a ",), Reason.TOKEN_MALFORMED),
        ((b"Bearer " + b"a" * (MAX + 1),), Reason.TOKEN_MALFORMED),
    ],
)
def test_anything_but_one_bearer_token_is_refused(
    authorization: tuple[bytes, ...], reason: Reason
) -> None:
    """6750.2, 6750.3, 6750.5, CVE-2026-31838."""
    answer = bearer_token(authorization, MAX)

    assert isinstance(answer, Deny)
    assert answer.reason is reason


def test_a_token_of_the_greatest_length_is_taken() -> None:
    assert bearer_token((b"Bearer " + b"a" * MAX,), MAX) == b"a" * MAX


@given(st.lists(st.binary(max_size=30) | st.just(b"Bearer x"), max_size=3))
def test_any_fields_give_a_token_or_a_refusal(fields: list[bytes]) -> None:
    answer = bearer_token(tuple(fields), MAX)

    assert isinstance(answer, Deny) or not set(answer) & set(b" ,\t")
