"""WebSocket between the libraries that people use: the gateway between them changes nothing.

Every scenario is played twice, without the gateway and through it. What either end saw must be
the same, to the last close code.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.frames import CloseCode, Frame, Opcode

from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import EXPIRED, RunningGateway, good_token
from tests.proxy.handshakes import KEY
from tests.proxy.messages import make_request, read_head
from tests.proxy.websocket_peers import (
    LIBRARIES,
    AiohttpPeer,
    AnyPeer,
    Seen,
    WebsocketsPeer,
    connected,
    running_server,
    told,
)
from tests.proxy.wire import connect

Scenario = Callable[[AnyPeer, AnyPeer], Awaitable[list[Seen]]]

PAIRS = [(client, server) for client in LIBRARIES for server in LIBRARIES]
PAIR = pytest.mark.parametrize(("client", "server"), PAIRS, ids=["-".join(pair) for pair in PAIRS])


class Stage:
    """Plays scenarios between two libraries."""

    def __init__(self, start_gateway: StartGateway, client: str, server: str) -> None:
        self._start_gateway = start_gateway
        self._libraries = (client, server)
        self.gateway: RunningGateway | None = None

    async def play(
        self,
        *scenarios: Scenario,
        compress: bool = False,
        max_bytes: int | None = None,
        protocols: tuple[str, ...] = (),
    ) -> list[list[Seen]]:
        """Return what was seen in each of *scenarios*, the same with and without the gateway."""
        client_library, server_library = self._libraries
        async with running_server(server_library, compress=compress, max_bytes=max_bytes) as server:
            self.gateway = gateway = await self._start_gateway([server.url])
            host, port = gateway.address
            seen: list[list[list[Seen]]] = []
            for url in (server.url, f"http://{host}:{port}"):
                seen.append([])
                for scenario in scenarios:
                    async with connected(
                        client_library,
                        f"{url}/socket/chat",
                        token=good_token(),
                        compress=compress,
                        protocols=protocols,
                        max_bytes=max_bytes,
                    ) as client:
                        seen[-1].append(await scenario(client, await server.peers.get()))
        direct, proxied = seen
        assert proxied == direct
        async with asyncio.timeout(LIMIT_SECONDS):
            while gateway.metric("gateway_tunnels_open"):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.005)
        return proxied


@pytest.fixture
def stage(start_gateway: StartGateway, client: str, server: str) -> Stage:
    return Stage(start_gateway, client, server)


async def both(one: Awaitable[Seen], other: Awaitable[Seen]) -> list[Seen]:
    return list(await asyncio.gather(one, other))


async def leave(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    """Take leave as most do."""
    return await both(client.close(1000, "bye"), server.receive())


# --- messages of every kind and size

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20)
MESSAGES: list[str | bytes] = [
    *("x" * size for size in SIZES),
    *(bytes(range(256)) * (size // 256) + bytes(size % 256) for size in SIZES),
    "ä€😀" * 1000,
]


async def exchange_messages(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    seen: list[Seen] = [client.agreed()]
    for message in MESSAGES:
        for sender, receiver in ((client, server), (server, client)):
            sending = asyncio.create_task(sender.send(message))
            seen.append(await receiver.receive())
            await sending
    return seen + await leave(client, server)


@PAIR
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "deflate"])
async def test_messages_arrive_as_they_were_sent(stage: Stage, compress: bool) -> None:
    """RFC 6455 §5.6, RFC 7692."""
    (seen,) = await stage.play(exchange_messages, compress=compress)

    assert seen[0] == (None, compress)
    assert seen[1:-2] == [told(message) for message in MESSAGES for _ in range(2)]
    assert seen[-2:] == [("closed", 1000)] * 2


async def exchange_large_frames(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    seen: list[Seen] = []
    for sender, receiver in ((client, server), (server, client)):
        sending = asyncio.create_task(sender.send(bytes(16 << 20)))
        seen.append(await receiver.receive())
        await sending
    return seen + await leave(client, server)


@PAIR
async def test_frames_of_16_mib_pass(stage: Stage) -> None:
    (seen,) = await stage.play(exchange_large_frames)

    assert seen == [told(bytes(16 << 20))] * 2 + [("closed", 1000)] * 2


# --- fragments, and control frames between them

FRAGMENTS = ["in ", "", "several ", "x" * 70_000, " fragments ✓"]


async def send_fragments(sender: AnyPeer, receiver: AnyPeer) -> list[Seen]:
    assert isinstance(sender, WebsocketsPeer)
    await sender.send_fragments(FRAGMENTS, b"ping ")
    seen: list[Seen] = []
    while not seen or seen[-1][0] != "text":
        seen.append(await receiver.receive())
    return seen


async def fragments_up(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    return await send_fragments(client, server) + await leave(client, server)


async def fragments_down(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    return await send_fragments(server, client) + await leave(client, server)


@PAIR
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "deflate"])
async def test_fragments_and_the_pings_between_them_arrive_in_order(
    stage: Stage, client: str, server: str, compress: bool
) -> None:
    """RFC 6455 §5.4; only one of the libraries sends fragments."""
    scenarios = [(fragments_up, server) for sender in (client,) if sender == "websockets"] + [
        (fragments_down, client) for sender in (server,) if sender == "websockets"
    ]

    played = await stage.play(*(scenario for scenario, _ in scenarios), compress=compress)

    for seen, (_, receiver) in zip(played, scenarios, strict=True):
        pings = [("ping", b"ping %d" % number) for number in range(1, len(FRAGMENTS))]
        # The other library answers pings by itself, and does not tell.
        assert seen[:-3] == (pings if receiver == "aiohttp" else [])
        assert seen[-3] == told("".join(FRAGMENTS))


# --- control frames

PAYLOADS = (b"", b"p", bytes(range(125)))


async def exchange_control_frames(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    seen: list[Seen] = []
    for sender, receiver in ((client, server), (server, client)):
        for payload in PAYLOADS:
            await receiver.pong(b"unasked")
            if isinstance(sender, AiohttpPeer):
                seen.append(await sender.receive())
            reading = asyncio.create_task(receiver.receive())
            seen.append(await sender.ping(payload))
            await sender.send("end")
            seen.append(await reading)
            if seen[-1][0] == "ping":
                seen.append(await receiver.receive())
    return seen + await leave(client, server)


@PAIR
async def test_pings_are_answered_by_the_other_end_with_what_was_in_them(
    stage: Stage, client: str, server: str
) -> None:
    """RFC 6455 §5.5.2, §5.5.3."""
    (seen,) = await stage.play(exchange_control_frames)

    expected: list[Seen] = []
    for sender, receiver in ((client, server), (server, client)):
        for payload in PAYLOADS:
            expected += [("pong", b"unasked")] * (sender == "aiohttp")
            expected.append(("pong", payload))
            expected += [("ping", payload)] * (receiver == "aiohttp")
            expected.append(told("end"))
    assert seen == [*expected, ("closed", 1000), ("closed", 1000)]


# --- ends

LEGAL = (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
ILLEGAL = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)


def close_by_client(code: int) -> Scenario:
    async def scenario(client: AnyPeer, server: AnyPeer) -> list[Seen]:
        return await both(client.close(code, "why ✓"), server.receive())

    return scenario


def close_by_server(code: int) -> Scenario:
    async def scenario(client: AnyPeer, server: AnyPeer) -> list[Seen]:
        return await both(server.close(code, "why ✓"), client.receive())

    return scenario


@PAIR
async def test_every_close_code_arrives(stage: Stage) -> None:
    """RFC 6455 §7.4."""
    played = await stage.play(
        *(scenario(code) for code in LEGAL for scenario in (close_by_client, close_by_server))
    )

    codes = [code for code in LEGAL for _ in range(2)]
    assert [seen[1] for seen in played] == [("closed", code) for code in codes]


def raw_frame(frame: bytes, *, by_client: bool) -> Scenario:
    """Return a scenario in which one end sends *frame* past its library."""

    async def scenario(client: AnyPeer, server: AnyPeer) -> list[Seen]:
        sender, receiver = (client, server) if by_client else (server, client)
        answer = asyncio.create_task(sender.receive())
        sender.raw().write(frame)
        seen = [await receiver.receive()]
        if seen[0][0] != "closed":  # it was taken, and the end has to be made
            seen.append(await receiver.close(1000, ""))
        return [*seen, await answer]

    return scenario


def close_payload(code: int) -> bytes:
    return code.to_bytes(2) + b"why"


MALFORMED = {
    **{f"code {code}": (Opcode.CLOSE, close_payload(code)) for code in ILLEGAL},
    "half a code": (Opcode.CLOSE, b"\x03"),
    "a reason that is no UTF-8": (Opcode.CLOSE, b"\x03\xe8\xff"),
    "a text that is no UTF-8": (Opcode.TEXT, b"\xc3\x28"),
    "a continuation of nothing": (Opcode.CONT, b"x"),
}


def serialized(opcode: Opcode, payload: bytes, *, masked: bool) -> bytes:
    """Return a frame, whatever the library thinks of it."""
    head = Frame(Opcode.BINARY, payload).serialize(mask=masked)
    return bytes((0x80 | opcode,)) + head[1:]


BROKEN = {
    "a reserved opcode": b"\x83",
    "a reserved control opcode": b"\x8b",
    "a fragmented ping": b"\x09",
    "a reserved bit": b"\xa2",
}


@PAIR
async def test_what_an_end_rejects_it_rejects_the_same_way(stage: Stage) -> None:
    """The gateway judges no frame: the ends do, with 1002, 1007 or a close of their own."""
    frames = [
        (serialized(opcode, payload, masked=by_client), by_client)
        for opcode, payload in MALFORMED.values()
        for by_client in (True, False)
    ]
    frames += [
        (first + serialized(Opcode.BINARY, b"x", masked=by_client)[1:], by_client)
        for first in BROKEN.values()
        for by_client in (True, False)
    ]
    # A frame of the other side: with a mask where there is none, or without.
    frames += [
        (serialized(Opcode.TEXT, b"x", masked=not by_client), by_client)
        for by_client in (True, False)
    ]

    played = await stage.play(
        *(raw_frame(frame, by_client=by_client) for frame, by_client in frames)
    )

    assert all(seen[0][0] == "closed" for seen in played[: 2 * len(ILLEGAL)])


async def send_too_much(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    await client.send(bytes(1000))
    return await both(client.receive(), server.receive())


@PAIR
async def test_a_message_that_is_too_large_for_an_end_is_its_own_affair(stage: Stage) -> None:
    (seen,) = await stage.play(send_too_much, max_bytes=500)

    assert ("closed", CloseCode.MESSAGE_TOO_BIG) in seen


async def close_without_code(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    assert isinstance(client, WebsocketsPeer)
    return await both(client.close_without_code(), server.receive())


@pytest.mark.parametrize(("client", "server"), [pair for pair in PAIRS if pair[0] == "websockets"])
async def test_a_close_frame_may_be_empty(stage: Stage, client: str, server: str) -> None:
    await stage.play(close_without_code)


def vanish(by_client: bool) -> Scenario:
    """Return a scenario in which one end goes without a word."""

    async def scenario(client: AnyPeer, server: AnyPeer) -> list[Seen]:
        goes, stays = (client, server) if by_client else (server, client)
        await goes.send("last words")
        first = await stays.receive()
        goes.raw().abort()
        return [first, await stays.receive()]

    return scenario


def leave_unfinished(by_client: bool) -> Scenario:
    """Return a scenario in which one end goes in the middle of a frame."""

    async def scenario(client: AnyPeer, server: AnyPeer) -> list[Seen]:
        goes, stays = (client, server) if by_client else (server, client)
        frame = Frame(Opcode.BINARY, bytes(1000)).serialize(mask=by_client)
        goes.raw().write(frame[:500])
        goes.raw().close()
        return [await stays.receive()]

    return scenario


@PAIR
async def test_an_end_that_vanishes_is_missed(stage: Stage) -> None:
    """RFC 6455 §7.1.5: 1006 is for what ended without a Close frame."""
    played = await stage.play(
        vanish(True), vanish(False), leave_unfinished(True), leave_unfinished(False)
    )

    assert [seen[-1][0] for seen in played] == ["closed"] * 4


# --- what is agreed on

OFFERS = [(), ("v1.chat",), ("v2.chat",), ("v1.chat", "v2.chat")]


async def tell_agreement(client: AnyPeer, server: AnyPeer) -> list[Seen]:
    return [client.agreed(), server.agreed(), *await leave(client, server)]


@PAIR
@pytest.mark.parametrize("protocols", OFFERS)
async def test_subprotocols_are_agreed_on_as_without_the_gateway(
    stage: Stage, protocols: tuple[str, ...]
) -> None:
    (seen,) = await stage.play(tell_agreement, protocols=protocols)

    expected = "v2.chat" if "v2.chat" in protocols else None
    assert seen[0] == seen[1] == (expected, False)


@pytest.mark.parametrize("server", LIBRARIES)
async def test_the_service_itself_rejects_a_version_that_it_does_not_speak(
    start_gateway: StartGateway, server: str
) -> None:
    """RFC 6455 §4.4."""
    lines = ("Connection: Upgrade", "Upgrade: websocket", KEY, "Sec-WebSocket-Version: 25")
    async with running_server(server) as service:
        gateway = await start_gateway([service.url])
        host, port = service.url.removeprefix("http://").split(":")
        seen = []
        for address in ((host, int(port)), gateway.address):
            wire = await connect(address)
            gateway.wires.append(wire)
            wire.send(make_request("/open-socket/", *lines))
            answer = await read_head(wire)
            seen.append((answer.status, answer.all(b"sec-websocket-version")))
            wire.close()

    assert seen[0] == seen[1]
    assert seen[0][0] in {400, 426}


# --- the end of the token


@PAIR
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "deflate"])
async def test_both_ends_learn_that_the_token_has_expired(
    start_gateway: StartGateway, client: str, server: str, compress: bool
) -> None:
    """1008, by the library's own account, and properly closed."""
    async with running_server(server, compress=compress) as service:
        gateway = await start_gateway([service.url])
        url = "http://{}:{}/socket/chat".format(*gateway.address)
        async with connected(client, url, token=good_token(), compress=compress) as near:
            far = await service.peers.get()
            await near.send("before")
            assert await far.receive() == told("before")

            ends = asyncio.gather(near.receive(), far.receive())
            await asyncio.sleep(0)
            gateway.pass_time(EXPIRED)

            async with asyncio.timeout(LIMIT_SECONDS):
                seen = await ends
            assert list(seen) == [("closed", 1008), ("closed", 1008)]
    assert gateway.metric("gateway_streams_expired_total", route="socket") == 1
