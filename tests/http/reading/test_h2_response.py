"""Responses in HTTP/2 become the lines that HTTP/1.1 would have, or are refused."""

import pytest

from gateway.http.reading.h2_response import H2ResponseReader, ResponseHead

Section = tuple[tuple[bytes, bytes], ...]
OK: Section = ((b":status", b"200"),)


@pytest.fixture
def reader() -> H2ResponseReader:
    return H2ResponseReader(1000, 10)


def test_a_head_becomes_lines(reader: H2ResponseReader) -> None:
    section = (
        *OK,
        (b"content-type", b"text/plain"),
        (b"date", b"today"),
        (b"content-length", b"12"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    )
    fields = (
        b"\r\ncontent-type: text/plain\r\nDate: today\r\nContent-Length: 12"
        b"\r\nset-cookie: a=1\r\nset-cookie: b=2"
    )
    assert reader.read(section) == ResponseHead(200, fields, 12, False)
    assert reader.read(section) == ResponseHead(200, fields, 12, False), "remembered"


def test_fields_for_the_gateway_alone_are_dropped(reader: H2ResponseReader) -> None:
    section = (*OK, (b"proxy-authenticate", b"Basic"), (b"trailer", b"x"), (b"a", b"b"))
    assert reader.read(section) == ResponseHead(200, b"\r\na: b", None, True)


@pytest.mark.parametrize("status", [b"204", b"103"])
def test_9110_8_6_a_response_without_a_body_has_no_length(
    reader: H2ResponseReader, status: bytes
) -> None:
    head = reader.read(((b":status", status), (b"content-length", b"0")))
    assert head == ResponseHead(int(status), b"", None, True)
    assert isinstance(reader.read(((b":status", status), (b"content-length", b"1"))), str)


INVALID: dict[str, Section] = {
    "no status": ((b"a", b"b"),),
    "nothing": (),
    "two statuses": OK + OK,
    "a late status": ((b"a", b"b"), *OK),
    "status 99": ((b":status", b"099"),),
    "status 600": ((b":status", b"600"),),
    "status with a sign": ((b":status", b"+20"),),
    "a short status": ((b":status", b"20"),),
    "a long status": ((b":status", b"2000"),),
    "101": ((b":status", b"101"),),
    "a pseudo-field of requests": (*OK, (b":path", b"/")),
    "an unknown pseudo-field": (*OK, (b":x", b"1")),
    "upper case": (*OK, (b"Set-Cookie", b"a")),
    "an empty name": (*OK, (b"", b"a")),
    "a space in a name": (*OK, (b"a b", b"c")),
    "a colon in a name": (*OK, (b"a:b", b"c")),
    "a line end in a name": (*OK, (b"a\r\nb", b"c")),
    "a line end in a value": (*OK, (b"a", b"b\r\nset-cookie: c")),
    "a bare LF": (*OK, (b"a", b"b\nc")),
    "a bare CR": (*OK, (b"a", b"b\rc")),
    "NUL": (*OK, (b"a", b"b\0")),
    "white space before": (*OK, (b"a", b" b")),
    "white space after": (*OK, (b"a", b"b\t")),
    "connection": (*OK, (b"connection", b"close")),
    "keep-alive": (*OK, (b"keep-alive", b"1")),
    "proxy-connection": (*OK, (b"proxy-connection", b"close")),
    "transfer-encoding": (*OK, (b"transfer-encoding", b"chunked")),
    "upgrade": (*OK, (b"upgrade", b"websocket")),
    "two lengths": (*OK, (b"content-length", b"1"), (b"content-length", b"1")),
    "no number": (*OK, (b"content-length", b"+1")),
    "an empty length": (*OK, (b"content-length", b"")),
    "a list of lengths": (*OK, (b"content-length", b"1, 1")),
    "an endless length": (*OK, (b"content-length", b"9" * 30)),
    "too many fields": (*OK, *[(b"a", b"b")] * 10),
    "too many bytes": (*OK, (b"a", b"b" * 1000)),
}


@pytest.mark.parametrize("section", INVALID.values(), ids=INVALID)
def test_9113_8_1_1_a_malformed_head_is_refused(reader: H2ResponseReader, section: Section) -> None:
    """9113.24."""
    assert isinstance(reader.read(section), str)
    assert isinstance(reader.read(section), str), "and not remembered"


def test_trailers_become_lines(reader: H2ResponseReader) -> None:
    section = ((b"grpc-status", b"0"), (b"set-cookie", b"a"), (b"content-length", b"1"))
    assert reader.read_trailers(section) == b"\r\ngrpc-status: 0"
    assert reader.read_trailers(section) == b"\r\ngrpc-status: 0", "remembered"
    assert reader.read_trailers(((b"grpc-status", b"5"),)) == b"\r\ngrpc-status: 5"


def test_trailers_over_the_limit_are_dropped(reader: H2ResponseReader) -> None:
    assert reader.read_trailers(((b"a", b"b" * 1000),)) == b""
    assert reader.read_trailers(((b"a", b"b"),) * 11) == b""


@pytest.mark.parametrize(
    "section",
    [
        ((b":status", b"200"),),
        ((b"A", b"b"),),
        ((b"a", b"b\r\nc: d"),),
        ((b"transfer-encoding", b"chunked"),),
    ],
)
def test_malformed_trailers_are_refused(reader: H2ResponseReader, section: Section) -> None:
    assert reader.read_trailers(((b"a", b"b"),)) == b"\r\na: b"
    assert isinstance(reader.read_trailers(section), str)
    assert isinstance(reader.read_trailers(section), str), "and not remembered"
