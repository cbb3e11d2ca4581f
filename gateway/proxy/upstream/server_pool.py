"""Connections to one address of a server, kept for the next request."""

import asyncio
import errno
import logging
import ssl
from time import monotonic
from typing import Final, Protocol

from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.proxy.upstream.queue import MachineFault
from gateway.proxy.upstream.roles import Home, Observed
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.servers import ServerMetrics

# No descriptor or no memory is left here: no server's doing.
_MACHINE_FAULTS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

_log = logging.getLogger(__name__)

_SENDS_BODIES: Final = (
    "upstream %s: %s sends a body with answers that have none (to HEAD, 204, 304): its connections "
    "are closed behind such answers from now on"
)


class Watch(Protocol):
    """Whoever keeps an eye on what becomes of requests to a server."""

    def failed(self, sent_at: float) -> None:
        """Take that one came to nothing that was sent at *sent_at*."""

    def refused(self) -> None:
        """Take that a connection could not be opened."""

    def abandoned(self, sent_at: float) -> None:
        """Take that nobody waits for the answer to one any more."""


class ServerPool:
    """The open connections to one address, the one used last on top.

    Last in, first out: the busy few stay warm and the rest grow old and are closed. *counts*
    get the time of each answer, *watch* hears of the rest; without it nobody does.
    *connecting* connections do not stand yet. *is_used* says that requests are sent here.
    *is_distrusted* says that the server sent a body with an answer that has none.
    *held* are those that wait for the next request of the one client whose they are, and since
    when, the longest first.
    """

    __slots__ = (
        "_home", "_upstream_name", "authority", "body_seconds", "connecting", "connections",
        "counts", "held", "host", "idle", "idle_seconds", "is_distrusted", "is_used", "outbox",
        "server", "server_name", "tally", "watch",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what connections need
        self,
        server: Server,
        host: str,
        upstream: Upstream,
        timeouts: Timeouts,
        outbox: Outbox,
        counts: Observed,
        tally: ServerMetrics,
    ) -> None:
        self.server = server
        self.host = host
        # Whom its certificate must be for; asked for in the handshake where it is no address.
        self.server_name = None
        if server.tls and upstream.tls is not None:
            self.server_name = upstream.tls.server_name or server.host
        self.outbox = outbox
        self.idle_seconds = upstream.idle_timeout_seconds
        self.body_seconds = timeouts.body_seconds
        # Event streams are quiet for long: a pause in an answer may last as long as in a tunnel.
        self.counts = counts
        self.tally = tally
        self.watch: Watch | None = None
        self.idle: list[ServerConnection] = []
        self.held: dict[ServerConnection, float] = {}
        self.connections: set[ServerConnection] = set()
        self.connecting = 0
        self.is_used = True
        self.is_distrusted = False
        self._upstream_name = upstream.name
        self._home: Home = self
        self.authority = server.authority

    def inherit(self, former: "ServerPool") -> None:
        """Go on after *former*, of the configuration before: without a limit there is nothing."""

    def put(self, server: ServerConnection) -> None:
        """Keep a connection that can serve again."""
        server.deadline = monotonic() + self.idle_seconds
        self.idle.append(server)

    def take(self) -> ServerConnection | None:
        """Return an open connection nobody uses, if there is one."""
        idle = self.idle
        if idle:
            self.tally.reused += 1
            return idle.pop()
        return None

    def hold(self, server: ServerConnection) -> None:
        """Take that a connection which is one client's own has no request for now."""
        self.held[server] = now = monotonic()
        server.deadline = now + self.idle_seconds

    def unhold(self, server: ServerConnection) -> None:
        """Take that it has one again."""
        del self.held[server]
        self.tally.reused += 1

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self.connections.discard(server)
        self.held.pop(server, None)
        if server in self.idle:
            self.idle.remove(server)

    def distrust(self) -> None:
        """Take that the server sent a body with an answer that has none, and say so once."""
        if not self.is_distrusted:
            self.is_distrusted = True
            _log.warning(_SENDS_BODIES, self._upstream_name, self.authority)

    def fail(self, sent_at: float) -> None:
        """Take that a request, sent at *sent_at*, came to nothing here."""
        self.tally.failures += 1
        if self.watch is not None:
            self.watch.failed(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Take that nobody waits for the answer to a request any more."""
        if self.watch is not None:
            self.watch.abandoned(sent_at)

    @property
    def in_flight(self) -> int:
        """Return how many requests are under way here, or about to be."""
        return len(self.connections) - len(self.idle) - len(self.held) + self.connecting

    def has_room(self) -> bool:
        """Return whether one more request can be sent here at once."""
        return True

    async def connect(self, tls: ssl.SSLContext | None, timeout_seconds: float) -> ServerConnection:
        """Open a connection; raises MachineFault or OSError (TimeoutError and ssl errors included).

        So does one that is closed before anything was sent: to try it again would be a storm.
        """
        self.connecting += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                server = await self.open(self._home, tls)
            if not server.is_open:  # as a proxy in front of a dead service does it
                raise ConnectionResetError(0, "it was closed at once")
        except OSError:
            self.tally.failures += 1
            if self.watch is not None:
                self.watch.refused()
            raise
        finally:
            self.connecting -= 1
        server.home = self._home  # which a reload may have changed meanwhile
        self.connections.add(server)
        self.tally.opened += 1
        return server

    async def open(self, home: Home, tls: ssl.SSLContext | None) -> ServerConnection:
        """Return a new connection that belongs to *home*; raises OSError or MachineFault."""
        try:
            _, server = await asyncio.get_running_loop().create_connection(
                lambda: ServerConnection(home),
                self.host,
                self.server.port,
                ssl=tls if self.server.tls else None,
                server_hostname=self.server_name,
            )
        except OSError as error:
            if error.errno in _MACHINE_FAULTS:
                raise MachineFault from error
            raise
        return server

    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""
        for server in tuple(self.connections):
            if server.deadline < now:
                _expire(server)

    def retire(self) -> None:
        """Close what nobody uses, and keep nothing any more."""
        self._home = home = _Retired(self)
        for server in tuple(self.connections):
            server.home = home
        for server in (*self.idle, *self.held):
            server.close()

    def close(self) -> None:
        """Close every connection."""
        self.idle.clear()
        for server in tuple(self.connections):
            server.deadline = NEVER
            server.close()


class _Retired:
    """The home of connections whose pool is no more: those who come home are closed."""

    __slots__ = ("_pool", "authority", "body_seconds", "counts", "outbox")

    is_distrusted = True  # nothing is kept

    def __init__(self, pool: ServerPool) -> None:
        self._pool = pool
        self.outbox = pool.outbox
        self.counts = pool.counts
        self.authority = pool.authority
        self.body_seconds = pool.body_seconds

    def distrust(self) -> None:
        """Keep nothing anyway."""

    def put(self, server: ServerConnection) -> None:
        """Close a connection that could have served again."""
        server.close()

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self._pool.forget(server)

    def fail(self, sent_at: float) -> None:
        """Take that a request came to nothing here."""
        self._pool.fail(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Take that nobody waits for the answer to a request any more."""
        self._pool.abandon(sent_at)


def _expire(server: ServerConnection) -> None:
    """Act on the deadline of *server*; a bug in that must not suspend those of the others."""
    try:
        server.expire()
    except Exception as bug:
        report_bug("a bug at the end of a server's time", bug)
        server.transport.abort()
