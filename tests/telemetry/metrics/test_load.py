"""What the gateway itself adds, and how late it is, is counted without labels."""

from gateway.telemetry.metrics.load import (
    DELAY_BOUNDS,
    OVERHEAD_BOUNDS,
    LoadMetrics,
    load_families,
)


def test_both_are_shown_from_the_start() -> None:
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for family in load_families(LoadMetrics())
        for sample in family.samples
    }

    assert samples["gateway_overhead_seconds_count", None] == 0
    assert samples["gateway_event_loop_delay_seconds_bucket", "+Inf"] == 0
    assert len(samples) == len(OVERHEAD_BOUNDS) + len(DELAY_BOUNDS) + 2 * len(
        ("+Inf", "count", "sum")
    )


def test_two_processes_add_up() -> None:
    one, two = LoadMetrics(), LoadMetrics()
    for load in (one, two):
        load.overhead.observe(0.00002)
        load.delay.observe(0.3)

    one.add(two)

    assert one.overhead.counts[OVERHEAD_BOUNDS.index(0.000025)] == 2
    assert one.delay.counts[DELAY_BOUNDS.index(0.5)] == 2
