"""What a route says of its times and limits counts for it alone; what it does not, as for all."""

from math import inf
from pathlib import Path

from gateway.settings.values.route_options import Priority, RouteOptions
from tests.settings.configs import config, load

ROUTES = """\
routes:
  - {name: usual, match: {path: /usual}, upstream: orders, require: {}}
  - name: own
    match: {path: /own}
    upstream: orders
    require: {}
    timeouts: {response: 5s, total: unlimited}
    limits: {body: unlimited, requests: 7}
    priority: high
  - {name: half, match: {path: /half}, upstream: orders, require: {}, limits: {body: 1KiB}}
"""
GENERAL = "limits: {body: 1MiB}\ntimeouts: {total: 2m}\n"
UPSTREAMS = 'upstreams: {orders: {servers: ["http://10.0.0.7"], response_timeout: 9s}}\n'
SLOW = """\
routes:
  - {name: usual, match: {path: /usual}, upstream: orders, require: {}}
  - name: own
    match: {path: /own}
    upstream: orders
    require: {}
    timeouts: {stall: 10m}
    limits: {body_rate: unlimited, read_rate: 1KiB}
"""


def test_each_route_is_carried_as_it_says_else_as_its_upstream_and_the_file_say(
    tmp_path: Path,
) -> None:
    settings = load(tmp_path, config(GENERAL, upstreams=UPSTREAMS, routes=ROUTES))

    assert {
        route.name: settings.route_options[route.index] for route in settings.policy.routes.routes
    } == {
        "usual": RouteOptions(9.0, 120.0, 1024**2, frozenset()),
        "own": RouteOptions(
            5.0,
            inf,
            None,
            frozenset({"response", "total", "body", "requests"}),
            requests=7,
            priority=Priority.HIGH,
        ),
        "half": RouteOptions(9.0, 120.0, 1024, frozenset({"body"})),
    }


def test_how_slow_a_client_or_a_service_may_be_is_said_by_a_route_or_else_for_all(
    tmp_path: Path,
) -> None:
    general = "limits: {body_rate: 100B, read_rate: unlimited}\n"
    upstreams = 'upstreams: {orders: {servers: ["http://10.0.0.7"], stall_timeout: 2m}}\n'
    settings = load(tmp_path, config(general, upstreams=upstreams, routes=SLOW))

    assert {
        route.name: (options.stall_timeout_seconds, options.body_rate, options.read_rate)
        for route in settings.policy.routes.routes
        for options in [settings.route_options[route.index]]
    } == {"usual": (120.0, 100, None), "own": (600.0, None, 1024)}
