"""What is sent in place of what was asked for is a path again, and otherwise as it came."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.decision.routes.segments import split_segments
from gateway.http.writing.rewriting import (
    choose_host,
    edit_response_fields,
    rewrite_target,
    without_edited,
)
from gateway.settings.values.configuration import Server
from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite

SEGMENT = st.sampled_from(
    ["a", "b.", "...", ".a", "%61", "%c3%A9", "a%20b", "~", "..b", "%7E%2e%2e", "@", "=&"]
)
PREFIXES = st.lists(
    st.text(string.ascii_letters, min_size=1, max_size=3), min_size=1, max_size=3
).map(lambda parts: "/" + "/".join(parts))


@given(
    st.lists(SEGMENT, min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
    st.integers(1, 3),
    PREFIXES,
)
def test_a_canonical_path_without_its_beginning_is_one(
    parts: list[str], end: str, cut: int, prefix: str
) -> None:
    """What is left decodes to the segments that were matched, and to no other."""
    path = ("/" + "/".join(parts) + end).encode()
    segments = split_segments(path)
    assume(len(segments) >= cut)
    assert isinstance(segments, tuple)
    for put in (b"", prefix.encode()):
        sent = rewrite_target(path, Rewrite(cut, put))
        expected = (*put.decode().split("/")[1:], *segments[cut:]) or ("",)
        assert split_segments(sent) == expected
        assert path.endswith(sent.removeprefix(put)) or sent == b"/"


@given(st.text("ab/?&=%", max_size=20))
def test_a_query_is_not_touched_by_what_becomes_of_the_path(query: str) -> None:
    target = b"/api/x?" + query.encode()

    assert rewrite_target(target, Rewrite(1)) == target.removeprefix(b"/api")


@given(st.lists(st.text("ab=%&+1", max_size=5).map(str.encode), max_size=5))
def test_parameters_that_are_not_named_stay_in_order_and_byte_for_byte(parts: list[bytes]) -> None:
    query = b"&".join(parts)
    edits = QueryEdits(frozenset({b"debug"}), b"page=1")

    target = b"/x?" + query + b"&d%65bug=1&debug"

    assert rewrite_target(target, Rewrite(query=edits)) == b"/x?" + query + b"&page=1"


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (b"y=100%&debug=1", b"y=100%"),
        (b"%&%=%&%zz=1&d%65bug", b"%&%=%&%zz=1"),
        (b"debug%=1&deb%ug=1", b"debug%=1&deb%ug=1"),
        (b"%debug=1", b"%debug=1"),  # an escape, and `bug`
        (b"x[]=1&debug[]=1&debug[a][b]=2&debug%5b%5D=3&debug[", b"x[]=1"),
        (b"a[debug]=1&[debug]=2", b"a[debug]=1&[debug]=2"),
    ],
)
def test_what_browsers_do_not_escape_is_no_way_around_a_removal(query: bytes, left: bytes) -> None:
    """A `%` that begins no escape stays as it is; PHP and others read `debug[]` as `debug`."""
    edits = Rewrite(query=QueryEdits(frozenset({b"debug"})))

    assert rewrite_target(b"/x?" + query, edits) == b"/x?" + left


def test_nothing_is_left_of_a_query_that_is_only_removed() -> None:
    edits = Rewrite(query=QueryEdits(frozenset({b"debug"})))

    assert rewrite_target(b"/x?debug=1", edits) == b"/x"
    assert rewrite_target(b"/x", edits) == b"/x"


def test_a_name_is_read_as_services_read_it() -> None:
    edits = Rewrite(query=QueryEdits(frozenset({b"a b", "ü".encode()})))

    assert rewrite_target(b"/x?a+b&a%20b=1&%c3%bC&A+b&a%2Bb", edits) == b"/x?A+b&a%2Bb"


def test_the_host_is_kept_unless_another_one_is_chosen() -> None:
    server = Server("10.0.0.7", 8000, False, "10.0.0.7:8000")

    assert choose_host(b"h", Rewrite(), server) == b"h"
    assert choose_host(b"h", Rewrite(host=HostField.UPSTREAM), server) == b"10.0.0.7:8000"
    assert choose_host(b"h", Rewrite(host=b"shop"), server) == b"shop"


def test_fields_are_known_by_all_spellings_of_their_names() -> None:
    edits = FieldEdits(frozenset({b"x-area"}))
    lines = [b"\r\nx_AREA: ", b"1", b"\r\nX-Areas: ", b"2", b"\r\nHTTP_X_AREA: ", b"3"]

    assert without_edited(lines, edits) == [b"\r\nX-Areas: ", b"2"]
    assert without_edited(lines, FieldEdits()) is lines


def test_fields_of_answers_are_taken_out_before_others_are_put_in() -> None:
    edits = FieldEdits(frozenset({b"server", b"x-a"}), b"\r\nX-A: 1")

    edited = edit_response_fields(b"\r\nServer: x: y\r\nETag: z\r\nx_a: 2", edits)

    assert edited == b"\r\nETag: z\r\nX-A: 1"
    assert edit_response_fields(b"", edits) == b"\r\nX-A: 1"
    assert edit_response_fields(b"\r\nA: 1", FieldEdits(frozenset(), b"\r\nB: 2")) == (
        b"\r\nA: 1\r\nB: 2"
    )
