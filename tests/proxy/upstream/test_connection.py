"""Connections to services: no mistake of a service looks like a complete response."""

import asyncio
import socket
from collections.abc import Iterator
from functools import partial
from time import monotonic

import pytest

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.telemetry.metrics.response_times import ResponseTimes
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Script, Service, serve
from tests.proxy.test_attack_requests import until
from tests.proxy.upstream.test_pool import send_now
from tests.proxy.wire import Cut, Wire

ENDS = [Wire.close, Wire.reset]


def read_then(*pieces: bytes, end: object) -> Script:
    """Return a script that reads one request, sends *pieces* and ends the connection."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        for piece in pieces:
            wire.send(piece)
            await asyncio.sleep(0.01)  # only so that a reset does not overtake the piece
        (Wire.reset if end is Wire.reset else Wire.close)(wire)

    return script


@pytest.mark.parametrize("end", ENDS)
async def test_a_service_that_closes_without_a_response_is_502(
    service: Service, gateway: RunningGateway, end: object
) -> None:
    service.script = read_then(end=end)

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 502
    assert b'"upstream_unreachable"' in answer.body
    assert len(service.requests) == 1


@pytest.mark.parametrize("end", ENDS)
async def test_a_service_that_closes_in_the_middle_of_a_head_is_502(
    service: Service, gateway: RunningGateway, end: object
) -> None:
    service.script = read_then(b"HTTP/1.1 200 OK\r\nContent-Le", end=end)

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 502
    assert b'"upstream_invalid"' in answer.body


TRUNCATED = {
    "content_length": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"two"),
    "between_chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\ntwo\r\n"),
    "amid_a_chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"9\r\ntwo"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("pieces", TRUNCATED.values(), ids=TRUNCATED)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_cut_short_never_looks_complete(
    service: Service, client: Wire, pieces: tuple[bytes, ...], end: object, version: str
) -> None:
    service.script = read_then(*pieces, end=end)
    client.send(make_request("/open/", version=version))

    if version == "1.1" or b"Content-Length" in pieces[0]:
        with pytest.raises(Cut):
            await read_answer(client)
        return

    # Without a length, only a reset tells an HTTP/1.0 client that something is missing.
    await client.wait_lost()
    assert client.error is not None


async def test_a_reset_is_not_the_end_of_a_body_that_lasts_until_close(
    service: Service, client: Wire
) -> None:
    service.script = read_then(b"HTTP/1.1 200 OK\r\n\r\n", b"two", end=Wire.reset)
    client.send(make_request("/open/"))

    with pytest.raises(Cut):
        await read_answer(client)


async def test_a_service_that_does_not_respond_in_time_is_504_and_disconnected(
    service: Service, start_gateway: StartGateway
) -> None:
    """9110.14."""

    async def never_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    service.script = never_answer
    gateway = await start_gateway(upstream={"response_timeout": "200ms"})

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 504
    assert b'"upstream_timeout"' in answer.body
    await (await service.connection()).wait_end()
    assert len(service.requests) == 1


async def test_the_response_timeout_begins_after_the_whole_body(
    service: Service, start_gateway: StartGateway
) -> None:
    """A slow upload is not the service's fault."""
    gateway = await start_gateway(upstream={"response_timeout": "1m"})
    client = await gateway.connect()

    client.send(make_request("/open/", "Content-Length: 2", method="POST") + b"x")
    peer = await service.connection()
    await peer.wait_for(lambda: peer.received.endswith(b"x"))
    gateway.expire(120)
    client.send(b"x")

    assert (await read_answer(client)).status == 200
    assert service.requests[0].body == b"xx"


@pytest.mark.parametrize(
    "interruption",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ncanary!!",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"canary!!",
    ],
)
async def test_bytes_on_an_idle_connection_are_no_response(
    service: Service, client: Wire, interruption: bytes
) -> None:
    client.send(make_request("/open/1"))
    await read_answer(client)
    idle = await service.connection()

    idle.send(interruption)
    await idle.wait_end()
    client.send(make_request("/open/2"))

    assert (await read_answer(client)).body == b"hello"
    assert len(service.connections) == 2
    assert b"canary" not in client.received


