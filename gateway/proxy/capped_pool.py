"""Connections to one address of a server, of which there may be only so many."""

import ssl
from typing import Any

from gateway.proxy.line import Line
from gateway.proxy.server import NEVER, ServerConnection
from gateway.proxy.server_pool import ServerPool


class CappedPool(ServerPool):
    """Serves those who wait in *line* with what comes home, and with the room that is left."""

    __slots__ = ("_line", "_max_connections")

    def __init__(
        self, max_connections: int, line: "Line[ServerConnection | CappedPool]", *args: Any
    ) -> None:
        super().__init__(*args)
        self._max_connections = max_connections
        self._line = line

    def has_room(self) -> bool:
        """Return whether one more request can be sent here at once."""
        return bool(self.idle) or self._may_open()

    def _may_open(self) -> bool:
        return len(self.connections) + self.connecting < self._max_connections

    def put(self, server: ServerConnection) -> None:
        """Give a connection that can serve again to the next who waits, or keep it."""
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
            self.serve()

    async def connect(self, tls: ssl.SSLContext | None, timeout_seconds: float) -> ServerConnection:
        """Open a connection; raises OSError."""
        try:
            return await super().connect(tls, timeout_seconds)
        except OSError:
            self.serve()
            raise

    def serve(self) -> None:
        """Serve those who wait as far as there is something to be had here."""
        while self.is_used and len(self._line):
            if self.idle:
                self.put(self.idle.pop())
                continue
            if not self._may_open():
                return
            self.connecting += 1  # kept free until it ``redeems`` it
            if not self._line.serve(self):
                self.connecting -= 1

    def redeem(self) -> None:
        """Take that whoever was served with this pool is about to connect."""
        self.connecting -= 1
