"""Paths that a more open route may take for its own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.suites.hostile.attack import Attack
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.findings import Kind
from gateway.suites.hostile.openness import OpenRoute
from gateway.suites.hostile.path_tricks import climb_from_open, override, show, trick_paths
from gateway.suites.hostile.run_attacks import judge
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import attack, control_of

CONFIG = """\
version: 1
issuers: {{main: {{issuer: "https://a.example", discovery: true, audiences: [a]}}}}
upstreams: {{one: {{servers: ["http://10.0.0.7:8000"]}}, two: {{servers: ["http://10.0.0.8:8000"]}}}}
routes:
  - {{name: guarded, match: {{path: /a/guarded}}, upstream: one, require: {{scopes: [read]}}}}
  - {{name: open, match: {{path_prefix: /a/}}, upstream: {upstream}, {needs}}}
"""


def found(directory: Path, upstream: str, needs: str) -> set[str]:
    report = attack(directory, CONFIG.format(upstream=upstream, needs=needs))
    assert {one.kind for one in report.failures} <= {Kind.OPENED}
    return {one.name for one in report.failures if one.route == "guarded"}


@pytest.mark.parametrize("needs", ["public: true", "require: {}", "require: {optional: true}"])
def test_a_more_open_prefix_around_a_route_takes_other_spellings_of_it(
    needs: str, tmp_path: Path
) -> None:
    """Nothing that a router repairs is among them: such paths are refused by all routes."""
    assert found(tmp_path, "one", needs) == {
        "path-trailing-slash",
        "path-trailing-dot",
        "path-trailing-space",
        "path-suffix",
        "path-other-case",
    }


def test_what_goes_to_another_service_reaches_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "two", "public: true") == set()


def test_a_prefix_that_asks_for_more_opens_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "one", "require: {scopes: [read, write]}") == set()


def opened(attacks: Iterable[Attack], sandbox: Sandbox) -> list[str]:
    return [one.variant for one in attacks if judge(one, sandbox.decide(one.head)) is not None]


def open_routes(sandbox: Sandbox) -> list[OpenRoute]:
    routes = {route.name: route for route in sandbox.settings.policy.routes.routes}
    health = parse_request("GET", "https://api.example/healthz")
    public = parse_request("GET", "https://api.example/public/some")
    return [OpenRoute(routes["health"], health, ()), OpenRoute(routes["open"], public, ())]


def test_from_each_open_route_every_way_is_tried(order: Control, sandbox: Sandbox) -> None:
    attacks = list(climb_from_open(order, open_routes(sandbox)))

    assert opened(attacks, sandbox) == []
    assert {one.variant for one in attacks} == {"from health", "from open"}
    assert "GET api.example/public/../tenants/some-tenant/orders/some-id" in {
        one.shown for one in attacks
    }


def test_an_open_route_is_asked_for_another_url_by_headers(
    order: Control, sandbox: Sandbox
) -> None:
    """CVE-2023-27487"""
    attacks = list(override(order, open_routes(sandbox)))

    assert opened(attacks, sandbox) == []
    assert {one.variant.partition(",")[0] for one in attacks} >= {
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
    }


def test_the_path_itself_is_for_everybody_where_a_token_is_optional(sandbox: Sandbox) -> None:
    control = control_of(sandbox, "maybe")

    assert list(trick_paths(control, [])) == []
    assert list(climb_from_open(control, open_routes(sandbox))) == []


def test_a_target_in_absolute_form_is_shown_as_it_is() -> None:
    request = parse_request("GET", "https://a.example/x")

    assert show(request) == "GET a.example/x"
    assert show(replace(request, target=b"http://b.example/x")) == (
        "GET http://b.example/x (Host: a.example)"
    )