async def test_a_second_response_to_one_request_is_dropped(service: Service, client: Wire) -> None:
    """Response-queue poisoning: the next client must not get it."""
    service.script = serve(make_answer(b"first") + make_answer(b"canary"), make_answer(b"third"))
    client.send(make_request("/open/1"))
    first = await read_answer(client)
    await (await service.connection()).wait_end()
    client.send(make_request("/open/2"))

    second = await read_answer(client)

    assert (first.body, second.body) == (b"first", b"third")
    assert len(service.connections) == 2
    assert b"canary" not in client.received


async def test_a_service_that_closes_after_its_response_gets_a_new_connection(
    service: Service, client: Wire
) -> None:
    service.script = serve(make_answer(b"hello", b"Connection: close"))

    for _ in range(3):
        client.send(make_request("/open/"))
        assert (await read_answer(client)).body == b"hello"

    assert len(service.connections) == 3
    assert not client.has_ended


async def test_a_body_until_close_is_passed_on_in_chunks_and_the_client_kept(
    service: Service, client: Wire
) -> None:
    service.script = read_then(b"HTTP/1.1 200 OK\r\n\r\none", b"two", end=Wire.close)

    for _ in range(2):
        client.send(make_request("/open/"))
        answer = await read_answer(client)
        assert answer.one(b"transfer-encoding") == b"chunked"
        assert answer.body == b"onetwo"


async def test_a_chunked_body_is_passed_on_whole(service: Service, client: Wire) -> None:
    chunks = [b"%d" % number for number in range(500)]
    service.script = serve(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        + b"0\r\nX-Trailer: dropped\r\n\r\n"
    )

    for _ in range(2):
        client.send(make_request("/open/"))
        answer = await read_answer(client)
        assert answer.body == b"".join(chunks)

    assert b"note=1" not in client.received
    assert b"X-Trailer" not in client.received
    assert len(service.connections) == 1


