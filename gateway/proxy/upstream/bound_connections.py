"""Keep a client's own connections to upstreams, on which it logs in."""

from collections.abc import Callable

from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.server_pool import ServerPool


class BoundConnections:
    """A client's own connections, at most one to each upstream.

    NTLM and Negotiate log in a connection, not a request: what is sent on it next is sent in the
    name of whoever logged in. So after either was seen, each connection to that upstream which
    serves this client serves nobody else, and is closed when the client leaves. A handshake takes
    several requests, and all of them use the same connection, whichever server is next.
    """

    __slots__ = ("_idle", "_is_over")

    def __init__(self) -> None:
        self._idle: dict[Pool, ServerConnection | None] = {}
        self._is_over = False

    def begin(self, pool: Pool) -> None:
        """Reserve the connections of *pool* that serve this client from now on."""
        if pool in self._idle:
            return
        for former in [one for one in self._idle if one.is_retired]:
            del self._idle[former]  # from before a reload, which has closed what it kept
        self._idle[pool] = None

    def take(self, pool: Pool) -> Lease | None:
        """Return an idle connection for a request, if any: its own before any other."""
        if pool not in self._idle:
            return pool.take()
        own, self._idle[pool] = self._idle[pool], None
        if own is not None and own.is_open and isinstance(own.owner, _BoundOwner):
            if pool.may_use(own.owner.pool):
                own.owner.take(own)
                return own
            own.close()
        server = pool.take()
        if server is not None:
            self.adopt(pool, server)
        return server

    def adopt(self, pool: Pool, server: Lease) -> None:
        """Reserve *server*, a connection of *pool* that serves this client."""
        # The connection of a retired pool is closed after this response in any case.
        if not isinstance(server, ServerConnection):
            return  # nobody logs in on a connection that carries many requests at once
        if pool in self._idle and isinstance(server.owner, ServerPool):
            server.owner = _BoundOwner(server.owner, pool, self)

    def put(self, pool: Pool, server: ServerConnection) -> bool:
        """Keep *server* for the next request; return False if there will be none."""
        if self._is_over or self._idle.get(pool, server) is not None:
            return False
        self._idle[pool] = server
        return True

    def close(self) -> None:
        """Close them: the client has left."""
        self._is_over = True
        for server in self._idle.values():
            if server is not None:
                server.close()
        self._idle.clear()


class _BoundOwner:
    """The owner of a connection reserved for one client; *pool* still counts it."""

    __slots__ = ("_connections", "_key", "pool")

    def __init__(self, pool: ServerPool, key: Pool, connections: BoundConnections) -> None:
        self.pool = pool
        self._key = key
        self._connections = connections

    @property
    def write_buffer(self) -> WriteBuffer:
        """Return the buffer that collects what is to be sent."""
        return self.pool.write_buffer

    @property
    def observe(self) -> Callable[[str, int, float], None]:
        """Return the function that counts a response."""
        return self.pool.observe

    @property
    def body_seconds(self) -> float:
        """Return how long the server may read nothing."""
        return self.pool.body_seconds

    @property
    def is_distrusted(self) -> bool:
        """Return whether the server once sent a body with a response that has none."""
        return self.pool.is_distrusted

    @property
    def authority(self) -> str:
        """Return the value for a Host field."""
        return self.pool.authority

    def distrust(self) -> None:
        """Note that the server sent a body with a response that has none."""
        self.pool.distrust()

    def take(self, server: ServerConnection) -> None:
        """Note that *server* has a request again."""
        self.pool.unhold(server)

    def put(self, server: ServerConnection) -> None:
        """Keep a connection that can carry its client's next request."""
        if self._connections.put(self._key, server):
            self.pool.hold(server)
        else:
            server.close()

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self.pool.forget(server)
        server.owner = self.pool  # a retry may have to avoid it

    def fail(self, sent_at: float) -> None:
        """Count a failed request against the server."""
        self.pool.fail(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Note that a request ended, which says nothing about the server."""
        self.pool.abandon(sent_at)
