"""How requests are balanced over the servers of an upstream, and how it is protected."""

from dataclasses import dataclass
from enum import Enum


class Balance(Enum):
    """Which of the servers gets the next request."""

    ROUND_ROBIN = "round_robin"
    LEAST_REQUESTS = "least_requests"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An active health check.

    *statuses* are inclusive ranges. *panic_below* is a share of the servers: if fewer are
    healthy, all are used. With *grpc_service*, the check is a call of gRPC instead, about the
    service of that name, or "" for the server as a whole; *path* and *statuses* do not count then.
    """

    path: str
    interval_seconds: float
    timeout_seconds: float
    unhealthy_after: int  # checks in a row
    healthy_after: int
    statuses: tuple[tuple[int, int], ...]
    panic_below: float
    grpc_service: str | None = None

    def accepts(self, status: int) -> bool:
        """Return whether a server that responds with *status* is healthy."""
        return any(first <= status <= last for first, last in self.statuses)


@dataclass(frozen=True, slots=True)
class EjectionLimits:
    """When a server is ejected for failed requests, for how long, and how many at most."""

    after: int = 5  # failures in a row
    first_seconds: float = 10.0  # doubled by each further ejection
    longest_seconds: float = 300.0
    max_share: float = 0.5  # of the servers; 0: none is ever ejected


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """Which requests may be retried, and how many."""

    methods: frozenset[str] = frozenset()  # retried although a service may have acted already
    budget: float = 0.2  # retries per request
    kept_connections: bool = True  # safe methods, if a reused connection ends too early


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many requests may wait for a free connection, and how long."""

    size: int = 100
    timeout_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a circuit breaker opens, and for how long."""

    failures: float  # share of the requests in the window
    requests: int  # least number of requests in the window
    window_seconds: float
    open_seconds: float


@dataclass(frozen=True, slots=True)
class Balancing:
    """The options of one upstream besides its servers and timeouts."""

    balance: Balance = Balance.ROUND_ROBIN
    resolve_seconds: float = 30.0  # how often names are resolved again
    health: HealthCheck | None = None
    failure_statuses: frozenset[int] = frozenset()  # responses that count as failures
    ejection: EjectionLimits = EjectionLimits()
    retries: RetryLimits = RetryLimits()
    max_connections: int | None = None  # to each server
    queue: QueueLimits = QueueLimits()
    breaker: BreakerLimits | None = None
    target_seconds: float | None = None  # latency target until responses begin; None: no target


PLAIN = Balancing()
