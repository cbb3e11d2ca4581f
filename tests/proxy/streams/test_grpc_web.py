"""A client of gRPC-Web gets what the service of gRPC sent, and the other way round."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.grpc_web import WebForm, trailers_frame
from gateway.http.writing.request_head import Peer
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.grpc_web import GrpcWebClient, TextBody
from gateway.proxy.streams.upload import Upload
from gateway.proxy.upstream.bound_connections import BoundConnections

BINARY = WebForm(False, False, b"+proto")
TEXT = WebForm(True, True, b"+proto")
GRPC = b"\r\nDate: x\r\ncontent-type: application/grpc+proto"
OK = b"\r\ngrpc-status: 0"


def message(body: bytes, flags: int = 0) -> bytes:
    return bytes((flags,)) + len(body).to_bytes(4) + body


class Browser:
    """A client's connection that notes what is sent on it."""

    def __init__(self) -> None:
        self.head: tuple[int, bytes, int | None] | None = None
        self.sent = b""
        self.pieces = 0
        self.trailers: bytes | None = None  # set when the response has ended
        self.was_cut = self.ended_early = False
        self.called: list[str] = []
        self.peer, self.bound = cast(Peer, object()), cast(BoundConnections, object())

    def begin(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        assert self.head is None
        self.head = (status, fields, length)
        self.sent = data

    def body(self, data: bytes) -> None:
        assert data
        assert self.trailers is None
        self.pieces += 1
        self.sent += data

    def end(self, trailers: bytes = b"") -> None:
        self.trailers = trailers

    def whole(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        self.begin(status, fields, length, has_body, data)
        self.end()

    def respond(
        self, status: int, fields: bytes, body: bytes, must_close: bool = False, more: bytes = b""
    ) -> None:
        assert not must_close
        self.whole(status, fields + more, len(body), True, body)

    def cut(self) -> None:
        self.was_cut = True

    def end_early(self) -> None:
        self.ended_early = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.called.append(name)


class Call:
    """An exchange, as far as its client writes there."""

    cut_for: str | None = None

    def response_cut(self, detail: str) -> None:
        self.cut_for = detail


def make(form: WebForm = BINARY) -> tuple[GrpcWebClient, Browser, Call]:
    browser, call = Browser(), Call()
    return GrpcWebClient(cast(Client, browser), form, call), browser, call


def decode(text: bytes) -> bytes:
    return b"".join(b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


MESSAGES = st.lists(st.builds(message, st.binary(max_size=40), st.sampled_from((0, 1))), max_size=5)


@given(MESSAGES, st.lists(st.integers(0, 300), max_size=8), st.sampled_from((BINARY, TEXT)))
def test_a_response_is_its_messages_and_its_trailers_however_it_comes(
    messages: list[bytes], cuts: list[int], form: WebForm
) -> None:
    client, browser, call = make(form)
    sent = b"".join(messages)
    places = sorted({0, *(one for one in cuts if one < len(sent)), len(sent)})

    client.begin(200, GRPC, None, True, b"")
    for start, end in pairwise(places):
        client.body(sent[start:end])
    client.end(OK + b"\r\nGrpc-Message: x")

    found = decode(browser.sent) if form.wants_text else browser.sent
    assert found == sent + b"\x80\0\0\0\x21grpc-status: 0\r\ngrpc-message: x\r\n"
    assert browser.trailers == b""
    assert not browser.was_cut
    assert call.cut_for is None


def test_the_head_has_the_type_and_no_length() -> None:
    client, browser, _ = make(TEXT)

    client.begin(200, GRPC + b"\r\nContent-Length: 5", 5, True, message(b""))

    fields = b"\r\nDate: x\r\nContent-Type: application/grpc-web-text+proto"
    assert browser.head == (200, fields, None)


@pytest.mark.parametrize("sent", [message(b"abc")[:-1], message(b"abc")[:3], b"\0"])
def test_trailers_never_become_a_part_of_a_message(sent: bytes) -> None:
    """The client would take the frame for the rest of the message, and its end for a success."""
    client, browser, call = make()

    client.begin(200, GRPC, None, True, sent)
    client.end(OK)

    assert browser.was_cut
    assert browser.trailers is None
    assert call.cut_for is not None


def test_a_service_cannot_write_the_trailers_frame_itself() -> None:
    client, browser, call = make()

    client.begin(200, GRPC, None, True, message(b"abc"))
    client.body(trailers_frame(OK))
    client.body(message(b"more"))
    client.end(b"\r\ngrpc-status: 7")

    assert browser.sent == message(b"abc")
    assert browser.was_cut
    assert call.cut_for is not None


def test_a_status_in_the_head_stays_there() -> None:
    client, browser, _ = make()

    client.whole(200, GRPC + b"\r\ngrpc-status: 5", None, True, b"")

    fields = b"\r\nDate: x\r\nContent-Type: application/grpc-web+proto\r\ngrpc-status: 5"
    assert browser.head == (200, fields + b"\r\nContent-Length: 0", 0)
    assert browser.sent == b""
    assert browser.trailers == b""


@pytest.mark.parametrize("form", [BINARY, TEXT])
def test_a_response_without_a_status_is_no_success(form: WebForm) -> None:
    client, browser, _ = make(form)

    client.whole(200, GRPC, None, True, message(b"abc"))

    found = decode(browser.sent) if form.wants_text else browser.sent
    assert found.startswith(message(b"abc") + b"\x80")
    assert b"grpc-status: 2\r\n" in found
    assert browser.head is not None
    assert browser.head[2] == len(browser.sent)


def test_a_whole_response_with_a_part_of_a_message_is_cut() -> None:
    client, browser, call = make()

    client.whole(200, GRPC + b"\r\ngrpc-status: 0", 1, True, b"\0")

    assert browser.was_cut
    assert browser.head is None
    assert call.cut_for is not None


def test_a_response_that_is_no_grpc_passes_as_it_is() -> None:
    fields = b"\r\nContent-Type: text/html\r\nContent-Length: 4"
    client, browser, _ = make(TEXT)
    client.whole(502, fields, 4, True, b"oops")
    assert browser.head == (502, fields, 4)
    assert browser.sent == b"oops"

    client, browser, _ = make(TEXT)
    client.begin(502, fields, 4, True, b"o")
    client.body(b"ops")
    client.end(b"\r\ngrpc-status: 0")
    assert browser.head == (502, fields, 4)
    assert browser.sent == b"oops"
    assert browser.trailers == b""

    client.end_early()
    assert browser.ended_early


def test_a_call_never_ends_early_as_if_it_were_complete() -> None:
    client, browser, _ = make()

    client.begin(200, GRPC, None, True, message(b"abc"))
    client.end_early()

    assert browser.was_cut
    assert not browser.ended_early


def test_a_refusal_of_a_call_gets_the_type_of_the_call() -> None:
    client, browser, _ = make(TEXT)

    client.respond(
        200, b"\r\nContent-Type: application/grpc\r\ngrpc-status: 16", b"", more=b"\r\nA: b"
    )

    fields = (
        b"\r\nContent-Type: application/grpc-web-text+proto\r\ngrpc-status: 16"
        b"\r\nContent-Length: 0\r\nA: b"
    )
    assert browser.head == (200, fields, 0)


def test_another_response_of_the_gateway_stays_as_it_is() -> None:
    client, browser, _ = make()

    client.respond(400, b"\r\nContent-Type: application/problem+json", b"{}")

    assert browser.head == (400, b"\r\nContent-Type: application/problem+json", 2)


def test_all_else_is_the_clients_own() -> None:
    client, browser, _ = make()
    made: Any = None

    client.interim(103, b"")
    client.bind(made)
    client.takes_no_more()
    client.exchange_done(1.0)
    client.pause_reading()
    client.resume_reading()
    client.begin_tunnel(made, b"", b"")
    client.write(b"")
    client.end_writing()
    client.cut()

    assert browser.called == [
        "interim", "bind", "takes_no_more", "exchange_done", "pause_reading", "resume_reading",
        "begin_tunnel", "write", "end_writing",
    ]  # fmt: skip
    assert browser.was_cut
    assert client.peer is browser.peer
    assert client.bound is browser.bound


# --- the body of the request


class Server:
    """A server's connection that notes what a service would get."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.called: list[str] = []

    def expect_nothing(self) -> None:
        self.called.append("nothing")

    def expect_response(self) -> None:
        self.called.append("response")

    def write(self, data: bytes) -> None:
        raise AssertionError("a body without a length has chunks")

    def write_chunk(self, data: bytes) -> None:
        assert data, "an empty chunk would end the body"
        self.chunks.append(data)

    def end_chunks(self, trailers: bytes) -> None:
        assert not trailers
        self.called.append("end")


class Source:
    """A client's connection, as far as an upload knows it."""

    def consumed(self, size: int) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def upload_to(server: Server, fail: Callable[[Deny], None], length: int | None) -> Upload:
    upload = Upload(Source(), length, None)
    upload.convert = lambda target: TextBody(target, fail)
    return upload


def never(deny: Deny) -> None:
    raise AssertionError(deny)


@given(
    st.lists(st.binary(max_size=40), max_size=5),
    st.lists(st.integers(0, 200), max_size=8),
    st.integers(0, 9),
    st.booleans(),
)
def test_a_body_is_the_same_bytes_whatever_comes_when(
    parts: list[bytes], cuts: list[int], attached_after: int, has_length: bool
) -> None:
    text = b"".join(map(b64encode, parts))
    server = Server()
    upload = upload_to(server, never, len(text) if has_length else None)
    places = sorted({0, *(one for one in cuts if one < len(text)), len(text)})

    for number, (start, end) in enumerate(pairwise(places)):
        if number == attached_after:
            upload.attach(server)
        upload.add(text[start:end])
        upload.flush()
    if not upload.is_passed_on:
        upload.attach(server)
    upload.complete = True
    upload.flush()

    assert b"".join(server.chunks) == b"".join(parts)
    assert server.called == ["nothing", "end", "response"]


@pytest.mark.parametrize(
    ("text", "decoded"), [(b"AAAA!AAAAAAA", 3), (b"AAAAA", 3), (b"AA\nAAAAA", 0), (b"A", 0)]
)
async def test_a_service_gets_no_end_of_a_body_that_is_not_base64(
    text: bytes, decoded: int
) -> None:
    """4648.1, 4648.2: half of a call must not look like a whole one."""
    server = Server()
    failed: asyncio.Queue[Deny] = asyncio.Queue()
    upload = upload_to(server, failed.put_nowait, None)
    upload.attach(server)

    for at in range(len(text)):
        upload.add(text[at : at + 1])
        upload.flush()
    upload.complete = True
    upload.flush()

    assert failed.empty(), "an exchange cannot end while its request is being read"
    assert (await failed.get()).reason is Reason.REQUEST_MALFORMED
    assert failed.empty()
    assert b"".join(server.chunks) == bytes(decoded)
    assert server.called == ["nothing"]


def test_a_second_server_gets_the_body_from_its_beginning() -> None:
    first, second = Server(), Server()
    upload = upload_to(first, never, None)

    upload.attach(first)
    upload.wait()
    upload.add(b64encode(b"a call"))
    upload.complete = True
    upload.attach(second)

    assert first.chunks == []
    assert b"".join(second.chunks) == b"a call"


def test_a_call_that_is_sent_again_is_decoded_from_its_beginning() -> None:
    first, second = Server(), Server()
    upload = upload_to(first, never, None)
    text = b64encode(b"a call!!")

    upload.keep_sent()
    upload.attach(first)
    upload.add(text[:6])
    upload.flush()
    upload.wait()
    upload.add(text[6:])
    upload.complete = True
    upload.attach(second)

    assert b"".join(first.chunks) == b"a c"
    assert b"".join(second.chunks) == b"a call!!"
    assert second.called == ["end", "response"]
