"""Connections to one address of a server, up to a limit."""

from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

from gateway.proxy.upstream.address_pool import AddressPool, MachineFault
from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.queue import Queue
from gateway.proxy.upstream.server_pool import ServerPool

# A connection that is reserved for one client, and waits so long for its next request, is closed
# if others need its place. Until then the client may be in the middle of a login, which takes
# several requests.
_HELD_SECONDS: Final = 0.25


class CappedPool(ServerPool):
    """Serves the requests in *queue* with connections that come back, and with free places.

    The pools of one address over several reloads share the limit: a request in flight keeps its
    connection when the configuration changes.
    """

    __slots__ = ("__weakref__", "_generations", "_max_connections", "_queue")

    def __init__(self, max_connections: int, queue: Queue[Lease | AddressPool], *args: Any) -> None:
        super().__init__(*args)
        self._max_connections = max_connections
        self._queue = queue
        # Weakly: a former pool lives as long as a request that began under it.
        self._generations: WeakKeyDictionary[CappedPool, None] = WeakKeyDictionary({self: None})

    def inherit(self, former: AddressPool) -> None:
        """Share the limit with *former*, of the configuration before."""
        if isinstance(former, CappedPool):
            self._generations = former._generations
            self._generations[self] = None

    def has_room(self) -> bool:
        """Return whether one more request can be sent here at once."""
        return bool(self.idle) or self._may_open() or self._dispensable() is not None

    def _may_open(self) -> bool:
        taken = sum(len(one.connections) + one.connecting for one in self._generations)
        return taken < self._max_connections

    def _dispensable(self) -> ServerConnection | None:
        """Return a connection that can be closed to make place for another one, or None."""
        for one in (self, *self._generations):
            if one.idle:
                return one.idle[0]
        for server, since in self.held.items():
            return server if since + _HELD_SECONDS <= monotonic() else None
        return None

    def put(self, server: ServerConnection) -> None:
        """Give a connection that can carry another request to the next in the queue, or keep it.

        Requests from before a reload come first, for instance one that is retried. They only get
        its place: under another configuration the connection may have another certificate.
        """
        if any(one is not self and one.is_used and len(one._queue) for one in self._generations):
            server.close()  # which serves the oldest first
            return
        if not (self.is_used and self._queue.serve(server)):
            super().put(server)
            return
        server.deadline = NEVER
        self.tally.reused += 1

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone; another one may be opened in its place."""
        was_known = server in self.connections
        super().forget(server)
        if was_known:
            self._serve_all()

    async def connect(self, is_new: bool = False) -> ServerConnection:
        """Open a connection, in place of an idle one if the limit is reached."""
        if not self._may_open():
            dispensable = self._dispensable()
            if dispensable is not None:
                self.replace(dispensable)
        try:
            return await super().connect(is_new)
        except (OSError, MachineFault):
            self._serve_all()
            raise

    def replace(self, server: ServerConnection) -> None:
        """Close *server*, and leave its place to the caller, who connects next."""
        self.connecting += 1  # otherwise the next in the queue would get the place
        server.close()
        self.connecting -= 1

    def _serve_all(self) -> None:
        # The oldest first: the latest pool keeps its connections, and with them its places.
        for one in tuple(self._generations):
            one.serve()

    def serve(self) -> None:
        """Serve the queue as far as there are connections or places here."""
        while self.is_used and len(self._queue):
            if self.idle:
                self.put(self.idle.pop())
                continue
            if not self._may_open():
                dispensable = self._dispensable()
                if dispensable is None:
                    return
                dispensable.close()  # which calls this again
                continue
            self.connecting += 1  # the place is kept free until ``redeem``
            if not self._queue.serve(self):
                self.connecting -= 1

    def redeem(self) -> None:
        """Note that a request that was served with this pool is about to connect."""
        self.connecting -= 1
