"""What was written for a client that it has not taken yet."""

import asyncio

from gateway.proxy.transport.acknowledged import acknowledged_wire_bytes
from gateway.proxy.transport.pace import Pace


class Backlog:
    """How fast a client takes what waits for it.

    The client's kernel says how much has arrived. Whether more can be sent says less: our kernel
    asks for more once a third of its buffer is free, which a slow reader may need minutes for. It
    is what counts where the kernel says nothing.

    *unsent_bytes* is what waited at the last look, beside what the kernel has.
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
        """Wait for the client from *now* on."""
        self._pace.start(now, self._look(), rate)

    def stop(self, now: float) -> None:
        """Take that it has room again: there may be nothing for it to take."""
        self._pace.stop(now)

    def is_taken(self, now: float, rate: int | None) -> bool:
        """Return whether the client takes at least *rate* bytes a second, on average."""
        return self._pace.holds(now, self._look(), rate)

    def _look(self) -> int:
        """Return how much the client has taken, from any beginning."""
        self.unsent_bytes = self._transport.get_write_buffer_size()
        acknowledged = acknowledged_wire_bytes(self._transport)
        return -self.unsent_bytes if acknowledged is None else acknowledged
