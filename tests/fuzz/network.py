"""A gateway between clients and services that are all in this process."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.central import Central
from gateway.keyring.keyring import Keyring
from gateway.proxy.client.clients import Clients, Connection
from gateway.proxy.client.new_connection import NewConnection
from gateway.serving import make_serving
from gateway.settings.values.configuration import Settings
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.metrics.counts import Metrics
from tests.fuzz.memory import MemoryLoop, MemoryTransport
from tests.proxy.gateways import load, make_token, write_config
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.judge import Seen, read_request
from tests.proxy.reading import AnyProtocol

# The place of a good token in an input: its bytes are others in each run.
TOKEN_MARK = b"TOKEN"

_SOCKET_ROUTE = {
    "name": "socket",
    "match": {"path_prefix": "/socket/"},
    "upstream": "main",
    "public": True,
    "upgrades": ["websocket", "chat"],
}

# Seconds since the epoch: later than the longest run.
_FAR_OFF = 4_000_000_000

# Small enough for an input to reach them.
_LIMITS = {"head": "2KiB", "target": "512B", "fields": 24, "body": "4KiB"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What all inputs stand on: the loop, the settings and the keys."""

    loop: MemoryLoop
    settings: Settings
    keyring: Keyring
    token: bytes


@contextmanager
def running_ground(
    directory: Path, *, http2: bool = False, protocol: str = "http1"
) -> Iterator[Ground]:
    """Yield the ground; *directory* is for its configuration, with HTTP/2 or without.

    *protocol* is that of the upstream.
    """
    routes = [*HOSTILE_ROUTES, *([_SOCKET_ROUTE] if protocol == "http1" else [])]
    changes = {"routes": routes, "limits": _LIMITS, "http2": http2}
    changes["upstream"] = {"protocol": protocol}
    settings = load(write_config(directory, ["http://192.0.2.1:80"], changes))
    loop = MemoryLoop()
    keyring = Keyring(settings.issuers)
    try:
        loop.run_until_complete(keyring.start())
        yield Ground(loop, settings, keyring, make_token(exp=_FAR_OFF))
    finally:
        loop.run_until_complete(keyring.close())
        loop.close()


class ServiceEnd:
    """A service's end of one connection: judges the requests, and has *script* answer them.

    *script* is called when more of a request has come; *request* is the one to answer, None
    where the head is not whole, and *answered* is the id of the last that was. In a tunnel all
    goes to *tunnelled*.
    """

    def __init__(self, network: "Network", protocol: AnyProtocol) -> None:
        self._network = network
        self._unread = b""
        self.request: Seen | None = None
        self.answered = b""
        self.tunnelled: bytearray | None = None
        self.transport = MemoryTransport(protocol, self._written, slow=network.is_slow)

    def _written(self, data: bytes) -> None:
        if self.tunnelled is not None:
            self.tunnelled += data
            return
        self._unread += data
        while self._unread:
            self.request, rest = read_request(self._unread)
            if self.request is None:
                return
            asyncio.get_running_loop().call_soon(self._network.script, self, self.request)
            if not self.request.is_whole:
                return
            self._network.requests.append(self.request)
            self._unread = rest

    def begin_tunnel(self) -> None:
        """Take what comes from now on as bytes of a tunnel."""
        self.tunnelled = bytearray(self._unread)
        self._unread = b""

    @property
    def is_amid_request(self) -> bool:
        """Return whether part of a request has come."""
        return bool(self._unread)


Script = Callable[[ServiceEnd, Seen], None]


class Network:
    """One gateway that remembers nothing yet; *script* is what services do with a request.

    *requests* are those that came whole, on all connections.
    """

    def __init__(self, ground: Ground, script: Script, *, is_slow: bool = False) -> None:
        self.ground = ground
        self.script = script
        self.is_slow = is_slow
        self.requests: list[Seen] = []
        self.services: list[ServiceEnd] = []
        self.metrics = Metrics()
        self.serving = make_serving(
            ground.settings, Central(ground.keyring, {}), self.metrics, AccessLog(None)
        )
        self.clients: Clients[Connection] = Clients()
        ground.loop.accept = self._accept

    def _accept(self, protocol: AnyProtocol) -> asyncio.Transport:
        service = ServiceEnd(self, protocol)
        self.services.append(service)
        return service.transport

    def connect(self) -> MemoryTransport:
        """Return a client's new connection."""
        connection = NewConnection(self.serving.port, self.clients)
        return MemoryTransport(connection, slow=self.is_slow)

    async def end(self, *clients: MemoryTransport) -> None:
        """End the clients, then the services, and look for what was left behind."""
        for client in clients:
            if not client.is_closing():
                client.receive_end()
        await self.ground.loop.rest()
        for service in self.services:
            if not service.transport.is_closing():
                service.transport.receive_end()
        await self.ground.loop.rest()
        for client in clients:
            if client.has_ended and not client.is_closing():
                client.close()  # as the sweep would, a little later
        await self.ground.loop.rest()
        for pool in self.serving.pools:
            pool.close()
        await self.ground.loop.rest()
        assert len(self.clients) == 0, "a client's connection was left behind"
        assert all(one.transport.is_lost for one in self.services), "a service's was left behind"
        assert self.metrics.connections_open == 0
        assert self.metrics.tunnels_open == 0
        errors, self.ground.loop.errors = self.ground.loop.errors, []
        assert errors == [], errors
