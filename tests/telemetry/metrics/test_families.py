from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from gateway.telemetry.metrics.families import counter, gauge, histogram


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> list[Metric]:
        return [self._family]


def lines_of(family: Metric) -> list[str]:
    registry = CollectorRegistry()
    registry.register(_One(family))
    return generate_latest(registry).decode().splitlines()


def test_a_counter_ends_in_total() -> None:
    family = counter("seen", "Seen.", [(("a",), 2)], ("name",))

    assert lines_of(family) == [
        "# HELP seen_total Seen.",
        "# TYPE seen_total counter",
        'seen_total{name="a"} 2.0',
    ]


def test_a_gauge_keeps_its_name() -> None:
    family = gauge("open", "Open.", [((), 3)])

    assert lines_of(family) == ["# HELP open Open.", "# TYPE open gauge", "open 3.0"]


def test_a_family_without_rows_is_named_all_the_same() -> None:
    assert lines_of(gauge("open", "Open.", [])) == ["# HELP open Open.", "# TYPE open gauge"]


def test_counts_per_bucket_become_cumulative() -> None:
    family = histogram("took_seconds", "Took.", [(("a",), (1, 2, 4), 9.5)], ("name",), (0.1, 1.0))

    assert lines_of(family)[2:] == [
        'took_seconds_bucket{le="0.1",name="a"} 1.0',
        'took_seconds_bucket{le="1.0",name="a"} 3.0',
        'took_seconds_bucket{le="+Inf",name="a"} 7.0',
        'took_seconds_count{name="a"} 7.0',
        'took_seconds_sum{name="a"} 9.5',
    ]
