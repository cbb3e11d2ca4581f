"""Close connections of the admin port that ask nothing, before they take what requests need."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

# Twice as long as Prometheus usually waits between two scrapes.
IDLE_SECONDS: Final = 30.0

# Probes, a few Prometheus servers and people: more than all of them have, and far less than there
# are descriptors, which the data port has in common with this one.
MAX_CONNECTIONS: Final = 128


class IdleConnections:
    """When each connection last asked something; whoever connects needs no token for that.

    One that has asked nothing for *idle_seconds*, or not yet the whole of its first question, is
    to be closed; so is, of more than *max_connections*, whichever has asked nothing for longest.
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
        self._asking: set[object] = set()

    @property
    def known(self) -> int:
        """Count the connections that are remembered."""
        return len(self._since)

    def middleware(self) -> Middleware:
        """Return what notes that a connection asks something."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = request.protocol
            self._asking.add(connection)
            try:
                return await handler(request)
            finally:
                self._asking.discard(connection)
                self._since[connection] = self._clock()

        return note

    def choose(self, connections: Sequence[web.RequestHandler]) -> Sequence[web.RequestHandler]:
        """Return which of *connections*, which are all that there are, to close now."""
        now = self._clock()
        self._since = {one: self._since.get(one, now) for one in connections}
        idle = sorted(
            (one for one in connections if one not in self._asking), key=self._since.__getitem__
        )
        too_many = max(0, len(connections) - self._max_connections)
        return [
            one
            for index, one in enumerate(idle)
            if index < too_many or now - self._since[one] >= self._idle_seconds
        ]
