"""Listen for clients, watch every deadline, and drain."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from gateway.proxy.client.clients import Clients, Connection
from gateway.proxy.client.new_connection import NewConnection
from gateway.proxy.listener.acceptor import Acceptor
from gateway.proxy.listener.drain import IDLE_SECONDS, drain_clients
from gateway.proxy.port import Port
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Address
from gateway.tls.latest_context import LatestContext

# One coarse sweep over all connections checks their deadlines, instead of a timer for each: so a
# request costs no timer, and no timeout is late by more than this.
_SWEEP_SECONDS: Final = 0.25

# Connections over the limit that are being refused; with more, new ones wait in the backlog.
_MAX_REFUSED: Final = 256


class Listener:
    """The data port's sockets and the connections that came through them.

    It listens on *addresses*; *tls* has the context of each, None for plain HTTP.
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
        # A former port, with its pools, is kept as long as a request that began under it.
        self._pools: WeakKeyDictionary[Port, Sequence[Pool]] = WeakKeyDictionary({port: pools})
        self._clients: Clients[Connection] = Clients()
        self._acceptors: list[Acceptor] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Return the hosts and ports it listens on, in order."""
        if not self._acceptors:
            raise RuntimeError("the listener was not started")
        return [one.address for one in self._acceptors]

    @property
    def is_started(self) -> bool:
        """Return whether connections are accepted, or were until the drain."""
        return self._sweeper is not None

    async def start(self, sockets: Sequence[Sequence[socket.socket]] = ()) -> None:
        """Listen; raises OSError if an address is unavailable.

        *sockets* has those of each address that listen already; an address without any is opened.
        """
        given = sockets or [()] * len(self._addresses)
        for address, tls, own in zip(self._addresses, self._tls, given, strict=True):
            make = self._make_client if tls is None else self._make_client_in_handshake
            # A handshake needs a timeout of its own: the sweep does not know it yet.
            acceptor = Acceptor(make, tls, self._port.timeouts.head_seconds)
            self._acceptors.append(acceptor)
            if own:
                await acceptor.start_on(own)
            else:
                with name_bind_errors(address, "listen"):
                    await acceptor.start(address)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def _make_client(self) -> NewConnection:
        if self._is_full():
            for acceptor in self._acceptors:
                acceptor.pause()
        return NewConnection(self._port, self._clients)

    def _make_client_in_handshake(self) -> NewConnection:
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
                report_unexpected_error("unexpected error while checking timeouts", bug)
            for acceptor in self._acceptors:
                if acceptor.paused and not self._is_full():
                    await acceptor.resume()

    def _expire(self, now: float) -> None:
        self._port.streams.sweep()  # first: a stream must end with its token, whatever fails here
        for client in self._clients:
            try:
                if client.deadline < now:
                    client.expire()
                client.check_exchange(now)
            except Exception as bug:  # the timeouts of the other clients must hold
                report_unexpected_error("unexpected error in the timeout of a client", bug)
                client.abort()
        for pool in self._all_pools():
            pool.expire(now)

    def _all_pools(self) -> list[Pool]:
        return [pool for pools in tuple(self._pools.values()) for pool in pools]

    def use(self, tls: Sequence[ssl.SSLContext | None], port: Port, pools: Sequence[Pool]) -> None:
        """Switch to *port*: every request that is decided from now on is decided by it.

        Requests decided before finish with the port and the pools they began with. So do TLS
        handshakes; those that begin from now on use *tls*.
        """
        for latest, context in zip(self._tls, tls, strict=True):
            if latest is not None and context is not None:
                latest.use(context)
        for acceptor in self._acceptors:  # this may pause it; the sweep resumes it
            acceptor.bound_handshakes(port.timeouts.head_seconds)
        former, self._port = self._port, port
        port.succeed(former)
        self._pools[port] = pools
        for client in self._clients:
            client.use(port)
        for pool in self._pools[former]:
            pool.retire()

    def requests_in_flight(self) -> int:
        """Return the number of requests in flight; may be called in any thread."""
        return sum(client.requests_in_flight() for client in self._clients)

    async def drain(
        self,
        timeout_seconds: float,
        delay_seconds: float = 0.0,
        streams_seconds: float | None = None,
    ) -> None:
        """Drain: finish what is in flight, and close.

        1. At once ``is_draining`` is true of every port, and each response says that it is the
           last on its connection, unless the client has sent more by then. For *delay_seconds*
           nothing else changes: load balancers need a while to notice the readiness.
        2. The connections in the backlogs are accepted, and the sockets close. A process that has
           the same socket must close it before this: connections that arrive later would be lost.
        3. Requests in flight finish, within *timeout_seconds*. An idle connection closes a second
           later; tunnels and event streams end evenly over *streams_seconds*, half of the time by
           default.
        4. After the timeout, requests that are left get a response if possible, and are else cut.

        Return when no client is left, or a second after the timeout.
        """
        for port in tuple(self._pools):
            port.is_draining = True
        await asyncio.sleep(delay_seconds)
        for acceptor in self._acceptors:
            await acceptor.finish()
        self._port.cap_idle_timeout(min(IDLE_SECONDS, timeout_seconds / 2))
        streams_seconds = timeout_seconds / 2 if streams_seconds is None else streams_seconds
        await drain_clients(self._clients, timeout_seconds, streams_seconds)

    async def stop(self) -> None:
        """Close everything now."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for client in self._clients:
            client.abort()
        for pool in self._all_pools():
            pool.close()
        await asyncio.sleep(0)
