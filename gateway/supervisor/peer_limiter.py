"""Have the supervisor keep count of requests, for all workers together."""

from gateway.limits.gcra import Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.supervisor.messages import Take
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.peer_circuit import PeerCircuit

# An answer takes less than a millisecond; a supervisor that loads a configuration is later.
_PATIENCE_SECONDS = 1.0


class PeerLimiter:
    """Counts where the supervisor does, which *circuit* leads to.

    A worker whose supervisor is gone, or hangs, counts for itself, as with Redis and
    `on_failure: memory`; requests do not wait then.
    """

    def __init__(self, circuit: PeerCircuit, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._circuit = circuit
        self._patience_seconds = patience_seconds
        self._own = MemoryLimiter()

    def take(self, wanted: tuple[Wanted, ...]) -> Taken | None:
        """Return None, so that the supervisor is asked; while it hangs, what counts here."""
        return self._own.take(wanted) if self._circuit.is_open() else None

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request of each bucket, or of none."""
        try:
            taken: Taken = await self._circuit.ask(Take(wanted), self._patience_seconds)
        except (PeerGone, Refused):
            return self._own.take(wanted)
        return taken
