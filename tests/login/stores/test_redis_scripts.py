"""Keys in Redis tell no names, and no two things have one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.login.stores.redis_scripts import Names, issuer_mark, milliseconds
from tests.login.sessions import make_session

NAMES = Names("test:")


def test_no_two_things_have_one_key() -> None:
    one = b"i" * 32
    session = make_session(id=one, issuer="a", subject="a", sid="a")
    keys = [
        NAMES.session(one),
        NAMES.everyone,
        NAMES.since,
        NAMES.of_subject("a"),
        NAMES.of_sid("a", "a"),
        NAMES.ended(one),
        *NAMES.ends_of(session),
        NAMES.successor(one),
        NAMES.used(one),
        NAMES.lock(one),
    ]

    assert len(set(keys)) == len(keys)
    assert all(key.startswith(b"test:login:") for key in keys)
    assert NAMES.ends_of(session) == [
        NAMES.ended_subject("a", "a"),
        NAMES.ended_sid("a", "a"),
    ]


@given(st.text(st.characters()), st.text(st.characters()), st.text(), st.text())
def test_names_of_one_issuer_are_none_of_another(a: str, b: str, c: str, d: str) -> None:
    same = (a, b) == (c, d)

    assert (NAMES.of_sid(a, b) == NAMES.of_sid(c, d)) is same
    assert (NAMES.ended_subject(a, b) == NAMES.ended_subject(c, d)) is same
    assert (issuer_mark(a) == issuer_mark(c)) is (a == c)


def test_a_key_tells_no_subject() -> None:
    assert b"a.lovelace" not in NAMES.of_subject("a.lovelace")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1.0, 1000), (0.0001, 1), (0.0, 1), (-5.0, 1), (28_800.0, 28_800_000)]
)
def test_a_lifetime_is_at_least_a_millisecond(seconds: float, expected: int) -> None:
    """Redis refuses a lifetime of zero, and the session would stay for ever."""
    assert milliseconds(seconds) == expected
