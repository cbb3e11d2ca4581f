"""Measure how long responses take, by method and status, with a bounded number of labels."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from gateway.telemetry.metrics.counters import Histogram

# OpenTelemetry's advice for http.server.request.duration and http.client.request.duration.
DURATION_BOUNDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip

_OTHER_STATUS: Final = 0


class ResponseTimes:
    """How long responses took, in seconds, by the method of the request and by status."""

    __slots__ = ("by_method",)

    def __init__(self) -> None:
        self.by_method: dict[str, dict[int, Histogram]] = {}

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Count one response."""
        try:
            times = self.by_method[method][status]
        except KeyError:
            times = self._times_of(method, status)
        # Not by `times.observe`: this runs twice for each request, and a call less is noticed.
        times.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        times.total += seconds

    def _times_of(self, method: str, status: int) -> Histogram:
        # An upstream may send any number as its status.
        known_status = status if 100 <= status <= 599 else _OTHER_STATUS
        by_status = self.by_method.setdefault(known_method(method), {})
        return by_status.setdefault(known_status, Histogram(DURATION_BOUNDS))

    def add(self, other: "ResponseTimes") -> None:
        """Add the counts of *other*."""
        for method, by_status in other.by_method.items():
            for status, times in by_status.items():
                self._times_of(method, status).add(times)

    def rows(self) -> Iterator[tuple[str, str, Histogram]]:
        """Yield method and status, as labels, with their times; safe in any thread."""
        for method, by_status in sorted(self.by_method.copy().items()):
            for status, times in sorted(by_status.copy().items()):
                yield method, "other" if status == _OTHER_STATUS else str(status), times


# OpenTelemetry HTTP semantic conventions, http.request.method.
OTHER_METHOD: Final = "_OTHER"
_KNOWN_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
)


def known_method(method: str) -> str:
    """Return *method* as metrics and spans name it."""
    return method if method in _KNOWN_METHODS else OTHER_METHOD
