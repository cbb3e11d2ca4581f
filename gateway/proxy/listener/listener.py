"""Listen for clients, watch every deadline, and drain."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from gateway.proxy.client.clients import Clients
from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.listener.acceptor import Acceptor
from gateway.proxy.listener.drain import IDLE_SECONDS, drain_clients
from gateway.proxy.port import Port
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.configuration import Address
from gateway.settings.values.listening import naming
from gateway.tls.latest_context import LatestContext

# Deadlines are watched by one coarse sweep over all connections instead of a timer each: a
# request then costs no timer at all, and none is late by more than this.
_SWEEP_SECONDS: Final = 0.25

# Connections over the limit that are being told so, before the next have to wait in the backlog.
_MAX_REFUSED: Final = 256


class Listener:
    """The data port's sockets and the connections that came through them.

    It listens on *addresses*; *tls* is what each of them speaks, None where that is plain HTTP.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        tls: Sequence[ssl.SSLContext | None],
        port: Port,
        pools: Sequence[Pool],
    ) -> None:
        self._addresses = addresses
        self._tls = [None if one is None else LatestContext(one) for one in tls]
        self._port = port
        # A former port lives on as long as a request that began under it; so do its pools.
        self._pools: WeakKeyDictionary[Port, Sequence[Pool]] = WeakKeyDictionary({port: pools})
        self._clients: Clients[ClientConnection] = Clients()
        self._acceptors: list[Acceptor] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Return the hosts and ports that are listened on, in order."""
        if not self._acceptors:
            raise RuntimeError("the listener was not started")
        return [one.address for one in self._acceptors]

    @property
    def is_started(self) -> bool:
        """Say whether connections are taken, or were until the drain."""
        return self._sweeper is not None

    async def start(self, sockets: Sequence[Sequence[socket.socket]] = ()) -> None:
        """Listen; raises OSError where an address cannot be had.

        *sockets* listen already, those of each of the addresses; one that has none is opened.
        """
        given = sockets or [()] * len(self._addresses)
        for address, tls, own in zip(self._addresses, self._tls, given, strict=True):
            make = self._make_client if tls is None else self._make_client_in_handshake
            # Until a handshake is through, the sweep does not know the connection.
            acceptor = Acceptor(make, tls, self._port.timeouts.head_seconds)
            self._acceptors.append(acceptor)
            if own:
                await acceptor.start_on(own)
            else:
                with naming(address, "listen"):
                    await acceptor.start(address)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def _make_client(self) -> ClientConnection:
        if self._is_full():
            for acceptor in self._acceptors:
                acceptor.pause()
        return ClientConnection(self._port, self._clients)

    def _make_client_in_handshake(self) -> ClientConnection:
        client = self._make_client()
        self._clients.begin_handshake(client)
        return client

    def _is_full(self) -> bool:
        return len(self._clients) >= self._port.limits.connections + _MAX_REFUSED

    async def _sweep(self) -> None:
        while True:
            due = monotonic() + _SWEEP_SECONDS
            await asyncio.sleep(_SWEEP_SECONDS)
            self._port.metrics.load.delay.observe(max(0.0, monotonic() - due))
            try:
                self._expire(monotonic())
            except Exception as bug:
                report_bug("a bug in the sweep over deadlines", bug)
            for acceptor in self._acceptors:
                if acceptor.paused and not self._is_full():
                    await acceptor.resume()

    def _expire(self, now: float) -> None:
        self._port.streams.sweep()  # first: what a token allowed ends, whatever else goes wrong
        for client in self._clients:
            try:
                if client.deadline < now:
                    client.expire()
                client.check_exchange(now)
            except Exception as bug:  # nor are the limits of the others at its mercy
                report_bug("a bug at the end of a client's time", bug)
                client.abort()
        for pool in self._all_pools():
            pool.expire(now)

    def _all_pools(self) -> list[Pool]:
        return [pool for pools in tuple(self._pools.values()) for pool in pools]

    def use(self, tls: Sequence[ssl.SSLContext | None], port: Port, pools: Sequence[Pool]) -> None:
        """Go on under *port*: every request that is decided from now on is decided by it.

        Those decided before finish under the port, and with the pools, they began with. So do
        TLS handshakes; those that begin from now on are made by *tls*.
        """
        for latest, context in zip(self._tls, tls, strict=True):
            if latest is not None and context is not None:
                latest.use(context)
        for acceptor in self._acceptors:  # the sweep resumes one that is paused by that
            acceptor.bound_handshakes(port.timeouts.head_seconds)
        former, self._port = self._port, port
        port.succeed(former)
        self._pools[port] = pools
        for client in self._clients:
            client.use(port)
        for pool in self._pools[former]:
            pool.retire()

    def requests_in_flight(self) -> int:
        """Count the connections with a request under way; for any thread."""
        return sum(client.is_busy() for client in self._clients)

    async def drain(
        self,
        timeout_seconds: float,
        delay_seconds: float = 0.0,
        streams_seconds: float | None = None,
    ) -> None:
        """Take leave of all clients: the one way in which the data port ends in order.

        1. At once ``is_draining`` is true of every port, and each answer says that it is the
           last on its connection, unless more was sent by then. For *delay_seconds* nothing
           else changes: whoever looks at the readiness needs a while to send nobody here.
        2. The sockets close, behind the connections that wait in their backlogs. A socket that
           another process holds, too, must be closed there before this: what came to it later
           would be lost.
        3. Requests under way finish, at most *timeout_seconds*. An idle connection ends a
           second later; tunnels and event streams are told over *streams_seconds*, half of the
           time by default.
        4. What is left when the time is up is answered if it can be, and otherwise cut.

        Returns when no client is left, or a second after the time is up.
        """
        for port in tuple(self._pools):
            port.is_draining = True
        await asyncio.sleep(delay_seconds)
        for acceptor in self._acceptors:
            await acceptor.finish()
        self._port.bound_idleness(min(IDLE_SECONDS, timeout_seconds / 2))
        streams_seconds = timeout_seconds / 2 if streams_seconds is None else streams_seconds
        await drain_clients(self._clients, timeout_seconds, streams_seconds)

    async def stop(self) -> None:
        """End everything now."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for client in self._clients:
            client.abort()
        for pool in self._all_pools():
            pool.close()
        await asyncio.sleep(0)
