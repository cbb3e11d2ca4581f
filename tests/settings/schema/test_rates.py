"""How limits, and the Redis that counts for them, are written."""

from pathlib import Path

import pytest

from gateway.settings.values.rates import OnFailure
from tests.settings.configs import ROUTES, assert_found, config, load


def limit(text: str) -> str:
    """Return a configuration whose limit `a` is the flow mapping *text*."""
    return config(f"rate_limits:\n  a: {text}\n", routes=f"{ROUTES}    rate_limits: [a]\n")


def redis(text: str) -> str:
    return config(f"redis: {text}\n")


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ("missing_key", limit("{rate: 1/1s}").replace("  a:", "  ¦a:")),
        ("missing_key", limit("{key: route}").replace("  a:", "  ¦a:")),
        ("bad_value", limit("{rate: ¦0/1s, key: route}")),
        ("bad_value", limit("{rate: ¦1/0s, key: route}")),
        ("bad_value", limit("{rate: ¦100, key: route}")),
        ("bad_value", limit("{rate: ¦100/m, key: route}")),
        ("bad_value", limit("{rate: ¦1.5/1s, key: route}")),
        ("bad_value", limit("{rate: ¦-1/1s, key: route}")),
        ("bad_value", limit("{rate: ¦100001/1s, key: route}")),
        ("bad_value", limit("{rate: ¦1/745h, key: route}")),
        ("bad_value", limit("{rate: 1/1s, burst: ¦0, key: route}")),
        ("bad_value", limit("{rate: 1/1s, burst: ¦1000001, key: route}")),
        ("bad_value", limit("{rate: 1/1s, key: ¦user}")),
        ("empty_list", limit("{rate: 1/1s, key: ¦[]}")),
        ("bad_value", limit("{rate: 1/1s, key: [route, ¦user]}")),
        ("unknown_key", limit("{rate: 1/1s, key: {claim: tenant, ¦name: x}}")),
        ("unknown_key", limit("{rate: 1/1s, key: route, ¦windows: 2}")),
        ("bad_value", redis('{url: "redis://h", on_failure: ¦open}')),
        ("bad_value", redis('{url: "redis://h", timeout: ¦0s}')),
        ("bad_value", redis('{url: "redis://h", prefix: ¦"a b"}')),
        ("unknown_key", redis('{url: "redis://h", ¦password: x}')),
    ],
)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize(
    ("rate", "requests", "period_us", "interval_us"),
    [
        ("100/1m", 100, 60_000_000, 600_000),
        ("5/1s", 5, 1_000_000, 200_000),
        ("7/1s", 7, 1_000_000, 142_858),
        ("1/500ms", 1, 500_000, 500_000),
        ("100000/1s", 100_000, 1_000_000, 10),
        ("30000/1s", 30_000, 1_000_000, 34),
        ("1/744h", 1, 2_678_400_000_000, 2_678_400_000_000),
    ],
)
def test_a_rate_is_requests_in_a_time(
    rate: str, requests: int, period_us: int, interval_us: int, tmp_path: Path
) -> None:
    held = load(tmp_path, limit(f"{{rate: {rate}, key: route}}")).rate_limiting.limits["a"]

    assert (held.requests, held.period_us) == (requests, period_us)
    assert held.interval_us == interval_us
    assert held.burst == requests


def test_of_redis_little_needs_to_be_said(tmp_path: Path) -> None:
    held = load(tmp_path, redis('{url: "redis://127.0.0.1:6379/0"}')).rate_limiting.redis

    assert held is not None
    assert (held.timeout_seconds, held.prefix) == (0.1, "jwt-gateway:")
    assert held.on_failure is OnFailure.MEMORY
