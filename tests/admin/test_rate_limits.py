"""`/status` shows what counts requests, and whether it responds."""

from gateway.admin.status import rate_limit_status
from gateway.settings.values.rates import OnFailure, RateLimit, RateLimiting, Redis
from gateway.telemetry.metrics.counts import Metrics

EACH = RateLimit("each", 10, 1_000_000, 10, ())
REDIS = Redis("redis://:word@h", 1.0, OnFailure.REFUSE, "a:")


def test_in_memory_there_is_nothing_that_could_fail() -> None:
    metrics = Metrics()
    metrics.rate_limited.update(each=3, former=9)

    assert rate_limit_status(RateLimiting({"each": EACH}, ((),), None), metrics) == {
        "limits": {"each": 3},
        "redis": None,
    }


def test_of_redis_it_is_said_whether_every_process_has_it() -> None:
    metrics = Metrics()
    metrics.rate_limits_without_redis, metrics.rate_limit_failures = 1, 12

    status = rate_limit_status(RateLimiting({}, (), REDIS), metrics)

    assert status["redis"] == {"answers": False, "on_failure": "refuse", "failures": 12}
    assert "word" not in str(status)
