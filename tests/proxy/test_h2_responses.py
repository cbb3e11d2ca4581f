"""A gateway before a raw service of HTTP/2: what its frames do to clients of HTTP/1.1."""

import asyncio

import pytest

from gateway.proxy.transport.framing import RESPONSE_WINDOW_BYTES
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ROUTES, RunningGateway
from tests.proxy.h2.frames import (
    Code,
    Field,
    Kind,
    Setting,
    body,
    headers,
    request_fields,
    rst_stream,
)
from tests.proxy.h2.wire import Http2Client
from tests.proxy.messages import make_chunked, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.upstream.h2_service import H2Peer
from tests.proxy.wire import Cut, Wire

PLAIN = [route for route in ROUTES if "upgrades" not in route]
OK: list[Field] = [(b":status", b"200")]


class RawService:
    """The only connection of a service that answers nothing by itself."""

    def __init__(self, service: Service, window: int = 1 << 20) -> None:
        self._window = window
        self._peers: asyncio.Queue[H2Peer] = asyncio.Queue()
        service.script = self._begin

    async def _begin(self, service: Service, wire: Wire) -> None:
        peer = H2Peer(wire)
        peer.begin(window=self._window)
        self._peers.put_nowait(peer)

    async def peer(self) -> H2Peer:
        return await self._peers.get()


async def start(start_gateway: StartGateway, service: Service) -> RunningGateway:
    return await start_gateway([service.url], upstream={"protocol": "h2c"}, routes=PLAIN)


