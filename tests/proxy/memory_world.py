"""A data port without sockets: its own protocols between transports that only remember.

What one piece of input leads to is over before the next one is handed in, so every piece is
known to be read alone, and nothing depends on time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from gateway.central import Central
from gateway.keyring.keyring import Keyring
from gateway.proxy.client.clients import Clients, Connection
from gateway.proxy.client.new_connection import NewConnection
from gateway.proxy.port import RouteState
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.pool import Pool
from gateway.serving import make_serving
from gateway.settings.values.configuration import Settings
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.metrics.counts import Metrics
from tests.proxy.messages import Message
from tests.proxy.reading import AnyProtocol, hand_over
from tests.proxy.recorder import Recorder, Reply, echo

# Turns of the event loop in which nothing moves, before it is believed that nothing will: a
# task that is begun, the write_buffer it fills, and the answer to that.
_STILL_TURNS = 6


class Activity:
    """Counts what happens, so that one can wait until nothing does."""

    def __init__(self) -> None:
        self.count = 0

    async def settle(self) -> None:
        """Let the event loop turn until all is still."""
        still = 0
        while still < _STILL_TURNS:
            before = self.count
            await asyncio.sleep(0)
            still = still + 1 if self.count == before else 0


class MemoryTransport(asyncio.Transport):
    """Remembers what is written to it; *take* gets it too."""

    def __init__(self, activity: Activity, take: Callable[[bytes], None] | None = None) -> None:
        super().__init__({"peername": ("192.0.2.7", 7)})
        self.protocol: AnyProtocol | None = None
        self._waiting = b""
        self.written = bytearray()
        self.is_paused = False
        self.is_ended = False
        self.is_reset = False
        self._is_closing = False
        self._activity = activity
        self._take = take

    def attach(self, protocol: AnyProtocol) -> None:
        """Connect *protocol* to this."""
        self.protocol = protocol
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = cast(AnyProtocol, protocol)

    def write(self, data: Any) -> None:
        assert not self.is_ended
        if self._is_closing:
            return
        self._activity.count += 1
        self.written += data
        if self._take is not None:
            self._take(bytes(data))

    def writelines(self, data: Any) -> None:
        for piece in data:
            self.write(piece)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Leave it at that: nothing waits here by itself."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._activity.count += 1
        self.is_ended = True

    def is_closing(self) -> bool:
        return self._is_closing

    def is_reading(self) -> bool:
        return not (self.is_paused or self._is_closing)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self._activity.count += 1
        self.is_paused = False
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._hand_over)

    def close(self) -> None:
        if self._is_closing:
            return
        self._activity.count += 1
        self._is_closing = True
        if self.protocol is not None:
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.is_reset = self.is_reset or not self._is_closing
        self.close()

    def deliver(self, data: bytes) -> bool:
        """Hand *data* to the protocol, if it would get it from a socket."""
        if self._is_closing or self.protocol is None:
            return False
        assert not self.is_paused, "nothing goes on, and yet nothing may be read"
        self._waiting += data
        self._hand_over()
        return True

    def _hand_over(self) -> None:
        while self._waiting and self.is_reading() and self.protocol is not None:
            piece = hand_over(self.protocol, self._waiting)
            self._waiting = self._waiting[piece:]

    def end(self) -> None:
        """Tell the protocol that the other side sends no more."""
        if self._is_closing or self.protocol is None:
            return
        if not self.protocol.eof_received():
            self.close()


class ServiceEnd:
    """The far end of one connection to the service."""

    def __init__(self, world: "MemoryWorld") -> None:
        self._world = world
        self.transport = MemoryTransport(world.activity, self._take)
        self.recorder = Recorder(world.requests, world.reply)

    def _take(self, data: bytes) -> None:
        answer = self.recorder.feed(data)
        if answer:
            asyncio.get_running_loop().call_soon(self.transport.deliver, answer)


class MemoryPool(Pool):
    """Connections to a service in memory, kept for the next request as by any pool."""

    def __init__(self, world: "MemoryWorld", *args: Any) -> None:
        super().__init__(*args)
        self.take = self._take_kept  # type: ignore[method-assign]  # as Pool itself does
        self.write_buffer: WriteBuffer = args[2]
        self.observe = self.counts.times.observe
        self.response_seconds = self.body_seconds = 30.0
        self.authority = args[0].servers[0].authority
        self.is_distrusted = False
        self.kept: list[ServerConnection] = []
        self.ends: list[ServiceEnd] = []
        self._world = world

    def _take_kept(self) -> ServerConnection | None:
        return self.kept.pop() if self.kept else None

    async def connect(
        self, _avoid: object = None, _is_wanted: object = None, _is_new: bool = False
    ) -> ServerConnection:
        """Return a connection to a new end of the service."""
        await asyncio.sleep(0)
        end = ServiceEnd(self._world)
        server = ServerConnection(self)
        end.transport.attach(server)
        self.ends.append(end)
        return server

    def distrust(self) -> None:
        """Take note."""
        self.is_distrusted = True

    def put(self, server: ServerConnection) -> None:
        """Keep *server*."""
        self.kept.append(server)

    def forget(self, server: ServerConnection) -> None:
        """Drop *server*."""
        if server in self.kept:
            self.kept.remove(server)

    def fail(self, sent_at: float) -> None:
        """Count nothing."""

    def abandon(self, sent_at: float) -> None:
        """Count nothing."""

    def begin(self) -> None:
        """Start again without connections."""
        for end in self.ends:
            end.transport.close()
        self.ends.clear()
        self.kept.clear()


class MemoryWorld:
    """A data port, and the service behind it."""

    def __init__(self, settings: Settings) -> None:
        self.activity = Activity()
        self.requests: list[Message] = []
        self.reply: Reply = echo
        self.keyring = Keyring(settings.issuers)
        self._access_log = AccessLog(None)
        metrics = Metrics()
        serving = make_serving(settings, Central(self.keyring, {}), metrics, self._access_log)
        self.port = port = serving.port
        (upstream,) = settings.upstreams.values()
        counts = metrics.upstreams[upstream.name]
        self.pool = MemoryPool(self, upstream, settings.timeouts, port.write_buffer, counts)
        port.routes[:] = [
            RouteState(
                route, settings.route_options[route.index], self.pool, metrics.routes[route.index]
            )
            for route in settings.policy.routes.routes
        ]
        self._clients: Clients[Connection] = Clients()

    def begin(self, reply: Reply = echo) -> None:
        """Forget every connection to the service, and what it recorded."""
        self.pool.begin()
        self.requests.clear()
        self.reply = reply

    def connect(self) -> MemoryTransport:
        """Return the transport of a new client's connection, made as the listener makes it."""
        transport = MemoryTransport(self.activity)
        transport.attach(NewConnection(self.port, self._clients))
        return transport

    async def send(self, transport: MemoryTransport, pieces: list[bytes]) -> None:
        """Hand in *pieces*, each when all that the one before led to is done."""
        for piece in pieces:
            if not transport.is_closing():
                transport.deliver(piece)
                await self.activity.settle()

    async def close(self) -> None:
        """End everything."""
        for connection in tuple(self._clients.open):
            connection.abort()
        self.pool.begin()
        await self.activity.settle()
        await self.keyring.close()
        self._access_log.close(1.0)


@asynccontextmanager
async def running_memory_world(settings: Settings) -> AsyncIterator[MemoryWorld]:
    """Yield a data port in memory whose keys are there."""
    world = MemoryWorld(settings)
    await world.keyring.start()
    try:
        yield world
    finally:
        await world.close()
