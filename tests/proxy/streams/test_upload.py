"""Request bodies: passed on as they come, bounded, and whole."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.field_collector import Section
from gateway.proxy.streams.upload import Upload
from gateway.proxy.upstream.connection import ServerConnection
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.messages import make_answer, make_chunked, make_request, read_answer, read_head
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire

CHUNKED = "Transfer-Encoding: chunked"


class Source:
    """A client's connection, as far as an upload knows it."""

    def __init__(self) -> None:
        self.is_held = False
        self.consumed_bytes = 0

    def consumed(self, size: int) -> None:
        self.consumed_bytes += size

    def pause_reading(self) -> None:
        self.is_held = True

    def resume_reading(self) -> None:
        self.is_held = False


def test_the_client_is_paused_while_a_body_has_nowhere_to_go() -> None:
    source = Source()
    upload = Upload(source, None, None)

    upload.add(bytes(32 * 1024))
    upload.flush()
    assert not source.is_held

    upload.add(b"x")
    upload.flush()
    assert source.is_held


class Server:
    """A server's connection that takes everything."""

    def expect_nothing(self) -> None:
        pass

    def expect_response(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def write_chunk(self, data: bytes) -> None:
        pass

    def end_chunks(self, trailers: bytes) -> None:
        pass


@given(
    steps=st.lists(
        st.sampled_from(
            ["add", "flush", "attach", "wait", "complete", "keep_sent", "forget_sent", "detach"]
        ),
        max_size=20,
    ),
    length=st.sampled_from([None, 1000]),
    most=st.sampled_from([None, 25]),
)
def test_every_byte_is_consumed_once_whatever_becomes_of_the_body(
    steps: list[str], length: int | None, most: int | None
) -> None:
    """Sent or dropped: a client of HTTP/2 gets credit for it, and never twice."""
    source = Source()
    upload = Upload(source, length, most)
    for step in steps:
        if step == "add":
            upload.add(bytes(10))
        elif step == "attach":
            upload.attach(Server())
        elif step == "complete":
            upload.complete = True
        else:
            getattr(upload, step)()
        assert source.consumed_bytes <= upload.received_bytes
    upload.detach()
    assert source.consumed_bytes == upload.received_bytes


class KeepingServer(Server):
    """A server's connection that keeps what it gets."""

    def __init__(self) -> None:
        self.received = b""

    def write(self, data: bytes) -> None:
        self.received += data

    def write_chunk(self, data: bytes) -> None:
        self.received += data

    def end_chunks(self, trailers: bytes) -> None:
        self.received += b"."


@given(
    pieces=st.lists(st.integers(1, 9000), max_size=6),
    failures=st.sets(st.integers(0, 5)),
    is_whole=st.booleans(),
)
def test_a_body_that_was_kept_is_sent_again_from_its_first_byte(
    pieces: list[int], failures: set[int], is_whole: bool
) -> None:
    """And one that was not kept, because it is too long, is said to have begun."""
    upload, server = Upload(Source(), None, None), KeepingServer()
    upload.keep_sent()
    upload.attach(server)
    sent = b""
    for number, size in enumerate(pieces):
        sent += b"%d" % number * size
        upload.add(sent[-size:])
        upload.flush()
        assert upload.begun is (len(sent) > 16 * 1024)
        if number in failures and not upload.begun:
            upload.wait()
            server = KeepingServer()
            upload.attach(server)
        assert server.received == sent
    upload.complete = is_whole
    upload.flush()
    if is_whole and not upload.begun:
        upload.wait()
        server = KeepingServer()
        upload.attach(server)
    assert server.received == sent + b"." * is_whole


def test_nothing_is_kept_once_it_will_not_be_sent_again() -> None:
    upload, server = Upload(Source(), None, None), KeepingServer()
    upload.keep_sent()
    upload.attach(server)
    upload.add(b"one")
    upload.flush()
    assert not upload.begun

    upload.forget_sent()
    upload.keep_sent()

    assert upload.begun
    upload.wait()
    upload.attach(server)
    assert server.received == b"one"


class EndedServer(Server):
    """A server's connection that keeps the trailers of every end that it gets."""

    def __init__(self) -> None:
        self.ends: list[bytes] = []

    def end_chunks(self, trailers: bytes) -> None:
        self.ends.append(trailers)


def names_of(trailers: Section) -> bytes:
    return b",".join(name for name, _ in trailers)


def test_the_end_is_sent_once_however_often_a_whole_body_is_passed_on() -> None:
    """RFC 9112 §7.1: and again only to another server, if the first one failed."""
    upload = Upload(Source(), None, None)
    upload.complete = True
    upload.trailers = ((b"a", b"1"), (b"b", b"2"))
    first, second = EndedServer(), EndedServer()

    upload.attach(first, names_of)
    upload.flush()
    upload.wait()
    upload.attach(second, names_of)
    upload.flush()

    assert (first.ends, second.ends) == ([b"a,b"], [b"a,b"])


@pytest.mark.parametrize(
    ("length", "is_asked", "ends"), [(None, False, [b""]), (None, True, [b"a"]), (0, True, [])]
)
def test_trailers_are_dropped_unless_they_are_asked_for_and_have_a_place(
    length: int | None, is_asked: bool, ends: list[bytes]
) -> None:
    upload = Upload(Source(), length, None)
    upload.trailers = ((b"a", b"1"),)
    upload.complete = True
    server = EndedServer()

    upload.attach(server, names_of if is_asked else None)

    assert server.ends == ends


class FullServer:
    """A server's connection that is full with the first bytes of a body."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def expect_nothing(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        self._source.pause_reading()


def test_the_client_stays_paused_if_the_pending_body_fills_the_server() -> None:
    """Otherwise nothing would pause it again, and the gateway would hold all of its body."""
    source = Source()
    upload = Upload(source, 1_000_000, None)
    upload.add(bytes(64 * 1024 + 1))
    upload.flush()

    upload.attach(cast(ServerConnection, FullServer(source)))

    assert source.is_held


async def test_a_body_whose_end_waited_while_the_client_was_paused_ends_once(
    service: Service, client: Wire
) -> None:
    """RFC 9112 §7.1: a second end would be read as a part of the next request."""
    service.script = echo
    body = bytes(100_000)

    client.send(make_request("/open/", CHUNKED, method="POST") + make_chunked(body))
    client.send(make_request("/open/next"))

    assert (await read_answer(client)).body == b"/open/ " + body
    assert (await read_answer(client)).body == b"/open/next "
    (connection,) = service.connections
    assert connection.received.count(b"\r\n0\r\n\r\n") == 1


def test_a_body_over_its_limit_is_noted_and_not_kept() -> None:
    upload = Upload(Source(), None, 10)

    upload.add(bytes(10))
    assert not upload.is_too_large

    upload.add(b"x")
    assert upload.is_too_large
    assert upload.received_bytes == 11


async def test_a_body_of_known_length_is_passed_on(service: Service, client: Wire) -> None:
    service.script = echo
    for body in (b"", b"x", bytes(range(256)) * 1000):
        client.send(make_request("/open/", method="POST", body=body))
        assert (await read_answer(client)).body == b"/open/ " + body

    assert [request.all(b"content-length") for request in service.requests] == [
        [b"0"],
        [b"1"],
        [b"256000"],
    ]


async def test_a_chunked_body_is_passed_on_in_chunks(service: Service, client: Wire) -> None:
    """9112.11, 9112.12: extensions are not part of it, and trailers stay its end."""
    service.script = echo
    trailers = b"Authorization: canary\r\nX-Sum: 7\r\nX-Gateway-Subject: canary\r\n"
    body = b"4;note=canary\r\nfour\r\n3\r\n 3 \r\n0\r\n" + trailers + b"\r\n"
    for _ in range(2):
        client.send(make_request("/open/", CHUNKED, "Trailer: X", method="POST") + body)
        assert (await read_answer(client)).body == b"/open/ four 3 "

    assert service.requests[0].one(b"transfer-encoding") == b"chunked"
    assert not service.requests[0].has(b"trailer")
    assert [request.trailers for request in service.requests] == [((b"X-Sum", b"7"),)] * 2
    assert b"canary" not in service.received


async def test_an_empty_chunked_body_is_one(service: Service, client: Wire) -> None:
    service.script = echo
    client.send(make_request("/open/", CHUNKED, method="PUT") + b"0\r\n\r\n")

    assert (await read_answer(client)).body == b"/open/ "


async def test_a_body_in_many_small_chunks_arrives_whole(service: Service, client: Wire) -> None:
    """CVE-2025-69229: one byte in each."""
    service.script = echo
    body = bytes(range(256)) * 200
    client.send(make_request("/open/", CHUNKED, method="POST"))
    client.send(make_chunked(*(body[at : at + 1] for at in range(len(body)))))

    assert (await read_answer(client)).body == b"/open/ " + body


async def test_a_body_that_comes_byte_by_byte_arrives_whole(service: Service, client: Wire) -> None:
    service.script = echo
    for byte in make_request("/open/", CHUNKED, method="POST") + make_chunked(b"one", b"two"):
        client.send(bytes((byte,)))
        await asyncio.sleep(0)

    assert (await read_answer(client)).body == b"/open/ onetwo"


async def test_a_piece_is_passed_on_before_the_next_one_comes(
    service: Service, client: Wire
) -> None:
    client.send(make_request("/open/", CHUNKED, method="POST") + b"3\r\none\r\n")
    peer = await service.connection()
    await peer.wait_for(lambda: b"one" in peer.received)
    client.send(b"3\r\ntwo\r\n")
    await peer.wait_for(lambda: b"two" in peer.received)


async def test_a_body_sent_before_the_connection_is_open_is_not_lost(
    service: Service, start_gateway: StartGateway
) -> None:
    """The first request has to wait for a connection to the service."""
    service.script = echo
    gateway = await start_gateway()
    body = bytes(range(256)) * 4096

    answer = await gateway.ask(make_request("/api/x", bearer(), method="POST", body=body))

    assert answer.body == b"/api/x " + body


TOO_LARGE = {
    "length": lambda body: make_request("/open/", method="POST", body=body),
    "chunks": lambda body: make_request("/open/", CHUNKED, method="POST") + make_chunked(body),
    "many_chunks": lambda body: (
        make_request("/open/", CHUNKED, method="POST") + make_chunked(*[b"x"] * len(body))
    ),
}


@pytest.mark.parametrize("make", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_body_at_its_limit_passes_and_a_byte_more_is_413(
    service: Service, start_gateway: StartGateway, make: Callable[[bytes], bytes]
) -> None:
    gateway = await start_gateway(limits={"body": "1KiB"})

    assert (await gateway.ask(make(bytes(1024)))).status == 200
    answer = await gateway.ask(make(bytes(1025)))

    assert answer.status == 413
    assert b'"body_too_large"' in answer.body
    assert answer.one(b"connection") == b"close"
    assert len(service.requests) == 1


async def test_a_declared_length_over_the_limit_never_reaches_the_service(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(limits={"body": "1KiB"})

    answer = await gateway.ask(make_request("/open/", "Content-Length: 9999", method="POST"))

    assert answer.status == 413
    assert service.received == b""


async def _send_length(wire: Wire, piece: bytes) -> None:
    await wire.wait_writable()
    wire.send(piece)


async def _send_chunk(wire: Wire, piece: bytes) -> None:
    await wire.wait_writable()
    wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_slow_service_makes_the_client_wait(
    service: Service, gateway: RunningGateway, is_chunked: bool
) -> None:
    """100 MiB go through while the gateway holds but a few of them."""
    size = 100 * 1024 * 1024
    piece = bytes(range(256)) * 256
    sent = 0
    arrived = bytearray()
    released = asyncio.Event()

    async def read_late(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.stop_reading()
        await released.wait()
        wire.read_on()
        if is_chunked:
            # Looked for at the end alone: to search all of it again and again takes too long.
            await wire.wait_for(lambda: wire.received.endswith(b"\r\n0\r\n\r\n"))
        else:
            arrived.extend(await wire.read(size))
        wire.send(make_answer(b"thanks"))

    async def upload(send: Callable[[Wire, bytes], Awaitable[None]]) -> None:
        nonlocal sent
        while sent < size:
            await send(client, piece)
            sent += len(piece)
        if is_chunked:
            client.send(b"0\r\n\r\n")

    service.script = read_late
    client = await gateway.connect()
    framing = CHUNKED if is_chunked else f"Content-Length: {size}"
    client.send(make_request("/open/", framing, method="POST"))
    uploading = asyncio.create_task(upload(_send_chunk if is_chunked else _send_length))
    await service.connection()

    assert await gateway.wait_still(lambda: sent) < size / 3

    released.set()
    assert (await read_answer(client)).body == b"thanks"
    await uploading
    if not is_chunked:
        assert arrived == piece * (size // len(piece))
