"""One side of a region, and its route."""

from dataclasses import replace

from gateway.suites.symbolic.access import Access
from tests.decision.policies import policy, route
from tests.suites.symbolic.pairs import PATH, access, make_settings


def test_a_route_that_refuses_an_upgrade_lets_nobody_in() -> None:
    settings = make_settings(policy(route(PATH, upgrades=frozenset({"websocket"}))))
    side = access(settings)

    assert side.route is settings.policy.routes.routes[0]
    assert replace(side, upgrade="websocket").route is side.route
    assert replace(side, upgrade="h2c").route is None


def test_without_a_match_there_is_no_route() -> None:
    assert Access(make_settings(policy()), None).route is None
