"""Connections to one address of a server, kept for the next request."""

import asyncio
import logging
from time import monotonic
from typing import Any, Final

from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.upstream.address_pool import AddressPool
from gateway.proxy.upstream.connection import NEVER, ConnectionOwner, ServerConnection

_log = logging.getLogger(__name__)

_SENDS_BODIES: Final = (
    "upstream %s: %s sends a body with responses that have none (to HEAD, 204, 304): from now on "
    "its connections are closed after such responses"
)


class ServerPool(AddressPool):
    """The open connections to one address, the one used last on top.

    Last in, first out: the busy few stay warm, the others grow old and are closed. *is_distrusted*
    says that the server once sent a body with a response that has none. *held* are connections
    reserved for one client that wait for its next request, and since when, the longest first.
    """

    __slots__ = ("_owner", "connections", "held", "idle", "is_distrusted")

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.idle: list[ServerConnection] = []
        self.held: dict[ServerConnection, float] = {}
        self.connections: set[ServerConnection] = set()
        self.is_distrusted = False
        self._owner: ConnectionOwner = self  # of new connections

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
            _log.warning(_SENDS_BODIES, self.upstream_name, self.authority)

    @property
    def in_flight(self) -> int:
        """Return how many requests are in flight here, or about to be."""
        return len(self.connections) - len(self.idle) - len(self.held) + self.connecting

    @property
    def connection_count(self) -> int:
        """Return how many connections are open."""
        return len(self.connections)

    async def connect(self, is_new: bool = False) -> ServerConnection:
        """Open a connection; raises MachineFault or OSError."""
        self.connecting += 1
        try:
            async with asyncio.timeout(self.connect_seconds):
                server = await self.open_alone(self._owner)
            if not server.is_open:  # as a proxy does whose own upstream is down
                raise ConnectionResetError(0, "it was closed at once")
        except OSError:
            self.refuse()
            raise
        finally:
            self.connecting -= 1
        server.owner = self._owner  # which a reload may have changed meanwhile
        self.connections.add(server)
        self.tally.opened += 1
        return server

    async def open_alone(self, owner: ConnectionOwner) -> ServerConnection:
        """Return a new connection that belongs to *owner*; raises OSError or MachineFault."""
        return await self.dial(lambda: ServerConnection(owner))

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
