"""Count what issuers say about tokens."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.families import counter

_RESULTS: Final = ("active", "inactive", "failed", "cached", "overload", "paused")


@dataclass(slots=True)
class IntrospectionMetrics:
    """Counts since the start, each by the name of the issuer and by what it said.

    *questions*: active, inactive, failed; cached if an answer was remembered, overload if too
    many requests were waiting, paused if the issuer had not responded for several times.
    """

    questions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, issuer_name: str, result: str) -> None:
        """Count one question."""
        self.questions[issuer_name, result] += 1

    def expect(self, issuer_name: str) -> None:
        """Show all counts of an issuer from now on, also those that are 0.

        A series that begins with 1 has no increase that Prometheus could see.
        """
        for result in _RESULTS:
            self.questions.setdefault((issuer_name, result), 0)


def introspection_families(metrics: IntrospectionMetrics) -> Iterator[Metric]:
    """Yield the family of *metrics*."""
    yield counter(
        "gateway_introspections",
        "Questions to issuers about tokens, by what became of them.",
        sorted(metrics.questions.copy().items()),
        ("issuer", "result"),
    )
