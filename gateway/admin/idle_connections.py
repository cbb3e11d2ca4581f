"""Close idle connections of the admin port, before they use up the file descriptors."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

# Twice as long as Prometheus usually waits between two scrapes.
IDLE_SECONDS: Final = 30.0

# More than probes, a few Prometheus servers and people need, and far fewer than there are
# descriptors, which the data port shares.
MAX_CONNECTIONS: Final = 128


class IdleConnections:
    """The last request of each connection; opening one needs no token.

    A connection without a complete request for *idle_seconds* is closed. Of more than
    *max_connections*, those that have been idle for longest are closed.
    """

    def __init__(
        self,
        idle_seconds: float = IDLE_SECONDS,
        max_connections: int = MAX_CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._max_connections = max_connections
        self._clock = clock
        self._since: dict[object, float] = {}
        self._busy: set[object] = set()

    @property
    def known(self) -> int:
        """Return the number of connections that are remembered."""
        return len(self._since)

    def middleware(self) -> Middleware:
        """Return a middleware that notes each request."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = request.protocol
            self._busy.add(connection)
            try:
                return await handler(request)
            finally:
                self._busy.discard(connection)
                self._since[connection] = self._clock()

        return note

    def choose(self, connections: Sequence[web.RequestHandler]) -> Sequence[web.RequestHandler]:
        """Return which of *connections*, which are all open ones, to close now."""
        now = self._clock()
        self._since = {one: self._since.get(one, now) for one in connections}
        idle = sorted(
            (one for one in connections if one not in self._busy), key=self._since.__getitem__
        )
        too_many = max(0, len(connections) - self._max_connections)
        return [
            one
            for index, one in enumerate(idle)
            if index < too_many or now - self._since[one] >= self._idle_seconds
        ]
