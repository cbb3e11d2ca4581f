"""Ends of a WebSocket made of two libraries, alike in what they tell of what they saw."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Seen = tuple[Any, ...]

LIBRARIES = ("websockets", "aiohttp")

# How long an end waits for the other to close the connection, once both have taken leave.
_CLOSE_SECONDS = 5.0


def told(message: str | bytes) -> Seen:
    """Return what a message was: its kind, its size and a digest."""
    kind = "text" if isinstance(message, str) else "binary"
    data = message.encode() if isinstance(message, str) else bytes(message)
    return (kind, len(data), hashlib.sha256(data).hexdigest()[:16])


class WebsocketsPeer:
    """An end made of ``websockets``; it answers pings without telling."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        await self._connection.send(message)

    async def send_fragments(self, fragments: Sequence[str], ping: bytes) -> None:
        """Send a message in fragments, with a ping in front of each but the first."""
        connection = self._connection

        async def pieces() -> AsyncIterator[str]:
            for number, fragment in enumerate(fragments):
                if number:
                    await connection.ping(ping + b"%d" % number)
                yield fragment

        await connection.send(pieces())

    async def ping(self, payload: bytes) -> Seen:
        """Send a ping, and tell what came of it; only while the other end reads."""
        await (await self._connection.ping(payload))
        return ("pong", payload)

    async def pong(self, payload: bytes) -> None:
        await self._connection.pong(payload)

    async def close(self, code: int, reason: str) -> Seen:
        """Take leave, and tell how it ended."""
        await self._connection.close(code, reason)
        return self._closed()

    async def close_without_code(self) -> Seen:
        """Take leave with an empty Close frame."""
        async with self._connection.send_context():
            self._connection.protocol.send_close()
        await self._connection.wait_closed()
        return self._closed()

    async def receive(self) -> Seen:
        """Tell what comes next."""
        try:
            return told(await self._connection.recv())
        except ConnectionClosed:
            return self._closed()

    def _closed(self) -> Seen:
        return ("closed", self._connection.close_code)

    def raw(self) -> asyncio.Transport:
        """Return the transport under it."""
        return self._connection.transport

    def agreed(self) -> Seen:
        """Tell what the handshake came to: the subprotocol, and whether payloads are deflated."""
        connection = self._connection
        return (connection.subprotocol, bool(connection.protocol.extensions))


class AiohttpPeer:
    """An end made of ``aiohttp``; it sees pings and pongs as well."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool] | web.WebSocketResponse):
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._socket.send_str(message)
        else:
            await self._socket.send_bytes(message)

    async def ping(self, payload: bytes) -> Seen:
        await self._socket.ping(payload)
        return await self.receive()

    async def pong(self, payload: bytes) -> None:
        await self._socket.pong(payload)

    async def close(self, code: int, reason: str) -> Seen:
        await self._socket.close(code=code, message=reason.encode())
        return ("closed", self._socket.close_code)

    async def receive(self) -> Seen:
        message = await self._socket.receive()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            return told(message.data)
        if message.type is WSMsgType.PING:
            await self._socket.pong(message.data)
            return ("ping", bytes(message.data))
        if message.type is WSMsgType.PONG:
            return ("pong", bytes(message.data))
        return ("closed", self._socket.close_code)

    def raw(self) -> asyncio.Transport:
        """Return the transport under it."""
        socket = self._socket
        owner = socket._req if isinstance(socket, web.WebSocketResponse) else socket._conn
        transport = None if owner is None else owner.transport
        assert transport is not None
        return transport

    def agreed(self) -> Seen:
        """Tell what the handshake came to: the subprotocol, and whether payloads are deflated."""
        socket = self._socket
        if isinstance(socket, web.WebSocketResponse):
            return (socket.ws_protocol, bool(socket.compress))
        return (socket.protocol, bool(socket.compress))


AnyPeer = WebsocketsPeer | AiohttpPeer


class PeerServer:
    """A server whose connections are handed out, and stay open until it ends."""

    def __init__(self) -> None:
        self.url = ""
        self.peers: asyncio.Queue[AnyPeer] = asyncio.Queue()
        self.over = asyncio.Event()


@asynccontextmanager
async def running_server(
    library: str, *, compress: bool = False, max_bytes: int | None = None
) -> AsyncIterator[PeerServer]:
    """Yield a server that offers the subprotocol ``v2.chat``."""
    server = PeerServer()
    start = _serve_websockets if library == "websockets" else _serve_aiohttp
    async with start(server, compress, max_bytes):
        try:
            yield server
        finally:
            server.over.set()


@asynccontextmanager
async def _serve_websockets(
    server: PeerServer, compress: bool, max_bytes: int | None
) -> AsyncIterator[None]:
    async def keep(connection: ServerConnection) -> None:
        server.peers.put_nowait(WebsocketsPeer(connection))
        await server.over.wait()

    async with serve(
        keep,
        "127.0.0.1",
        0,
        compression="deflate" if compress else None,
        max_size=max_bytes,
        subprotocols=[Subprotocol("v2.chat")],
        select_subprotocol=lambda _, offered: next(
            (one for one in offered if one == "v2.chat"), None
        ),
        ping_interval=None,
        close_timeout=_CLOSE_SECONDS,
    ) as started:
        host, port = next(iter(started.sockets)).getsockname()[:2]
        server.url = f"http://{host}:{port}"
        yield


@asynccontextmanager
async def _serve_aiohttp(
    server: PeerServer, compress: bool, max_bytes: int | None
) -> AsyncIterator[None]:
    async def keep(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            autoping=False,
            compress=compress,
            max_msg_size=max_bytes or 0,
            protocols=["v2.chat"],
            timeout=_CLOSE_SECONDS,
        )
        await socket.prepare(request)
        server.peers.put_nowait(AiohttpPeer(socket))
        await server.over.wait()
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", keep)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    host, port = site._server.sockets[0].getsockname()[:2]  # type: ignore[attr-defined]
    server.url = f"http://{host}:{port}"
    try:
        yield
    finally:
        server.over.set()
        await runner.cleanup()


@asynccontextmanager
async def connected(
    library: str,
    url: str,
    *,
    token: bytes | None = None,
    compress: bool = False,
    protocols: Sequence[str] = (),
    max_bytes: int | None = None,
) -> AsyncIterator[AnyPeer]:
    """Yield a client that is connected to *url*; refusals are the library's own errors."""
    headers = {} if token is None else {"Authorization": f"Bearer {token.decode()}"}
    async with AsyncExitStack() as stack:
        if library == "websockets":
            connection = await stack.enter_async_context(
                connect(
                    url.replace("http", "ws", 1),
                    additional_headers=headers,
                    compression="deflate" if compress else None,
                    subprotocols=[Subprotocol(one) for one in protocols] or None,
                    max_size=max_bytes,
                    proxy=None,
                    ping_interval=None,
                    close_timeout=_CLOSE_SECONDS,
                )
            )
            yield WebsocketsPeer(connection)
            return
        session = await stack.enter_async_context(aiohttp.ClientSession())
        socket = await session.ws_connect(
            url,
            headers=headers,
            compress=15 if compress else 0,
            protocols=protocols,
            autoping=False,
            max_msg_size=max_bytes or 0,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
        )
        yield AiohttpPeer(socket)
        await socket.close()
