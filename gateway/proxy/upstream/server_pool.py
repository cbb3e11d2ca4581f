"""Connections to one address of a server, kept for the next request."""

import asyncio
import errno
import logging
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import NEVER, ConnectionOwner, ServerConnection
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

# Out of descriptors or memory on this machine, which is no failure of the server.
_MACHINE_FAULTS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

_log = logging.getLogger(__name__)

_SENDS_BODIES: Final = (
    "upstream %s: %s sends a body with responses that have none (to HEAD, 204, 304): from now on "
    "its connections are closed after such responses"
)


class MachineFault(Exception):  # noqa: N818 - what went wrong is its cause
    """A connection could not be opened because this machine is out of something.

    It is no OSError, which would count against the server.
    """


class Watcher(Protocol):
    """What judges a server by its requests."""

    def failed(self, sent_at: float) -> None:
        """Note that a request failed that was sent at *sent_at*."""

    def refused(self) -> None:
        """Note that a connection could not be opened."""

    def abandoned(self, sent_at: float) -> None:
        """Note that nobody waits any more for the response to a request."""


class ServerPool:
    """The open connections to one address, the one used last on top.

    Last in, first out: the busy few stay warm, the others grow old and are closed. *observe* counts
    each response, *watcher* learns of failures. *connecting* counts connections that are not open
    yet. *is_used* says that requests are sent here, *is_distrusted* that the server once sent a
    body with a response that has none. *held* are connections reserved for one client that wait
    for its next request, and since when, the longest first.
    """

    __slots__ = (
        "_owner", "_upstream_name", "authority", "body_seconds", "connecting", "connections",
        "held", "host", "idle", "idle_seconds", "is_distrusted", "is_used", "observe", "server",
        "server_name", "tally", "watcher", "write_buffer",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what connections need
        self,
        server: Server,
        host: str,
        upstream: Upstream,
        timeouts: Timeouts,
        write_buffer: WriteBuffer,
        counts: UpstreamMetrics,
        tally: ServerMetrics,
    ) -> None:
        self.server = server
        self.host = host
        # The name that its certificate must have; sent in the handshake unless it is an address.
        self.server_name = None
        if server.tls and upstream.tls is not None:
            self.server_name = upstream.tls.server_name or server.host
        self.write_buffer = write_buffer
        self.idle_seconds = upstream.idle_timeout_seconds
        self.body_seconds = timeouts.body_seconds
        self.observe: Callable[[str, int, float], None] = counts.times.observe
        self.tally = tally
        self.watcher: Watcher | None = None
        self.idle: list[ServerConnection] = []
        self.held: dict[ServerConnection, float] = {}
        self.connections: set[ServerConnection] = set()
        self.connecting = 0
        self.is_used = True
        self.is_distrusted = False
        self._upstream_name = upstream.name
        self._owner: ConnectionOwner = self  # of new connections
        self.authority = server.authority

    def inherit(self, former: "ServerPool") -> None:
        """Take over from *former* after a reload: nothing, because there is no limit."""

    def put(self, server: ServerConnection) -> None:
        """Keep a connection that can carry another request."""
        server.deadline = monotonic() + self.idle_seconds
        self.idle.append(server)

    def take(self) -> ServerConnection | None:
        """Return an idle connection, or None."""
        idle = self.idle
        if idle:
            self.tally.reused += 1
            return idle.pop()
        return None

    def hold(self, server: ServerConnection) -> None:
        """Note that a connection reserved for one client has no request for now."""
        self.held[server] = now = monotonic()
        server.deadline = now + self.idle_seconds

    def unhold(self, server: ServerConnection) -> None:
        """Note that it has a request again."""
        del self.held[server]
        self.tally.reused += 1

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self.connections.discard(server)
        self.held.pop(server, None)
        if server in self.idle:
            self.idle.remove(server)

    def distrust(self) -> None:
        """Note that the server sent a body with a response that has none; log it once."""
        if not self.is_distrusted:
            self.is_distrusted = True
            _log.warning(_SENDS_BODIES, self._upstream_name, self.authority)

    def fail(self, sent_at: float) -> None:
        """Count a failed request, sent at *sent_at*, against the server."""
        self.tally.failures += 1
        if self.watcher is not None:
            self.watcher.failed(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Note that a request ended, which says nothing about the server."""
        if self.watcher is not None:
            self.watcher.abandoned(sent_at)

    @property
    def in_flight(self) -> int:
        """Return how many requests are in flight here, or about to be."""
        return len(self.connections) - len(self.idle) - len(self.held) + self.connecting

    def has_room(self) -> bool:
        """Return whether one more request can be sent here at once."""
        return True

    async def connect(self, tls: ssl.SSLContext | None, timeout_seconds: float) -> ServerConnection:
        """Open a connection; raises MachineFault or OSError (TimeoutError and ssl errors included).

        A connection that is closed before anything was sent is an error too: to try that server
        again at once, and again, would flood it.
        """
        self.connecting += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                server = await self.open(self._owner, tls)
            if not server.is_open:  # as a proxy does whose own upstream is down
                raise ConnectionResetError(0, "it was closed at once")
        except OSError:
            self.tally.failures += 1
            if self.watcher is not None:
                self.watcher.refused()
            raise
        finally:
            self.connecting -= 1
        server.owner = self._owner  # which a reload may have changed meanwhile
        self.connections.add(server)
        self.tally.opened += 1
        return server

    async def open(self, owner: ConnectionOwner, tls: ssl.SSLContext | None) -> ServerConnection:
        """Return a new connection that belongs to *owner*; raises OSError or MachineFault."""
        try:
            _, server = await asyncio.get_running_loop().create_connection(
                lambda: ServerConnection(owner),
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
        """Close what is idle, and keep nothing any more."""
        self._owner = owner = _RetiredPool(self)
        for server in tuple(self.connections):
            server.owner = owner
        for server in (*self.idle, *self.held):
            server.close()

    def close(self) -> None:
        """Close every connection."""
        self.idle.clear()
        for server in tuple(self.connections):
            server.deadline = NEVER
            server.close()


class _RetiredPool:
    """The owner of the connections of a retired pool: each is closed after its response."""

    __slots__ = ("_pool", "authority", "body_seconds", "observe", "write_buffer")

    is_distrusted = True  # so that nothing is kept

    def __init__(self, pool: ServerPool) -> None:
        self._pool = pool
        self.write_buffer = pool.write_buffer
        self.observe = pool.observe
        self.authority = pool.authority
        self.body_seconds = pool.body_seconds

    def distrust(self) -> None:
        """Do nothing: no connection is kept anyway."""

    def put(self, server: ServerConnection) -> None:
        """Close a connection that could have carried another request."""
        server.close()

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self._pool.forget(server)

    def fail(self, sent_at: float) -> None:
        """Count a failed request against the server."""
        self._pool.fail(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Note that a request ended, which says nothing about the server."""
        self._pool.abandon(sent_at)


def _expire(server: ServerConnection) -> None:
    """Act on the deadline of *server*; an error in that must not stop the sweep over the others."""
    try:
        server.expire()
    except Exception as error:
        report_unexpected_error("unexpected error in the timeout of a server", error)
        server.transport.abort()
