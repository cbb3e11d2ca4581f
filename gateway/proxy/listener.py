"""Listen for clients, watch every deadline, and drain."""

import asyncio
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from gateway.proxy.client import ClientConnection
from gateway.proxy.pool import Pool
from gateway.proxy.port import Port
from gateway.settings.values import Listen

# Deadlines are watched by one coarse sweep over all connections instead of a timer each: a
# request then costs no timer at all, and none is late by more than this.
_SWEEP_SECONDS: Final = 0.25

_BACKLOG: Final = 4096


def server_context(listen: Listen) -> ssl.SSLContext | None:
    """Return the TLS context of *listen*; raises ssl.SSLError and OSError for bad files."""
    if listen.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(listen.tls.certificate, listen.tls.key)
    if listen.tls.client_ca is not None:
        context.load_verify_locations(listen.tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Listener:
    """The data port's socket and the connections that came through it."""

    def __init__(self, listen: Listen, port: Port, pools: Sequence[Pool]) -> None:
        self._listen = listen
        self._port = port
        # A former port lives on as long as a request that began under it; so do its pools.
        self._pools: WeakKeyDictionary[Port, Sequence[Pool]] = WeakKeyDictionary({port: pools})
        self._connections: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port that are listened on."""
        if self._server is None:
            raise RuntimeError("the listener was not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """Listen; raises OSError where the address cannot be had."""
        loop = asyncio.get_running_loop()
        address = self._listen.address
        tls = server_context(self._listen)
        self._server = await loop.create_server(
            lambda: ClientConnection(self._port, self._connections),
            address.host,
            address.port,
            ssl=tls,
            # Until it is through, the sweep does not know the connection.
            ssl_handshake_timeout=None if tls is None else self._port.timeouts.head_seconds,
            backlog=_BACKLOG,
        )
        self._sweeper = loop.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = monotonic()
            for connection in tuple(self._connections):
                if connection.deadline < now:
                    connection.expire()
            for pool in self._all_pools():
                pool.expire(now)

    def _all_pools(self) -> list[Pool]:
        return [pool for pools in tuple(self._pools.values()) for pool in pools]

    def use(self, port: Port, pools: Sequence[Pool]) -> None:
        """Go on under *port*: every request that is decided from now on is decided by it.

        Those decided before finish under the port, and with the pools, they began with.
        """
        former, self._port = self._port, port
        port.succeed(former)
        self._pools[port] = pools
        for connection in tuple(self._connections):
            connection.use(port)
        for pool in self._pools[former]:
            pool.retire()

    def requests_in_flight(self) -> int:
        """Count the connections with a request under way; for any thread."""
        return sum(connection.is_busy() for connection in tuple(self._connections))

    async def drain(self, timeout_seconds: float) -> None:
        """Take no more connections; let requests under way finish, at most so long."""
        for port in tuple(self._pools):
            port.is_draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        deadline = monotonic() + timeout_seconds
        while self._connections and monotonic() < deadline:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End everything now."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        for pool in self._all_pools():
            pool.close()
        await asyncio.sleep(0)
