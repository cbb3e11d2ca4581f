"""A list is understood as a whole, or not at all."""

import json
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.revocation import Revocation
from gateway.revocation.entries import MAX_ENTRIES, parse_revocations
from tests.revocation.lists import listing

GOOD = {"jti": "t1"}
SECRET = "s3cr3t-jti-of-somebody"


def test_an_entry_is_read_with_all_it_says() -> None:
    body = listing(
        {"sub": "alice", "iss": "https://a/", "exp": 20, "issued_before": 10.5},
        {"client_id": "shop", "jti": "t1"},
    )

    assert parse_revocations(body) == (
        Revocation((("iss", "https://a/"), ("sub", "alice")), 20, 10.5),
        Revocation((("client_id", "shop"), ("jti", "t1")), inf, inf),
    )


def test_an_empty_list_is_a_list() -> None:
    assert parse_revocations(b' {"revoked": []} ') == ()


NO_LISTS: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"<html>",
    "not UTF-8": b'{"revoked": ["\xff"]}',
    "cut short": listing(GOOD, GOOD)[:-3],
    "an array alone": json.dumps([GOOD]).encode(),
    "null": b"null",
    "no revoked": b"{}",
    "null for a list": b'{"revoked": null}',
    "an object for a list": b'{"revoked": {"jti": "t1"}}',
    "revoked twice": b'{"revoked": [], "revoked": []}',
    "something beside": b'{"revoked": [], "all": true}',
    "something behind": listing(GOOD) + b"{}",
    "a claim twice": b'{"revoked": [{"jti": "a", "jti": "b"}]}',
    "too deep": b'{"revoked": ' + b"[" * 40 + b"]" * 40 + b"}",
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_what_is_no_list_is_refused(name: str) -> None:
    assert isinstance(parse_revocations(NO_LISTS[name]), str)


BAD_ENTRIES: dict[str, Any] = {
    "a string": SECRET,
    "null": None,
    "a list": [SECRET],
    "nothing": {},
    "an issuer alone": {"iss": SECRET},
    "times alone": {"exp": 1, "issued_before": 1},
    "an unknown member": {"jti": SECRET, "reason": "stolen"},
    "a member misspelt": {"sub": SECRET, "issued_befor": 1},
    "other case": {"JTI": SECRET},
    "a number for a jti": {"jti": 5},
    "null for a sub": {"sub": None},
    "a list of clients": {"client_id": [SECRET]},
    "an empty jti": {"jti": ""},
    "an empty issuer": {"jti": SECRET, "iss": ""},
    "a time in words": {"jti": SECRET, "exp": "1800000000"},
    "true for a time": {"jti": SECRET, "exp": True},
    "null for a time": {"jti": SECRET, "issued_before": None},
    "a time before all": {"jti": SECRET, "exp": -1},
    "a time beyond all": {"jti": SECRET, "exp": 2**53},
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_one_entry_that_is_not_understood_spoils_the_list_and_is_named_by_its_index(
    name: str,
) -> None:
    """To leave it out would let in somebody; to quote it would tell a log of somebody."""
    answer = parse_revocations(listing(GOOD, BAD_ENTRIES[name], GOOD))

    assert isinstance(answer, str)
    assert answer.startswith("entry 1: ")
    assert SECRET not in answer


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "-Infinity"])
def test_a_time_is_a_finite_number(value: str) -> None:
    body = b'{"revoked": [{"jti": "a", "exp": %b}]}' % value.encode()

    assert isinstance(parse_revocations(body), str)


def test_a_list_has_a_largest_number_of_entries() -> None:
    most = [{"jti": f"{n}"} for n in range(MAX_ENTRIES)]

    assert len(parse_revocations(listing(*most))) == MAX_ENTRIES
    assert parse_revocations(listing(*most, GOOD)) == "has more than 50000 entries"


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["jti", "sub", "exp", "iss", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.binary(max_size=40) | st.lists(JSON, max_size=3).map(lambda some: listing(*some)))
def test_any_bytes_are_a_list_or_a_reason(body: bytes) -> None:
    assert isinstance(parse_revocations(body), tuple | str)
