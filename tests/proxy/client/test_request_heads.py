"""Request heads: what makes one plain, what is dropped, and how large it may be."""

import httptools
import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault, StopParsing
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.proxy.client.request_reader import RequestReader
from gateway.proxy.streams.upload import Upload
from gateway.settings.values.configuration import Limits
from tests.proxy.messages import make_chunked, make_request
from tests.proxy.streams.test_upload import Source

LIMITS = Limits(
    head_bytes=1024, head_fields=5, target_bytes=30, body_bytes=None, connections=10
)  # fmt: skip


class Sink:
    """Takes requests as they are, with bodies of at most *body_bytes*."""

    def __init__(self, body_bytes: int | None = None) -> None:
        self.body_bytes = body_bytes
        self.requests: list[Request] = []
        self.uploads: list[Upload] = []
        self.ended = 0

    def request_received(self, request: Request) -> Upload | None:
        self.requests.append(request)
        if not request.has_body():
            return None
        fields = request.fields
        length = None if fields.is_chunked else fields.content_length
        self.uploads.append(Upload(Source(), length, self.body_bytes))
        return self.uploads[-1]

    def body_ended(self) -> None:
        self.ended += 1


def read(*pieces: bytes) -> tuple[Sink, RequestReader]:
    sink = Sink()
    reader = RequestReader(sink, RequestNames(frozenset()), LIMITS)
    for piece in pieces:
        reader.feed(piece)
    return sink, reader


def read_one(*pieces: bytes) -> Request:
    (request,) = read(*pieces)[0].requests
    return request


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_usual_request_is_plain(method: str) -> None:
    request = read_one(make_request("/a?b", "Accept: */*", "Authorization: x", method=method))

    assert request.is_plain
    assert (request.method, request.target, request.keep_alive) == (method, b"/a?b", True)


UNUSUAL = {
    "method": make_request("/", method="PURGE"),
    "version": make_request("/", version="1.0"),
    "other version": make_request("/", version="2.0"),
    "last of a connection": make_request("/", "Connection: close"),
    "asterisk": make_request("*", method="OPTIONS"),
    "absolute": make_request("http://a.test/"),
    "fragment": make_request("/a#b"),
    "long target": make_request("/" + "x" * 30),
    "no host": make_request("/", host=None),
    "empty host": make_request("/", host=""),
    "two hosts": make_request("/", "Host: b"),
    "length": make_request("/", method="POST", body=b"x"),
    "no length": make_request("/", "Content-Length: 0"),
    "chunked": make_request("/", "Transfer-Encoding: chunked", method="POST"),
    "upgrade": make_request("/", "Connection: Upgrade", "Upgrade: websocket"),
    "forwarded": make_request("/", "X-Forwarded-For: 10.0.0.1"),
    "expectation": make_request("/", "Expect: 100-continue"),
}


@pytest.mark.parametrize("request_bytes", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_request_is_not_plain(request_bytes: bytes) -> None:
    assert not read_one(request_bytes).is_plain


def test_every_credential_is_passed_to_the_decision() -> None:
    """Two are refused there: an upstream could read the other one (6750.2)."""
    request = read_one(make_request("/", "Authorization: a", "authorization: b"))

    assert request.fields.authorization == (b"a", b"b")


def test_too_many_fields_are_a_fault_and_end_the_reading() -> None:
    sink, reader = read(make_request("/", *(f"X-{number}: 1" for number in range(6))))

    fault = sink.requests[0].fields.fault
    assert fault is not None
    assert fault.reason is Reason.HEADERS_TOO_LARGE
    assert reader.is_over


@pytest.mark.parametrize("cut", [None, 500])
def test_a_head_over_the_limit_is_a_fault_in_one_piece_or_two(cut: int | None) -> None:
    request = make_request("/", "X: " + "x" * 1024)
    pieces = [request] if cut is None else [request[:cut], request[cut:]]

    fault = read_one(*pieces).fields.fault

    assert fault is not None
    assert fault.reason is Reason.HEADERS_TOO_LARGE


def test_small_heads_in_one_piece_are_judged_separately() -> None:
    requests = [make_request("/", "X: " + "x" * 500)] * 5

    sink, _ = read(b"".join(requests))

    assert [request.fields.fault for request in sink.requests] == [None] * 5


def test_trailers_are_never_merged_with_the_head() -> None:
    """9112.12."""
    head = make_request("/", "Transfer-Encoding: chunked", "X: 1", method="POST")
    trailers = (b"Authorization: late", b"X: 2")

    sink, reader = read(head + make_chunked(b"abc", trailers=trailers))

    fields = sink.requests[0].fields
    assert (b"".join(fields.lines), fields.authorization) == (b"\r\nX: 1", ())
    assert sink.uploads[0].trailers == ((b"Authorization", b"late"), (b"X", b"2"))
    assert (sink.ended, reader.in_message) == (1, False)


def test_a_request_behind_a_faulty_one_is_not_read() -> None:
    sink, reader = read(make_request("/", "Host: b") + make_request("/behind"))

    assert [request.target for request in sink.requests] == [b"/"]
    assert reader.is_over


def test_the_end_of_a_body_completes_its_upload() -> None:
    sink, reader = read(make_request("/", method="POST", body=b"abc"), make_request("/next"))

    assert (sink.ended, sink.uploads[0].complete, reader.upload) == (1, True, None)
    assert [request.target for request in sink.requests] == [b"/", b"/next"]


def test_nothing_is_read_after_the_end() -> None:
    sink, reader = read()
    reader.is_over = True

    with pytest.raises(httptools.HttpParserCallbackError) as found:
        reader._parser.feed_data(make_request("/a"))

    assert isinstance(found.value.__context__, StopParsing)
    assert sink.requests == []


def test_nothing_is_read_after_a_head_is_cut_short() -> None:
    sink, reader = read(b"HEAD /a HTTP/1.1\r\nHost")

    request = reader.cut_short()

    assert (request.method, request.target, reader.is_over) == ("HEAD", b"/a", True)
    assert sink.requests == []


def test_an_incomplete_head_that_is_too_large_ends_the_reading() -> None:
    sink, reader = read()

    with pytest.raises(Fault) as found:
        reader.feed(b"GET /a HTTP/1.1\r\nX: " + b"x" * 2000)

    assert (found.value.reason, reader.is_over) == (Reason.HEADERS_TOO_LARGE, True)
    assert sink.requests == []
