"""Reloads are counted by outcome, and the last that was taken keeps its time."""

from gateway.reloading.report import ReloadOutcome
from gateway.telemetry.metrics.reloads import RELOAD_OUTCOMES, ReloadMetrics, reload_families


def gauges(metrics: ReloadMetrics) -> tuple[float, float]:
    """Return whether the last one was successful, and when one was."""
    values = {
        sample.name: sample.value
        for family in reload_families(metrics)
        for sample in family.samples
        if not sample.labels
    }
    return (
        values["gateway_config_last_reload_successful"],
        values["gateway_config_last_reload_success_timestamp_seconds"],
    )


def test_the_start_counts_as_a_success_and_in_no_outcome() -> None:
    metrics = ReloadMetrics(100.0)

    assert gauges(metrics) == (1, 100.0)
    assert set(metrics.counts.values()) == {0}


def test_a_refused_attempt_is_no_success_until_one_is_taken() -> None:
    metrics = ReloadMetrics(100.0)

    metrics.count("invalid", 200.0)
    refused = gauges(metrics)
    metrics.count("applied", 300.0)

    assert refused == (0, 100.0)
    assert gauges(metrics) == (1, 300.0)
    assert metrics.counts["invalid"] == metrics.counts["applied"] == 1


def test_all_outcomes_that_there_are_have_their_count() -> None:
    assert set(RELOAD_OUTCOMES) == {outcome.value for outcome in ReloadOutcome}
