"""Field names: each spelling is judged once, and by what it could be taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    DROP,
    HOST,
    TRANSFER_ENCODING,
    AnswerNames,
    RequestNames,
    without_named,
)

IDENTITY = frozenset({b"x-gateway-subject"})
TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789-!#$%&'*+.^`|~", min_size=1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Host", HOST),
        (b"hOST", HOST),
        (b"authorization", AUTHORIZATION),
        (b"Content-Length", CONTENT_LENGTH),
        (b"TRANSFER-ENCODING", TRANSFER_ENCODING),
        (b"connection", CONNECTION),
        (b"Keep-Alive", DROP),
        (b"TE", DROP),
        (b"Proxy-Authorization", DROP),
        (b"X-Forwarded-Anything", DROP),
        (b"X-Original-URL", DROP),
        (b"X_Any", DROP),
        (b"X-Gateway-Subject", DROP),
        (b"x.gateway~subject", DROP),
        (b"Accept", b"\r\nAccept: "),
        (b"X-Gateway-Subjects", b"\r\nX-Gateway-Subjects: "),
    ],
)
def test_a_request_field_is_forwarded_dropped_or_means_something_here(
    name: bytes, kind: bytes | int
) -> None:
    assert RequestNames(IDENTITY)[name] == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Content-Length", CONTENT_LENGTH),
        (b"connection", CONNECTION),
        (b"Keep-Alive", DROP),
        (b"Trailer", DROP),
        (b"Set-Cookie", b"\r\nSet-Cookie: "),
        (b"X_Own", b"\r\nX_Own: "),
    ],
)
def test_an_answer_field_is_forwarded_dropped_or_means_something_here(
    name: bytes, kind: bytes | int
) -> None:
    assert AnswerNames()[name] == kind


@given(TOKEN)
def test_the_case_of_a_name_never_matters(name: str) -> None:
    names = RequestNames(IDENTITY)
    kinds = {
        kind if isinstance(kind, int) else kind.lower()
        for kind in (names[name.encode()], names[name.upper().encode()])
    }

    assert len(kinds) == 1


@pytest.mark.parametrize("names", [RequestNames(IDENTITY), AnswerNames()])
def test_invented_names_do_not_fill_the_memory(names: dict[bytes, bytes | int]) -> None:
    for number in range(10_000):
        name = b"X-%d" % number
        assert names[name] == b"\r\n%b: " % name

    assert len(names) < 5000
    assert names[b"X-9999"] == b"\r\nX-9999: "


def test_names_of_no_honest_length_are_not_remembered() -> None:
    for names in (RequestNames(frozenset()), AnswerNames()):
        assert names[b"x" * 1000] == b"\r\n" + b"x" * 1000 + b": "
        assert not names


def test_fields_that_connection_names_are_taken_out() -> None:
    """9110.1."""
    lines = [b"\r\nX-One: ", b"1", b"\r\nX-Two: ", b"2", b"\r\nx-ONE: ", b"3"]

    assert without_named(lines, b"close,\t x-one ,,") == [b"\r\nX-Two: ", b"2"]
    assert without_named(lines, b"") == lines
