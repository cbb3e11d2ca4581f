"""Count the tokens for services that the gateway asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.families import counter, gauge

_OUTCOMES: Final = ("issued", "refused", "failed")


@dataclass(slots=True)
class ServiceTokenMetrics:
    """Requests for tokens since the start, by upstream and by what became of them.

    The server *issued* one, *refused* by an OAuth error, or *failed*: no usable response in time.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def expect(self, upstream: str) -> None:
        """Show all counts of *upstream* from now on, also those that are 0."""
        for outcome in _OUTCOMES:
            self.requests.setdefault((upstream, outcome), 0)

    def take_over(self, former: "ServiceTokenMetrics") -> None:
        """Go on with the counts of *former*, which goes on counting here."""
        for place in self.requests:
            former.requests.setdefault(place, 0)
        self.requests = former.requests

    def count(self, upstream: str, outcome: str) -> None:
        """Count one request for a token."""
        self.requests[upstream, outcome] += 1


@dataclass(frozen=True, slots=True)
class HeldToken:
    """The age of the gateway's own token for an upstream, in seconds; None without a token."""

    upstream: str
    age_seconds: float | None


def no_service_tokens() -> tuple[ServiceTokenMetrics, Iterable[HeldToken]]:
    """Return the counts of a gateway whose upstreams have no credentials."""
    return ServiceTokenMetrics(), ()


def service_token_families(
    metrics: ServiceTokenMetrics, held: Iterable[HeldToken]
) -> Iterator[Metric]:
    """Yield the families about tokens for services."""
    held = tuple(held)
    yield counter(
        "gateway_service_token_requests",
        "Requests for tokens to send to services.",
        sorted(metrics.requests.copy().items()),
        ("upstream", "outcome"),
    )
    yield gauge(
        "gateway_service_token_held",
        "1 if the gateway's own token for the upstream is at hand.",
        [((one.upstream,), int(one.age_seconds is not None)) for one in held],
        ("upstream",),
    )
    yield gauge(
        "gateway_service_token_age_seconds",
        "Time since the gateway's own token for the upstream was issued.",
        [((one.upstream,), one.age_seconds) for one in held if one.age_seconds is not None],
        ("upstream",),
    )
