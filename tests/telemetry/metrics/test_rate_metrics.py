"""What limits refused is shown by limit, of all processes together."""

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import rate_families


def shown(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("limit", "")): sample.value
        for family in rate_families(metrics)
        for sample in family.samples
    }


def test_each_limit_that_refused_is_shown() -> None:
    metrics = Metrics()
    metrics.rate_limited.update(each=3, all=1)
    metrics.rate_limit_failures = 7

    assert shown(metrics) == {
        ("gateway_rate_limited_total", "all"): 1,
        ("gateway_rate_limited_total", "each"): 3,
        ("gateway_rate_limit_failures_total", ""): 7,
        ("gateway_rate_limit_processes_without_redis", ""): 0,
    }


def test_processes_add_up_and_those_that_ended_do_without_nothing() -> None:
    total, one, dead = Metrics(), Metrics(), Metrics()
    one.rate_limited.update(each=3)
    dead.rate_limited.update(each=1, all=1)
    one.rate_limits_without_redis = dead.rate_limits_without_redis = 1
    dead.settle()

    total.add(one)
    total.add(dead)

    assert total.rate_limited == {"each": 4, "all": 1}
    assert total.rate_limits_without_redis == 1
