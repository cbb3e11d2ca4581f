"""Connections to one address of a server, of which there may be only so many."""

import ssl
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.proxy.upstream.queue import Line, MachineFault
from gateway.proxy.upstream.server_pool import ServerPool

# One client's own connection that waits so long for its next request makes room for others. Until
# then it may be in the middle of a login, which takes several requests.
_HELD_SECONDS: Final = 0.25


class CappedPool(ServerPool):
    """Serves those who wait in *line* with what comes home, and with the room that is left.

    The pools of one address over several reloads share the room: a request that is under way
    keeps its connection when the configuration changes.
    """

    __slots__ = ("__weakref__", "_generations", "_line", "_max_connections")

    def __init__(
        self, max_connections: int, line: "Line[ServerConnection | CappedPool]", *args: Any
    ) -> None:
        super().__init__(*args)
        self._max_connections = max_connections
        self._line = line
        # Weakly: a former pool lives as long as a request that began under it.
        self._generations: WeakKeyDictionary[CappedPool, None] = WeakKeyDictionary({self: None})

    def inherit(self, former: ServerPool) -> None:
        """Share the room with *former*, of the configuration before."""
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
        """Return what can be closed so that another connection can be opened, if anything can."""
        for one in (self, *self._generations):
            if one.idle:
                return one.idle[0]
        for server, since in self.held.items():
            return server if since + _HELD_SECONDS <= monotonic() else None
        return None

    def put(self, server: ServerConnection) -> None:
        """Give a connection that can serve again to the next who waits, or keep it.

        Requests from before a reload come first, for instance one that is sent again. They have
        the room: under another configuration the connection may have another certificate.
        """
        if any(one is not self and one.is_used and len(one._line) for one in self._generations):
            server.close()  # which serves the oldest first
            return
        if not (self.is_used and self._line.serve(server)):
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

    async def connect(self, tls: ssl.SSLContext | None, timeout_seconds: float) -> ServerConnection:
        """Open a connection, in place of a kept one if there is no other way."""
        if not self._may_open():
            dispensable = self._dispensable()
            if dispensable is not None:
                self.replace(dispensable)
        try:
            return await super().connect(tls, timeout_seconds)
        except (OSError, MachineFault):
            self._serve_all()
            raise

    def replace(self, server: ServerConnection) -> None:
        """Close *server*; its room is for whoever connects next, before anything else happens."""
        self.connecting += 1  # else those who wait would have it
        server.close()
        self.connecting -= 1

    def _serve_all(self) -> None:
        # The oldest first: the latest keeps its connections, and with them the room.
        for one in tuple(self._generations):
            one.serve()

    def serve(self) -> None:
        """Serve those who wait as far as there is something to be had here."""
        while self.is_used and len(self._line):
            if self.idle:
                self.put(self.idle.pop())
                continue
            if not self._may_open():
                dispensable = self._dispensable()
                if dispensable is None:
                    return
                dispensable.close()  # which comes back here
                continue
            self.connecting += 1  # kept free until it ``redeems`` it
            if not self._line.serve(self):
                self.connecting -= 1

    def redeem(self) -> None:
        """Take that whoever was served with this pool is about to connect."""
        self.connecting -= 1