async def test_a_slow_client_makes_the_service_wait(
    service: Service, gateway: RunningGateway
) -> None:
    """100 MiB go through while the gateway holds but a few of them."""
    size = 100 * 1024 * 1024
    piece = bytes(range(256)) * 256
    sent = 0

    async def stream(service: Service, wire: Wire) -> None:
        nonlocal sent
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            await wire.wait_writable()
            wire.send(piece)
            sent += len(piece)

    service.script = stream
    client = await gateway.connect(receive_bytes=65536)
    client.stop_reading()
    client.send(make_request("/open/"))
    await service.request()

    assert await gateway.wait_still(lambda: sent) < size / 3

    client.read_on()
    answer = await read_answer(client)
    assert answer.body == piece * (size // len(piece))


async def test_a_slow_client_is_not_the_services_fault(
    service: Service, start_gateway: StartGateway
) -> None:
    """While the client cannot take more, no timeout of the service runs."""
    size = 64 * 1024 * 1024
    gateway = await start_gateway(
        upstream={"response_timeout": "1m", "stall_timeout": "1m"}, timeouts={"tunnel": "1m"}
    )
    service.script = serve(make_answer(bytes(size)))
    client = await gateway.connect(receive_bytes=65536)
    client.stop_reading()
    client.send(make_request("/open/"))
    peer = await service.connection()
    await service.request()
    await gateway.wait_still(peer.transport.get_write_buffer_size)

    gateway.expire(120)

    client.read_on()

    assert len((await read_answer(client)).body) == size


# --- a service that answers before it has taken all of the request


class Owner:
    """A pool that notes which connections came back."""

    response_seconds = body_seconds = 30.0
    authority = "service.test"

    def __init__(self) -> None:
        self.write_buffer = WriteBuffer(asyncio.get_running_loop())
        self.observe = ResponseTimes().observe
        self.kept: list[ServerConnection] = []
        self.is_distrusted = False

    def distrust(self) -> None:
        self.is_distrusted = True

    def put(self, server: ServerConnection) -> None:
        self.kept.append(server)

    def forget(self, server: ServerConnection) -> None:
        """Keep no list of those in use."""

    def fail(self, sent_at: float) -> None:
        """Count nothing."""

    def abandon(self, sent_at: float) -> None:
        """Count nothing."""


class Requester:
    """A request that was read whole; *is_held* says that its client is paused."""

    is_head = wants_upgrade = sends_body = takes_trailers = is_held = is_unsent = False
    sent_at = 0.0

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.ended: list[str] = []

    def request_complete(self) -> bool:
        return True

    def server_blocked(self) -> None:
        self.is_held = True

    def server_ready(self) -> None:
        self.is_held = False

    def interim_received(self, status: int, fields: bytes) -> None:
        raise AssertionError

    def login_received(self) -> None:
        raise AssertionError

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Take any head."""

    def trailers_received(self, fields: bytes) -> None:
        raise AssertionError

    def response_continued(self) -> None:
        """Send nothing."""

    def response_ended(self) -> None:
        self.ended.append("answered")

    def protocol_switched(self, protocol: bytes, fields: object, rest: bytes) -> None:
        raise AssertionError

    def is_repeatable(self) -> bool:
        return False

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        self.ended.append(reason.code)
        self.is_unsent = unsent

    def give_up(self) -> None:
        raise AssertionError


async def _ask_a_service_that_takes_nothing(owner: Owner, requester: Requester) -> ServerConnection:
    """Return a connection whose transport still holds a part of the request."""
    server = ServerConnection(owner)
    await asyncio.get_running_loop().create_connection(lambda: server, sock=_open_socket())
    server.send(requester, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 0.0, 9.0)
    owner.write_buffer.flush()
    server.pause_writing()
    assert requester.is_held
    return server


def _open_socket() -> socket.socket:
    ours, theirs = socket.socketpair()
    _PEERS.append(theirs)
    ours.setblocking(False)
    return ours


_PEERS: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _close_peers() -> Iterator[None]:
    yield
    while _PEERS:
        _PEERS.pop().close()


async def test_an_early_response_frees_the_client_but_not_the_connection() -> None:
    """What was not read stays in the transport's buffer, and slows down no further request."""
    owner, requester = Owner(), Requester()
    server = await _ask_a_service_that_takes_nothing(owner, requester)

    server.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert (requester.ended, requester.is_held) == (["answered"], False)
    assert owner.kept == []
    assert server.transport.is_closing()


async def test_a_service_that_fails_while_it_takes_nothing_frees_the_client() -> None:
    owner, requester = Owner(), Requester()
    server = await _ask_a_service_that_takes_nothing(owner, requester)

    server.data_received(b"no answer\r\n\r\n")

    assert (requester.ended, requester.is_held) == (["upstream_invalid"], False)


async def test_a_service_that_took_everything_in_the_end_is_kept() -> None:
    owner, requester = Owner(), Requester()
    server = await _ask_a_service_that_takes_nothing(owner, requester)

    server.resume_writing()
    server.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert (requester.ended, requester.is_held) == (["answered"], False)
    assert owner.kept == [server]
    server.close()


# --- a service that answers, and then resets the connection


async def _lose_connection(owner: Owner, requester: Requester, answer: bytes) -> None:
    """Have a service respond and reset the connection, which is noticed first by a failed write."""
    server = ServerConnection(owner)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await asyncio.get_running_loop().create_connection(lambda: server, *listening.getsockname())
        peer, _ = listening.accept()
    server.send(requester, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", 0.0, 9.0)
    owner.write_buffer.flush()
    peer.sendall(answer)
    peer.close()  # before it has read the request: so it is a reset
    server.write(bytes(9999))
    owner.write_buffer.flush()
    await until(lambda: bool(requester.ended))


async def test_9112_9_6_a_response_before_a_reset_is_not_lost() -> None:
    """A service that rejects an upload does not read it."""
    owner, requester = Owner(), Requester()

    await _lose_connection(owner, requester, make_answer(b"too large", status=413))

    assert (requester.ended, requester.out) == (["answered"], [b"too large"])
    assert owner.kept == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (make_answer(b"too large", status=413)[:-1], "upstream_invalid"),
        (b"HTTP/1.1 413 Words\r\n\r\nas long as the connection", "upstream_invalid"),
        (b"HTTP/1.1 413 Words\r\nConte", "upstream_invalid"),
        (b"", "upstream_unreachable"),
    ],
)
async def test_a_part_of_a_response_before_a_reset_is_no_response(
    answer: bytes, reason: str
) -> None:
    owner, requester = Owner(), Requester()

    await _lose_connection(owner, requester, answer)

    assert requester.ended == [reason]


