"""`/status` shows each server, its addresses and its state."""

from pathlib import Path

from gateway.admin.status import upstream_statuses
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.servers import ServerState
from tests.settings.configs import load, one_upstream

PLAIN = '{servers: ["http://10.0.0.7:8000"]}'
FULL = """\
{servers: ["http://orders.svc:8000"], balance: least_requests, max_connections: 5,
 breaker: {open: 1s}, overload: {target: 1s}}"""


def test_a_plain_upstream_shows_no_part_that_it_does_not_use(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.use([], ["orders"])
    metrics.upstreams["orders"].use(["10.0.0.7:8000"])
    upstreams = load(tmp_path, one_upstream(PLAIN)).upstreams

    (shown,) = upstream_statuses(upstreams, metrics.upstreams)

    assert shown["balance"] == "round_robin"
    assert shown["protocol"] == "http1"
    assert "queued" not in shown
    assert "breakers_open" not in shown
    assert "requests_allowed" not in shown


def test_each_address_of_a_name_is_shown_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.use([], ["orders"])
    orders = metrics.upstreams["orders"]
    orders.use(["orders.svc:8000"])
    orders.queued, orders.breakers_open, orders.allowed = 2, 1, 12
    server = orders.servers["orders.svc:8000"]
    server.opened, server.reused, server.failures = 1, 2, 3
    server.addresses = {"10.0.0.1": ServerState.UP, "10.0.0.2": ServerState.UNHEALTHY}
    server.details = {"10.0.0.2": "its health check got 500, not 200-299"}
    upstreams = load(tmp_path, one_upstream(FULL)).upstreams

    (shown,) = upstream_statuses(upstreams, metrics.upstreams)

    assert (shown["balance"], shown["queued"], shown["breakers_open"]) == ("least_requests", 2, 1)
    assert shown["requests_allowed"] == 12
    assert shown["servers"] == [
        {
            "server": "orders.svc:8000",
            "requests": 3,
            "failures": 3,
            "in_flight": 0,
            "connections": 0,
            "addresses": [
                {"address": "10.0.0.1", "state": "up", "detail": None},
                {
                    "address": "10.0.0.2",
                    "state": "unhealthy",
                    "detail": "its health check got 500, not 200-299",
                },
            ],
        }
    ]