@pytest.mark.parametrize(
    ("method", "head", "content"),
    [
        ("HEAD", [*OK, (b"content-length", b"5")], None),
        ("GET", [(b":status", b"204")], None),
        ("GET", [(b":status", b"304"), (b"content-length", b"5")], None),
        ("GET", [*OK, (b"content-length", b"5")], b"hello"),
        ("GET", OK, b"hello"),
        ("GET", OK, b""),
    ],
)
async def test_each_framing_ends_where_the_client_expects_it(
    service: Service,
    start_gateway: StartGateway,
    method: str,
    head: list[Field],
    content: bytes | None,
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    for stream in (1, 3):  # on one connection: the first ended exactly
        client.send(make_request("/open/", method=method))
        if stream == 1:
            peer = await raw.peer()
        await peer.stream(stream, ended=True)
        peer.send(headers(stream, head, ends=content is None))
        if content is not None:
            peer.send(body(stream, content))
        answer = await read_answer(client, is_head=method == "HEAD")
        assert b"%d" % answer.status == head[0][1]
        assert answer.body == (content or b"")
        assert answer.has(b"date")


async def test_a_client_that_reads_nothing_holds_back_its_stream_alone(
    service: Service, start_gateway: StartGateway
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    slow = await gateway.connect(receive_bytes=4096)
    slow.stop_reading()
    slow.send(make_request("/open/slow"))
    peer = await raw.peer()
    await peer.stream(1)
    peer.send(headers(1, OK, ends=False))
    sent = 0

    def may_send() -> int:
        peer.read()
        return RESPONSE_WINDOW_BYTES + peer.window_updates.get(1, 0) - sent

    # Credit comes until the buffers on the way to the client are full.
    while may_send() > 0:
        while may_send() > 0:
            size = min(16_384, may_send())
            peer.send(body(1, b"x" * size, ends=False))
            sent += size
        quick = await gateway.connect()
        quick.send(make_request("/open/quick"))
        stream = max(peer.streams) + 2
        await peer.stream(stream)
        peer.send(headers(stream, OK, ends=False), body(stream, b"quick"))
        assert (await read_answer(quick)).body == b"quick"
        quick.close()
        assert sent < 64 << 20, "nothing holds it back"

    slow.read_on()
    await peer.wait_for(lambda: may_send() > 0)
    peer.send(body(1, b"y"))
    answer = await read_answer(slow)
    assert answer.body == b"x" * sent + b"y"


async def test_a_client_that_gives_no_window_holds_back_what_it_asks_for(
    service: Service, start_gateway: StartGateway
) -> None:
    """However many large responses one connection asks for, the gateway keeps less than 8 MiB."""
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = Http2Client(await gateway.connect())
    client.begin([(Setting.INITIAL_WINDOW_SIZE, 0)])
    for _ in range(90):
        client.ask(request_fields(b"/open/large"))
    peer = await raw.peer()
    large = range(1, 180, 2)
    for stream in large:
        await peer.stream(stream)
        peer.send(headers(stream, OK, ends=False))
    sent = dict.fromkeys(large, 0)

    def send_as_allowed() -> bool:
        peer.read()
        before = sum(sent.values())
        for stream in large:
            room = RESPONSE_WINDOW_BYTES + peer.window_updates.get(stream, 0) - sent[stream]
            while room > 0:
                size = min(16_384, room)
                peer.send(body(stream, bytes(size), ends=False))
                sent[stream] += size
                room -= size
        return sum(sent.values()) > before

    quick = await gateway.connect()
    while send_as_allowed():
        assert sum(sent.values()) < 8 << 20
        # Its response comes after all that was sent, and after the credit for it.
        quick.send(make_request("/open/quick"))
        stream = max(peer.streams) + 2
        await peer.stream(stream)
        peer.send(headers(stream, OK, ends=False), body(stream, b"quick"))
        assert (await read_answer(quick)).body == b"quick"


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_arrives_whole_as_the_service_gives_credit(
    service: Service, start_gateway: StartGateway, is_chunked: bool
) -> None:
    content = bytes(range(256)) * 4096  # 1 MiB
    raw = RawService(service, window=1000)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    if is_chunked:
        client.send(make_request("/open/", b"Transfer-Encoding: chunked", method="POST"))
        client.send(make_chunked(content[:7], content[7:]))
    else:
        client.send(make_request("/open/", method="POST", body=content))
    peer = await raw.peer()
    received = await peer.stream(1)
    credit = 1000
    while not received.is_ended:
        if len(received.body) == credit:
            peer.credit(1, 100_000)
            credit += 100_000
        await peer.wait_for(lambda: received.is_ended or len(received.body) == credit)  # noqa: B023
    peer.send(headers(1, OK, ends=True))

    assert (await read_answer(client)).status == 200
    assert received.body == content


async def test_9113_8_1_a_response_before_the_whole_request_reaches_the_client(
    service: Service, start_gateway: StartGateway
) -> None:
    """9113.26."""
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    client.send(make_request("/open/", b"Content-Length: 100000", method="POST") + b"begun")
    peer = await raw.peer()
    await peer.stream(1)

    early = [(b":status", b"413"), (b"content-length", b"2")]
    peer.send(headers(1, early, ends=False), body(1, b"no"), rst_stream(1, Code.NO_ERROR))
    answer = await read_answer(client)

    assert (answer.status, answer.body) == (413, b"no")


async def test_a_client_that_leaves_cancels_its_stream(
    service: Service, start_gateway: StartGateway
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    gone, stays = await gateway.connect(), await gateway.connect()
    gone.send(make_request("/open/"))
    peer = await raw.peer()
    await peer.stream(1)
    stays.send(make_request("/open/"))
    await peer.stream(3)

    gone.close()
    await peer.wait_for(lambda: peer.streams[1].reset is not None)
    peer.send(headers(3, OK, ends=False), body(3, b"fine"))

    assert peer.streams[1].reset == Code.CANCEL
    assert (await read_answer(stays)).body == b"fine"
    assert len(service.connections) == 1


async def test_a_client_that_expects_100_gets_one_and_the_service_the_body(
    service: Service, start_gateway: StartGateway
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    lines = (b"Content-Length: 5", b"Expect: 100-continue")
    client.send(make_request("/open/", *lines, method="POST"))
    peer = await raw.peer()
    received = await peer.stream(1)
    await client.read_until(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.send(b"hello")
    await peer.stream(1, ended=True)
    peer.send(headers(1, OK, ends=True))

    assert (await read_answer(client)).status == 200
    assert received.body == b"hello"
    assert b"expect" not in received.head


async def test_trailers_pass_in_both_directions(
    service: Service, start_gateway: StartGateway
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    lines = (b"Transfer-Encoding: chunked", b"TE: trailers", b"Connection: TE")
    client.send(make_request("/open/", *lines, method="POST"))
    client.send(make_chunked(b"one", trailers=(b"X-Up: 1",)))
    peer = await raw.peer()
    received = await peer.stream(1, ended=True)
    peer.send(headers(1, OK, ends=False), body(1, b"two", ends=False))
    peer.send(headers(1, [(b"x-down", b"2")], ends=True))
    answer = await client.read_until(b"x-down: 2\r\n\r\n")

    assert received.head[b"te"] == b"trailers"
    assert received.heads[1:] == [[(b"x-up", b"1")]]
    assert b"3\r\ntwo\r\n0\r\n" in answer


@pytest.mark.parametrize(
    "rest",
    [
        (body(1, b"abc"),),
        (body(1, b"abcdef", ends=False),),
        (rst_stream(1, Code.NO_ERROR),),
        (headers(1, [(b":status", b"200")], ends=True),),
        (headers(1, [(b"a", b"b\r\nc: d")], ends=True),),
    ],
)
async def test_no_truncated_or_malformed_response_looks_complete(
    service: Service, start_gateway: StartGateway, rest: tuple[bytes, ...]
) -> None:
    """9113.24: the client sees a cut."""
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    client.send(make_request("/open/"))
    peer = await raw.peer()
    await peer.stream(1)
    peer.send(headers(1, [*OK, (b"content-length", b"5")], ends=False), body(1, b"", ends=False))
    await client.read_until(b"\r\n\r\n")
    peer.send(*rest)
    with pytest.raises(Cut):
        await client.read(5)
    other = await gateway.connect()
    other.send(make_request("/open/"))
    await peer.stream(3)
    peer.send(headers(3, OK, ends=True))
    assert (await read_answer(other)).status == 200


async def test_a_response_that_does_not_come_is_504_and_the_service_is_asked(
    service: Service, start_gateway: StartGateway
) -> None:
    raw = RawService(service)
    gateway = await start(start_gateway, service)
    client = await gateway.connect()
    client.send(make_request("/open/"))
    peer = await raw.peer()
    await peer.stream(1)
    gateway.expire(120)

    assert (await read_answer(client)).status == 504
    await peer.wait_for(lambda: bool(peer.kinds(Kind.PING)))
    assert peer.streams[1].reset == Code.CANCEL