# --- who is waited for


async def _begin_large_request(
    owner: Owner, requester: Requester, peers: Service
) -> ServerConnection:
    """Return a connection to a service that takes nothing of a request until it is told to."""

    async def take_nothing(service: Service, wire: Wire) -> None:
        wire.stop_reading()

    peers.script = take_nothing
    server = ServerConnection(owner)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: server, *peers.address)
    peer = await peers.connection()
    await until(lambda: not peer.transport.is_reading())
    server.send(
        requester, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 0.0, 9.0
    )
    while not requester.is_held:
        server.write(bytes(1_000_000))
        owner.write_buffer.flush()
    return server


async def test_a_service_that_takes_a_body_slowly_is_waited_for(service: Service) -> None:
    """Our kernel may need minutes until it has room again, and the service is at work."""
    owner, requester = Owner(), Requester()
    server = await _begin_large_request(owner, requester, service)
    peer = await service.connection()

    for _ in range(2):
        server.write(bytes(20_000_000))
        more = len(peer.received) + 10_000_000  # than its kernel holds for it by now
        peer.read_on()
        await peer.wait_for(partial(_has_come, peer, more))
        peer.stop_reading()
        server.expire()
        assert requester.ended == []
        assert monotonic() < server.deadline < NEVER

    server.close()


async def test_a_service_that_takes_no_more_of_a_body_is_given_up(service: Service) -> None:
    owner, requester = Owner(), Requester()
    server = await _begin_large_request(owner, requester, service)

    while not requester.ended:  # until nothing more has room at the service
        server.expire()
        await asyncio.sleep(0)

    assert requester.ended == ["upstream_timeout"]


async def test_a_service_that_has_all_of_a_request_has_no_more_time_for_the_answer(
    service: Service,
) -> None:
    service.script = _never_answer
    owner, requester = Owner(), Requester()
    server = ServerConnection(owner)
    await asyncio.get_running_loop().create_connection(lambda: server, *service.address)
    server.send(requester, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0.0, 9.0)
    owner.write_buffer.flush()
    await service.request()

    server.expire()

    assert requester.ended == ["upstream_timeout"]


