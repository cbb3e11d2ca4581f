"""One address of a server, and all that is known of how it does."""

from collections.abc import Callable, Container
from time import monotonic

from gateway.balancing.ejection import Standing
from gateway.balancing.health import Health
from gateway.proxy.upstream.circuit import Circuit
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.configuration import Server
from gateway.telemetry.metrics.servers import ServerState


class Member:
    """Sees what becomes of each request to *pool*; answers in *bad_statuses* are failures, too.

    It stands in for the times of the upstream, so that where nobody looks at servers nothing is
    asked for any request.
    """

    __slots__ = (
        "_bad",
        "_circuit",
        "_observe",
        "_on_failure",
        "health",
        "pool",
        "standing",
        "times",
    )

    def __init__(
        self,
        pool: ServerPool,
        bad_statuses: Container[int],
        circuit: Circuit | None,
        on_failure: "Callable[[Member], None]",
    ) -> None:
        self.pool = pool
        self.health = Health()
        self.standing = Standing()
        self.times = self  # who is told of answers: asked for with each, so no property
        self._observe = pool.counts.times.observe
        self._bad = bad_statuses
        self._circuit = circuit
        self._on_failure = on_failure

    @property
    def address(self) -> tuple[Server, str]:
        """Return the server, and which of its addresses this is."""
        return self.pool.server, self.pool.host

    @property
    def name(self) -> str:
        """Return the server, and which address of it where it has a name."""
        server = self.pool.server
        if self.pool.host == server.host:
            return server.authority
        return f"{server.authority} ({self.pool.host})"

    @property
    def state(self) -> ServerState:
        """Return how it stands."""
        if not self.health.is_well:
            return ServerState.UNHEALTHY
        return ServerState.EJECTED if self.standing.is_ejected else ServerState.UP

    # --- in place of whoever counts for the upstream, where somebody looks

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Count one answer, and judge the server by it."""
        self._observe(method, status, seconds)
        if status in self._bad:
            self.pool.fail(monotonic() - seconds)
            return
        self.standing.in_a_row = 0
        if self._circuit is not None:
            self._circuit.answered(monotonic() - seconds)

    def failed(self, sent_at: float) -> None:
        """Take that a request came to nothing."""
        if self._circuit is not None:
            self._circuit.failed(sent_at)
        self._on_failure(self)

    def refused(self) -> None:
        """Take that a connection could not be opened; another server may have the request yet."""
        self._on_failure(self)

    def abandoned(self, sent_at: float) -> None:
        """Take that nobody waits for an answer any more."""
        if self._circuit is not None:
            self._circuit.abandoned(sent_at)
