"""Have the supervisor keep count of requests, for all workers together."""

from gateway.limits.gcra import Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.supervisor.messages import Take
from gateway.supervisor.peer import Peer, PeerGone, Refused


class PeerLimiter:
    """Counts where *peer* does; once that is gone, this worker ends, and counts for itself."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._own = MemoryLimiter()

    def take(self, wanted: tuple[Wanted, ...]) -> Taken | None:
        """Return None: the supervisor must be asked."""
        return None

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request of each bucket, or of none."""
        try:
            taken: Taken = await self._peer.ask(Take(wanted))
        except (PeerGone, Refused):
            return self._own.take(wanted)
        return taken