async def _never_answer(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await wire.wait_lost()


async def test_no_time_of_a_service_runs_while_its_client_takes_no_more() -> None:
    """Nor when it takes no more of the body: it may wait for its answer to be taken.

    Else a client that does not read could have its service ejected.
    """
    owner, requester = Owner(), Requester()
    server = await _ask_a_service_that_takes_nothing(owner, requester)
    server.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    server.pause_reading()

    assert server.deadline == NEVER
    server.pause_writing()
    assert server.deadline == NEVER
    server.resume_writing()
    assert server.deadline == NEVER

    server.allow_pauses(60.0)
    server.resume_reading()
    assert monotonic() < server.deadline < NEVER
    server.close()


def _has_come(peer: Wire, size: int) -> bool:
    return len(peer.received) >= size


# --- what comes before the request has left


async def _ask(owner: Owner, requester: Requester) -> ServerConnection:
    """Return a connection whose request waits in the write buffer."""
    server = ServerConnection(owner)
    await asyncio.get_running_loop().create_connection(lambda: server, sock=_open_socket())
    server.send(requester, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0.0, 9.0)
    return server


async def test_what_comes_before_the_request_was_sent_is_no_response_to_it() -> None:
    """It is left over from the response before, which may have been another client's."""
    owner, requester = Owner(), Requester()
    server = await _ask(owner, requester)

    server.data_received(make_answer(b"left over"))
    owner.write_buffer.flush()

    assert (requester.ended, requester.out, requester.is_unsent) == (
        ["upstream_unreachable"],
        [],
        True,
    )
    assert server.transport.is_closing()
    peer = _PEERS[-1]
    peer.setblocking(False)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await asyncio.get_running_loop().sock_recv(peer, 1024) == b""


@pytest.mark.parametrize("end", ["eof", "lost"])
async def test_a_request_that_was_not_sent_is_retried_whatever_its_method(end: str) -> None:
    """Also over TLS, where no kernel is asked."""
    owner, requester = Owner(), Requester()
    server = await _ask(owner, requester)

    if end == "eof":
        server.eof_received()
    else:
        server.connection_lost(ConnectionResetError())

    assert (requester.ended, requester.is_unsent) == (["upstream_unreachable"], True)
    server.transport.abort()


# --- what comes behind an answer that is over

CANARY = make_answer(b"canary")

OVER = {
    "HEAD": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"),
    "HEAD of chunks": ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n"),
    "a length": ("GET", make_answer(b"first")),
    "chunks": ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
}
each_end = pytest.mark.parametrize(("method", "answer"), OVER.values(), ids=OVER)
LATE = pytest.mark.parametrize("late", [CANARY, b"canary", b"\r\n" + CANARY], ids=str)


@each_end
@LATE
@pytest.mark.parametrize("when", ["at once", "idle"])
async def test_what_comes_after_a_response_is_dropped(
    service: Service, gateway: RunningGateway, method: str, answer: bytes, late: bytes, when: str
) -> None:
    """RFC 9112 §6.3, §11.2: the next client must not get it."""
    service.script = serve(answer + late if when == "at once" else answer, make_answer(b"next"))
    first, second = await gateway.connect(), await gateway.connect()
    first.send(make_request("/open/1", method=method))
    await read_answer(first, is_head=method == "HEAD")
    kept = await service.connection()

    if when == "idle":
        kept.send(late)
    await kept.wait_end()
    second.send(make_request("/open/2"))

    assert (await read_answer(second)).body == b"next"
    assert b"canary" not in first.received + second.received


@each_end
@LATE
async def test_what_comes_at_the_moment_of_the_next_request_is_dropped(
    service: Service, gateway: RunningGateway, method: str, answer: bytes, late: bytes
) -> None:
    """Both arrive in one turn of the loop: whichever is read first, the request is unsent."""
    service.script = serve(answer, make_answer(b"next"))
    first, second = await gateway.connect(), await gateway.connect()
    first.send(make_request("/open/1", method=method))
    await read_answer(first, is_head=method == "HEAD")
    kept = await service.connection()
    await gateway.wait_still(lambda: len(service.connections))

    send_now(second, make_request("/open/2", "Content-Length: 0", method="POST"))
    send_now(kept, late)

    answered = await read_answer(second)
    assert (answered.status, answered.body) == (200, b"next")
    assert b"canary" not in first.received + second.received
    assert [request.target for request in service.requests] == [b"/open/1", b"/open/2"]
    assert len(service.connections) == 2


async def test_after_a_bodiless_response_the_connection_is_checked_before_it_is_reused() -> None:
    """What has come by then is no response."""
    owner, requester = Owner(), Requester()
    server = await _ask(owner, requester)
    owner.write_buffer.flush()

    server.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert (requester.ended, owner.kept) == (["answered"], [])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (owner.kept, owner.is_distrusted) == ([server], False)
    server.close()


@pytest.mark.parametrize(
    ("late", "is_distrusted"), [(b"canary", True), (b"HTTP/1.1 408 Request Timeout\r\n", False)]
)
async def test_a_body_after_a_bodiless_response_ends_the_connection_before_it_is_reused(
    late: bytes, is_distrusted: bool
) -> None:
    """A 408 to an idle connection is no body (RFC 9110 §15.5.9)."""
    owner, requester = Owner(), Requester()
    server = await _ask(owner, requester)
    owner.write_buffer.flush()
    server.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.data_received(late)
    for _ in range(3):
        await asyncio.sleep(0)

    assert owner.kept == []
    assert server.transport.is_closing()
    assert owner.is_distrusted is is_distrusted


@pytest.mark.parametrize("when", ["at once", "idle"])
async def test_a_server_that_sent_a_body_with_a_bodiless_response_is_not_trusted_again(
    service: Service, gateway: RunningGateway, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    """What it sends after the check would be a response to another request."""
    head, body = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"canary"
    service.script = serve(head + body if when == "at once" else head, head)
    client = await gateway.connect()
    for number in range(3):
        client.send(make_request("/open/", method="HEAD"))
        await read_answer(client, is_head=True)
        kept = await service.connection(number)
        if number == 0 and when == "idle":
            kept.send(body)
        await kept.wait_end()

    (said,) = [one.getMessage() for one in caplog.records if "sends a body" in one.getMessage()]
    assert said.startswith("upstream main: 127.0.0.1:")
