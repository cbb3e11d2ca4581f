"""The same requests are read however the bytes are cut, and none after a fault."""

from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.faults import EarlyBytes, Fault
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.proxy.client.request_reader import RequestReader
from gateway.proxy.streams.upload import Upload
from gateway.proxy.upstream.connection import ServerConnection
from gateway.settings.values.configuration import Limits
from tests.proxy.messages import make_chunked, make_request
from tests.proxy.streams.test_upload import Source

LIMITS = Limits(
    head_bytes=2048, head_fields=10, target_bytes=100, body_bytes=None, connections=10
)  # fmt: skip


class Sink:
    """Records what is read in a form that can be compared."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes, bytes, list[bytes]]] = []
        self.uploads: list[Upload] = []
        self.faults: list[Deny | None] = []
        self.ended = 0

    def request_received(self, request: Request) -> Upload | None:
        fields = request.fields
        self.faults.append(fields.fault)
        self.requests.append((request.method, request.target, fields.host, list(fields.lines)))
        if not request.has_body():
            return None
        length = None if fields.is_chunked else fields.content_length
        self.uploads.append(Upload(Source(), length, None))
        return self.uploads[-1]

    def body_ended(self) -> None:
        self.ended += 1


def read(*pieces: bytes) -> tuple[Sink, RequestReader]:
    sink = Sink()
    reader = RequestReader(sink, RequestNames(frozenset()), LIMITS)
    for piece in pieces:
        reader.feed(piece)
    return sink, reader


STREAM = (
    make_request("/a", "Accept: */*", "X-Note: one")
    + make_request("/b", "Accept: */*", "X-Note: one")
    + make_request("/c", method="POST", body=b"GET /smuggled HTTP/1.1\r\n\r\n")
    + make_request("/d", "Transfer-Encoding: chunked", method="PUT")
    + make_chunked(b"one", b"two")
    + make_request("/e", "Accept: */*", "X-Note: one", method="HEAD")
)
# Behind the first request, behind a body of known length, and behind a chunked one.
ENDS = [STREAM.index(start) for start in (b"GET /b", b"PUT /d", b"HEAD /e")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_the_same_requests_are_read_however_the_bytes_are_cut(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(borders) if a < b]

    sink, reader = read(*pieces)

    assert [(method, target) for method, target, *_ in sink.requests] == [
        ("GET", b"/a"), ("GET", b"/b"), ("POST", b"/c"), ("PUT", b"/d"), ("HEAD", b"/e"),
    ]  # fmt: skip
    assert [upload.received_bytes for upload in sink.uploads] == [26, 6]
    assert all(upload.complete for upload in sink.uploads)
    assert sink.ended == 2
    assert not reader.is_over


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET /next HTTP/1.1", ("GET", b"/next")),
        (b"POST /next?a=%20 HTTP/1.1", ("POST", b"/next?a=%20")),
        (b"PURGE /next HTTP/1.1", ("PURGE", b"/next")),
        (b"GET * HTTP/1.1", None),
        (b"GET /next HTTP/1.0", ("GET", b"/next")),
    ],
)
def test_a_repeated_section_means_the_same_behind_another_request_line(
    line: bytes, expected: tuple[str, bytes] | None
) -> None:
    first = make_request("/first", "Accept: */*", "X-Note: one")
    section = first[first.index(b"\r\n") :]

    sink, _ = read(first, line + section)
    fresh, _ = read(line + section)

    assert sink.requests[1] == fresh.requests[0]
    if expected is not None:
        assert sink.requests[1][:2] == expected


@pytest.mark.parametrize(
    "line",
    [
        b"GET /a b HTTP/1.1",
        b"GET  /a HTTP/1.1",
        b"GET /a HTTP/1.1 ",
        b"GET /a\x01 HTTP/1.1",
        b"GET /a\x80 HTTP/1.1",
        b"GET /a HTTP/2.0",
        b"GET /a",
        b" GET /a HTTP/1.1",
        b"GET /a HTTP/1.1\r\nX: y\r\n z",
        b"get /a HTTP/1.1",
        b"",
    ],
)
def test_a_bad_request_line_is_refused_before_a_repeated_section(line: bytes) -> None:
    """A remembered section is no way around the parser."""
    first = make_request("/first", "Accept: */*")
    data = line + first[first.index(b"\r\n") :]

    def outcome(*pieces: bytes) -> object:
        try:
            return read(*pieces)[0].requests[len(pieces) - 1 :]
        except Fault as fault:
            return fault.reason

    assert outcome(first, data) == outcome(data)


BAD_LINES = [
    b"GET  / HTTP/1.1",
    b"GET   /a HTTP/1.1",
    b"GET /  HTTP/1.1",
    b"GET\t/ HTTP/1.1",
    b"GET \t/ HTTP/1.1",
    b"GET /\tHTTP/1.1",
    b"GET / HTTP/1.1 ",
    b"GET / HTTP/1.1\t",
    b"GET / RTSP/1.0",
    b"GET / ICE/1.0",
    b"POST  http://a/ HTTP/1.1",
    b"OPTIONS  * HTTP/1.1",
]


@pytest.mark.parametrize("line", BAD_LINES)
@pytest.mark.parametrize("before", [b"", b"\r\n", *(STREAM[:end] for end in ENDS)])
def test_a_request_line_has_single_spaces_however_it_is_cut(line: bytes, before: bytes) -> None:
    """RFC 9112 §3: servers read other request lines differently."""
    head = line + b"\r\nHost: a\r\n\r\n"
    stream = before + head
    near = range(max(1, len(before) - 5), len(before) + len(line) + 3)
    cuts = [(), *((cut,) for cut in near), tuple(near), tuple(range(1, len(stream)))]
    for cut in cuts:
        borders = [0, *cut, len(stream)]
        sink = Sink()
        reader = RequestReader(sink, RequestNames(frozenset()), LIMITS)

        _, fault = feed_all(reader, *(stream[a:b] for a, b in pairwise(borders)))

        found = sink.faults[-1] if fault is None else fault
        assert found is not None, cut
        assert found.reason is Reason.REQUEST_MALFORMED, cut
        assert reader.is_over


def test_a_request_line_behind_a_chunked_body_is_checked() -> None:
    """A body cannot provide a good request line for the bad one behind it."""
    shown = b"\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    body = make_chunked(b"a" + shown)
    head = make_request("/a", "Transfer-Encoding: chunked", method="POST")

    sink, _ = read(head + body + b"GET  /b HTTP/1.1\r\nHost: a\r\n\r\n")

    assert [fault and fault.reason for fault in sink.faults] == [None, Reason.REQUEST_MALFORMED]


def test_a_head_that_came_in_pieces_is_not_remembered() -> None:
    """Else a request without credentials would get those of the request before."""
    start = b"GET /a HTTP/1.1\r\nAuthorization: Bearer x\r\nX-N"
    _, reader = read(start, b"ote: one\r\nHost: a\r\n\r\n")

    assert reader.repeated_head.match(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n") is None


def test_a_repeated_section_inside_a_body_is_a_body() -> None:
    first = make_request("/first", "Accept: */*")
    body = make_request("/smuggled", "Accept: */*")
    head = make_request("/second", f"Content-Length: {len(body)}", method="POST")

    sink, _ = read(first, head, body, first)

    assert [target for _, target, *_ in sink.requests] == [b"/first", b"/second", b"/first"]
    assert sink.uploads[0].received_bytes == len(body)


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (b"nonsense\r\n\r\n", Reason.REQUEST_MALFORMED),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", Reason.REQUEST_MALFORMED),  # 9112.2
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", Reason.REQUEST_MALFORMED),  # 9112.3
        (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", Reason.REQUEST_MALFORMED),  # 9112.4
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", Reason.REQUEST_MALFORMED),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", Reason.REQUEST_MALFORMED),  # CVE-2023-25725
        (b"GET /" + b"x" * 2100, Reason.TARGET_TOO_LONG),  # 9112.14
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2100, Reason.HEADERS_TOO_LARGE),
    ],
)
def test_what_cannot_be_read_is_a_fault_and_ends_the_reading(
    request_bytes: bytes, reason: Reason
) -> None:
    sink = Sink()
    reader = RequestReader(sink, RequestNames(frozenset()), LIMITS)

    with pytest.raises(Fault) as found:
        reader.feed(request_bytes)
    reader.feed(make_request("/behind"))

    assert found.value.reason is reason
    assert reader.is_over
    assert sink.requests == []


def feed_all(reader: RequestReader, *pieces: bytes) -> tuple[int, Fault | None]:
    """Return how many of *pieces* were read, and the fault that ended the reading."""
    for number, piece in enumerate(pieces):
        try:
            reader.feed(piece)
        except Fault as fault:
            return number, fault
    return len(pieces), None


def test_a_head_is_refused_at_the_first_field_over_the_limit() -> None:
    """Not only once it is complete: until then it would take memory and time."""
    reader = RequestReader(Sink(), RequestNames(frozenset()), LIMITS)
    fields = [b"X-%d: 1\r\n" % number for number in range(12)]

    read_pieces, fault = feed_all(reader, b"GET / HTTP/1.1\r\nHost: a\r\n", *fields)

    assert fault is not None
    assert (fault.reason, fault.detail) == (Reason.HEADERS_TOO_LARGE, "more than 10 fields")
    # A field is known to be over once the next line begins.
    assert read_pieces == 12


def test_a_target_that_is_too_long_is_reported_before_too_many_fields() -> None:
    reader = RequestReader(Sink(), RequestNames(frozenset()), LIMITS)

    _, fault = feed_all(reader, b"GET /" + b"x" * 101 + b" HTTP/1.1\r\n", *[b"X: 1\r\n"] * 12)

    assert fault is not None
    assert fault.reason is Reason.TARGET_TOO_LONG


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_trailer_section_has_no_more_fields_than_a_head(size: int) -> None:
    """However it is cut; RFC 9112 §7.1.2."""
    head = make_request("/", "Transfer-Encoding: chunked", method="POST")

    def read_trailers(count: int) -> Fault | None:
        reader = RequestReader(Sink(), RequestNames(frozenset()), LIMITS)
        stream = head + b"0\r\n" + b"X: 1\r\n" * count + b"\r\n"
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        return feed_all(reader, *pieces)[1]

    assert read_trailers(10) is None
    fault = read_trailers(11)
    assert fault is not None
    assert (fault.reason, fault.detail) == (Reason.HEADERS_TOO_LARGE, "more than 10 fields")


class Server:
    """An upstream connection that accepts everything."""

    def expect_nothing(self) -> None:
        pass

    def expect_response(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass


def test_more_is_read_at_once_only_of_a_body_that_is_forwarded() -> None:
    """Input behind a request waits in memory."""
    sink, reader = read(make_request("/", "Content-Length: 1000000", method="PUT"))
    upload = sink.uploads[0]

    assert reader.body_bytes_wanted(16) == 16
    upload.attach(cast(ServerConnection, Server()))
    assert reader.body_bytes_wanted(16) == 1_000_000
    reader.feed(bytes(999_990))
    assert reader.body_bytes_wanted(16) == 16
    reader.feed(bytes(10))
    assert reader.upload is None
    assert reader.body_bytes_wanted(16) == 16


def test_chunk_framing_that_dwarfs_its_body_is_a_fault() -> None:
    """CVE-2023-39326."""
    chunk = b"1;" + b"x" * 1000 + b"\r\na\r\n"

    with pytest.raises(Fault):
        read(make_request("/", "Transfer-Encoding: chunked", method="POST"), *[chunk] * 10)


def test_trailers_without_end_are_a_fault() -> None:
    """CVE-2026-22815."""
    head = make_request("/", "Transfer-Encoding: chunked", method="POST") + b"0\r\n"

    with pytest.raises(Fault):
        read(head, *[b"X-Trailer: 1\r\n" * 100] * 10)


def test_bytes_behind_an_upgrade_are_early() -> None:
    upgrade = make_request("/", "Connection: Upgrade", "Upgrade: websocket")

    sink, reader = read(upgrade)
    assert reader.is_over
    assert len(sink.requests) == 1

    with pytest.raises(EarlyBytes):
        read(upgrade + b"x")
