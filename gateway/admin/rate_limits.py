"""Say who keeps count of requests, and whether it can be reached."""

from collections.abc import Mapping

from gateway.settings.values.rates import RateLimiting
from gateway.telemetry.metrics.counts import Metrics


def rate_limit_status(settings: RateLimiting, metrics: Metrics) -> Mapping[str, object]:
    """Return what ``/status`` shows of rate limits; of Redis, null where none is configured."""
    redis = settings.redis
    return {
        "limits": {name: metrics.rate_limited.get(name, 0) for name in settings.limits},
        "redis": None
        if redis is None
        else {
            "answers": metrics.rate_limits_without_redis == 0,
            "on_failure": redis.on_failure.value,
            "failures": metrics.rate_limit_failures,
        },
    }
