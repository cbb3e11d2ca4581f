"""Response heads of HTTP/2 say what those of HTTP/1.1 say, without what is about a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.writing.h2_head import (
    RequestLines,
    render_h2_head,
    render_h2_request,
    render_h2_trailers,
)

NAMES = st.sampled_from([b"Date", b"X-Thing", b"content-length", b"Set-Cookie"])
VALUES = st.binary(max_size=8).filter(
    lambda value: value.strip(b" \t") == value and not set(value) & set(b"\r\n")
)


@given(fields=st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_every_line_is_a_field_with_its_name_in_lower_case(
    fields: list[tuple[bytes, bytes]],
) -> None:
    lines = b"".join(b"\r\n%b: %b" % field for field in fields)
    expected = [(b":status", b"204")] + [(name.lower(), value) for name, value in fields]
    assert render_h2_head(204, lines) == expected
    assert render_h2_head(204, lines) == expected  # from what was remembered


@pytest.mark.parametrize(
    "name", ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Proxy-Connection"]
)
def test_a_field_about_a_connection_is_left_out(name: str) -> None:
    """9113.6: none is sent in a response, whatever a service says."""
    lines = b"\r\n%b: x\r\nA: b" % name.encode()
    for _ in range(2):
        assert render_h2_head(200, lines) == [(b":status", b"200"), (b"a", b"b")]


def test_a_large_line_is_read_and_not_remembered() -> None:
    line = b"X: " + b"y" * 1000
    assert render_h2_head(200, b"\r\n" + line)[1] == (b"x", b"y" * 1000)


def test_trailers_have_no_status() -> None:
    assert render_h2_trailers(b"\r\nX-Sum: 1\r\nUpgrade: h2c") == [(b"x-sum", b"1")]


def test_a_request_becomes_pseudo_fields_and_fields_in_lower_case() -> None:
    head = (
        b"POST /a?b HTTP/1.1\r\nHost: api.test\r\nX-A: 1\r\nTransfer-Encoding: chunked"
        b"\r\nConnection: Upgrade\r\nUpgrade: x\r\nVia: 1.1 gateway\r\n\r\n"
    )
    assert render_h2_request(head, b"https", True) == [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"api.test"),
        (b":path", b"/a?b"),
        (b"x-a", b"1"),
        (b"via", b"1.1 gateway"),
        (b"te", b"trailers"),
    ]


def test_only_whoever_reads_trailers_says_so() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert render_h2_request(head, b"http", False)[4:] == []


@pytest.mark.parametrize("name", ["X-Request-Id", "Authorization", "traceparent", "grpc-timeout"])
def test_a_line_that_differs_by_request_displaces_no_other(name: str) -> None:
    lines, usual = RequestLines(), b"user-agent: grpc-python"
    for number in range(3):
        line = f"{name}: {number}".encode()
        assert lines[line] == (name.lower().encode(), b"%d" % number)
        assert lines[usual] == (b"user-agent", b"grpc-python")
    assert list(lines) == [usual]
