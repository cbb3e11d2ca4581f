"""What a route says of its times and limits counts for it alone; what it does not, as for all."""

from math import inf
from pathlib import Path

from gateway.settings.carriage_values import Carriage, Priority
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


def test_each_route_is_carried_as_it_says_else_as_its_upstream_and_the_file_say(
    tmp_path: Path,
) -> None:
    settings = load(tmp_path, config(GENERAL, upstreams=UPSTREAMS, routes=ROUTES))

    assert {
        route.name: settings.carriages[route.index] for route in settings.policy.routes.routes
    } == {
        "usual": Carriage(9.0, 120.0, 1024**2, frozenset()),
        "own": Carriage(
            5.0,
            inf,
            None,
            frozenset({"response", "total", "body", "requests"}),
            requests=7,
            priority=Priority.HIGH,
        ),
        "half": Carriage(9.0, 120.0, 1024, frozenset({"body"})),
    }
