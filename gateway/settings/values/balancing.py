"""How requests are spread over the servers of an upstream, and what keeps it from harm."""

from dataclasses import dataclass
from enum import Enum


class Balance(Enum):
    """Which of the servers gets the next request."""

    ROUND_ROBIN = "round_robin"
    LEAST_REQUESTS = "least_requests"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a server is asked whether it is well.

    *statuses* are ranges, each with its ends. *panic_below* is a share of the servers: where
    fewer are left, all are used.
    """

    path: str
    interval_seconds: float
    timeout_seconds: float
    unhealthy_after: int  # checks in a row
    healthy_after: int
    statuses: tuple[tuple[int, int], ...]
    panic_below: float

    def accepts(self, status: int) -> bool:
        """Return whether a server that answers *status* is well."""
        return any(first <= status <= last for first, last in self.statuses)


@dataclass(frozen=True, slots=True)
class EjectionLimits:
    """When a server is left out for what became of requests, for how long, and of how many."""

    after: int = 5  # failures in a row
    first_seconds: float = 10.0  # doubled by each ejection that follows
    longest_seconds: float = 300.0
    max_share: float = 0.5  # of the servers; 0: none is ever left out


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """Which requests may be sent a second time, and how many."""

    methods: frozenset[str] = frozenset()  # although a service may have acted on the first
    budget: float = 0.2  # so many for each request
    kept_connections: bool = True  # safe ones, where a kept connection ended before an answer


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many requests wait for a connection where all may be open, and how long."""

    size: int = 100
    timeout_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When nothing more is sent to an upstream, and for how long."""

    failures: float  # this share of the requests in the window
    requests: int  # of so many at least
    window_seconds: float
    open_seconds: float


@dataclass(frozen=True, slots=True)
class Balancing:
    """What one upstream is configured with beside its servers and timeouts."""

    balance: Balance = Balance.ROUND_ROBIN
    resolve_seconds: float = 30.0  # names are looked up again this often
    health: HealthCheck | None = None
    failure_statuses: frozenset[int] = frozenset()  # of answers that are failures, too
    ejection: EjectionLimits = EjectionLimits()
    retries: RetryLimits = RetryLimits()
    max_connections: int | None = None  # to each server
    queue: QueueLimits = QueueLimits()
    breaker: BreakerLimits | None = None
    target_seconds: float | None = None  # answers shall begin within; None: whenever they do


PLAIN = Balancing()
