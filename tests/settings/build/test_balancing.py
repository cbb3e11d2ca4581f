"""How requests are spread over servers, as it is configured, becomes frozen values."""

from pathlib import Path

import pytest

from gateway.settings.values.balancing import (
    PLAIN,
    Balance,
    Balancing,
    BreakerLimits,
    EjectionLimits,
    HealthCheck,
    QueueLimits,
    RetryLimits,
)
from tests.settings.configs import assert_found, load, one_upstream


def test_an_upstream_that_says_nothing_is_plain(tmp_path: Path) -> None:
    settings = load(tmp_path, one_upstream('{servers: ["http://a"]}'))

    assert settings.upstreams["orders"].balancing == PLAIN


def test_all_that_can_be_said_is_kept(tmp_path: Path) -> None:
    text = """\
upstreams:
  orders:
    servers: ["http://a", "http://b"]
    balance: least_requests
    resolve: 10s
    health: {path: /healthz, interval: 2s, timeout: 1s, statuses: [200-204, 304],
             unhealthy_after: 2, healthy_after: 1, panic_below: 0.3}
    failure_statuses: [502-504]
    ejection: {after: 4, time: 1s, max_time: 8s, max_share: 0.25}
    retries: {methods: [GET, HEAD], budget: 0.1}
    max_connections: 50
    queue: {size: 20, timeout: 300ms}
    breaker: {failures: 0.9, requests: 10, window: 5s, open: 2s}
    overload: {target: 250ms}
"""
    orders = load(tmp_path, one_upstream("{}").replace("upstreams:\n  orders: {}\n", text))

    assert orders.upstreams["orders"].balancing == Balancing(
        balance=Balance.LEAST_REQUESTS,
        resolve_seconds=10.0,
        health=HealthCheck("/healthz", 2.0, 1.0, 2, 1, ((200, 204), (304, 304)), 0.3),
        failure_statuses=frozenset({502, 503, 504}),
        ejection=EjectionLimits(4, 1.0, 8.0, 0.25),
        retries=RetryLimits(frozenset({"GET", "HEAD"}), 0.1),
        max_connections=50,
        queue=QueueLimits(20, 0.3),
        breaker=BreakerLimits(0.9, 10, 5.0, 2.0),
        target_seconds=0.25,
    )


@pytest.mark.parametrize(("text", "service"), [("true", ""), ("shop.Shop", "shop.Shop")])
def test_a_health_check_may_be_a_call_of_grpc(text: str, service: str, tmp_path: Path) -> None:
    upstream = f'{{servers: ["http://a"], protocol: h2c, health: {{grpc: {text}}}}}'

    health = load(tmp_path, one_upstream(upstream)).upstreams["orders"].balancing.health

    assert health is not None
    assert health.grpc_service == service


GRPC = '{servers: ["http://a"], protocol: h2c, health: '
MISTAKES = [
    ("conflicting_keys", '{servers: ["http://a"], health: {¦grpc: true}}'),
    ("conflicting_keys", GRPC + "{path: /, ¦grpc: true}}"),
    ("conflicting_keys", GRPC + "{grpc: true, ¦statuses: [200]}}"),
    ("missing_key", GRPC[:-8] + "¦health: {interval: 5s}}"),
    ("missing_key", '{servers: ["http://a"], ¦queue: {size: 5}}'),
    ("bad_value", '{servers: ["http://a"], ejection: {time: 10s, max_time: ¦5s}}'),
    ("bad_value", '{servers: ["http://a"], ejection: {time: ¦10m}}'),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_what_does_not_go_together_is_found(code: str, text: str, tmp_path: Path) -> None:
    assert_found(tmp_path, code, one_upstream(text))
