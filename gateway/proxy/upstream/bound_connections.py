"""Keep a client's own connections to services, on which it logs in."""

from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.roles import Observed
from gateway.proxy.upstream.server_pool import ServerPool


class BoundConnections:
    """A client's own connections, at most one to each upstream.

    NTLM and Negotiate log in a connection, not a request: what is sent on it next is sent in the
    name of whoever logged in. So once either was seen, each connection to that upstream which
    serves this client serves nobody else, and is closed when the client leaves. A handshake takes
    several requests: they all go on the same connection, whichever server's turn it is.
    """

    __slots__ = ("_idle", "_is_over")

    def __init__(self) -> None:
        self._idle: dict[Pool, ServerConnection | None] = {}
        self._is_over = False

    def begin(self, pool: Pool) -> None:
        """Have what serves this client by *pool* be its own from now on."""
        if pool in self._idle:
            return
        for former in [one for one in self._idle if one.is_retired]:
            del self._idle[former]  # of before a reload, which has closed what it kept
        self._idle[pool] = None

    def take(self, pool: Pool) -> ServerConnection | None:
        """Return an open connection for a request, if there is one: its own before any other."""
        if pool not in self._idle:
            return pool.take()
        own, self._idle[pool] = self._idle[pool], None
        if own is not None and own.is_open and isinstance(own.home, _BoundHome):
            if pool.may_use(own.home.pool):
                own.home.take(own)
                return own
            own.close()
        server = pool.take()
        if server is not None:
            self.adopt(pool, server)
        return server

    def adopt(self, pool: Pool, server: ServerConnection) -> None:
        """Have *server*, which serves this client by *pool*, serve nobody else any more."""
        # One whose pool is no more is closed behind this answer in any case.
        if pool in self._idle and isinstance(server.home, ServerPool):
            server.home = _BoundHome(server.home, pool, self)

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


class _BoundHome:
    """The home of a connection that is one client's own; it counts in *pool* all the same."""

    __slots__ = ("_key", "_owner", "pool")

    def __init__(self, pool: ServerPool, key: Pool, owner: BoundConnections) -> None:
        self.pool = pool
        self._key = key
        self._owner = owner

    @property
    def outbox(self) -> Outbox:
        """Return where what is to be sent waits."""
        return self.pool.outbox

    @property
    def counts(self) -> Observed:
        """Return who is told of answers."""
        return self.pool.counts

    @property
    def body_seconds(self) -> float:
        """Return how long the server may take nothing."""
        return self.pool.body_seconds

    @property
    def is_distrusted(self) -> bool:
        """Return whether the server once sent a body with an answer that has none."""
        return self.pool.is_distrusted

    @property
    def authority(self) -> str:
        """Return what a Host field would say."""
        return self.pool.authority

    def distrust(self) -> None:
        """Take that the server sent a body with an answer that has none."""
        self.pool.distrust()

    def take(self, server: ServerConnection) -> None:
        """Take that *server* has a request again."""
        self.pool.unhold(server)

    def put(self, server: ServerConnection) -> None:
        """Keep a connection that can serve its client again."""
        if self._owner.put(self._key, server):
            self.pool.hold(server)
        else:
            server.close()

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self.pool.forget(server)
        server.home = self.pool  # which another request may have to avoid

    def fail(self, sent_at: float) -> None:
        """Take that a request came to nothing here."""
        self.pool.fail(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Take that nobody waits for the answer to a request any more."""
        self.pool.abandon(sent_at)
