"""Have the supervisor keep count of requests, for all workers together."""

import asyncio

from gateway.limits.gcra import Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.supervisor.messages import Take
from gateway.supervisor.peer import Peer, PeerGone, Refused

# An answer takes less than a millisecond. A request should not last as long as a supervisor hangs.
_PATIENCE_SECONDS = 1.0


class PeerLimiter:
    """Counts where *peer* does; a worker whose supervisor is gone, or hangs, counts for itself."""

    def __init__(self, peer: Peer, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._peer = peer
        self._patience_seconds = patience_seconds
        self._own = MemoryLimiter()

    def take(self, wanted: tuple[Wanted, ...]) -> Taken | None:
        """Return None: the supervisor must be asked."""
        return None

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request of each bucket, or of none."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                taken: Taken = await self._peer.ask(Take(wanted))
        except (PeerGone, Refused, TimeoutError):
            return self._own.take(wanted)
        return taken
