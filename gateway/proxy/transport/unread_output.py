"""What was written for a client that it has not read yet."""

import asyncio

from gateway.proxy.transport.pace import Pace
from gateway.proxy.transport.socket_state import acknowledged_wire_bytes


class UnreadOutput:
    """How fast a client reads what waits for it.

    It is measured by what its kernel acknowledges. Whether our kernel takes more says less: it does
    so once a third of its buffer is free, which may take minutes with a slow client. That is only
    used on a system that does not report acknowledged bytes.

    *unsent_bytes* is what our kernel had not taken at the last look.
    """

    __slots__ = ("_pace", "_transport", "unsent_bytes")

    def __init__(self, transport: asyncio.Transport, grace_seconds: float) -> None:
        self._transport = transport
        self.unsent_bytes = 0
        self._pace = Pace(grace_seconds, self._look())

    @property
    def look_seconds(self) -> float:
        """Return how long to wait until the next look."""
        return self._pace.look_seconds

    def start(self, now: float, rate: int | None) -> None:
        """Start the clock: the client has something to read."""
        self._pace.start(now, self._look(), rate)

    def stop(self, now: float) -> None:
        """Stop the clock: there may be nothing to read."""
        self._pace.stop(now)

    def is_fast_enough(self, now: float, rate: int | None) -> bool:
        """Return whether the client reads at least *rate* bytes a second, on average."""
        return self._pace.is_fast_enough(now, self._look(), rate)

    def _look(self) -> int:
        """Return how much the client has read, from any beginning."""
        self.unsent_bytes = self._transport.get_write_buffer_size()
        acknowledged = acknowledged_wire_bytes(self._transport)
        return -self.unsent_bytes if acknowledged is None else acknowledged
