"""Routes that ask for less than another one, of the same service."""

from pathlib import Path

import pytest

from gateway.suites.hostile.control import Cases, Controls
from gateway.suites.hostile.openness import MAX_OPEN_ROUTES, find_more_open, servers_of
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import make_sandbox

CONFIG = """\
version: 1
issuers: {{main: {{issuer: "https://a.example", discovery: true, audiences: [a]}}}}
upstreams:
  one: {{servers: ["http://10.0.0.7:8000"]}}
  other: {{servers: ["http://10.0.0.8:8000"]}}
routes:
  - {{name: guarded, match: {{path: /a/guarded}}, upstream: one, require: {{scopes: [read]}}}}
{routes}
"""
PUBLIC = "  - {{name: {0}, match: {{path: /{0}}}, upstream: {1}, public: true}}\n"
NEEDS = "  - {{name: {0}, match: {{path: /{0}}}, upstream: {1}, require: {2}}}\n"
REQUEST = parse_request("GET", "https://a.example/a/guarded")


def find(directory: Path, routes: str, cases: Cases = ()) -> tuple[list[str], int]:
    sandbox, _ = make_sandbox(directory, CONFIG.format(routes=routes))
    controls = Controls(sandbox, sandbox.decide, cases)
    every = sandbox.settings.policy.routes.routes
    guarded = next(route for route in every if route.name == "guarded")
    public = {route.name: REQUEST for route in every if route.public}
    found, more = find_more_open(controls.of(guarded)[0], public, controls, sandbox.decide)
    return [one.route.name for one in found], more


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (PUBLIC.format("health", "one"), ["health"]),
        (PUBLIC.format("health", "other"), []),
        (NEEDS.format("any", "one", "{}"), ["any"]),
        (NEEDS.format("any", "other", "{}"), []),
        (NEEDS.format("maybe", "one", "{optional: true}"), ["maybe"]),
        (NEEDS.format("same", "one", "{scopes: [read]}"), []),
        (NEEDS.format("more", "one", "{scopes: [read, write]}"), []),
        (NEEDS.format("unlike", "one", "{scopes: [write]}"), []),
    ],
)
def test_less_is_what_the_routes_own_token_is_enough_for_and_not_the_other_way_round(
    routes: str, expected: list[str], tmp_path: Path
) -> None:
    assert find(tmp_path, routes) == (expected, 0)


def test_a_persona_that_may_do_everything_hides_no_open_route(tmp_path: Path) -> None:
    boss = Persona("boss", "main", {"scope": "read write"})
    cases = [
        (boss, REQUEST),
        (boss, parse_request("GET", "https://a.example/any")),
    ]

    assert find(tmp_path, NEEDS.format("any", "one", "{}"), cases) == (["any"], 0)


def test_the_nearest_are_tried_and_the_others_are_counted(tmp_path: Path) -> None:
    routes = "".join(PUBLIC.format(f"p{n}", "one") for n in range(MAX_OPEN_ROUTES + 3))

    found, more = find(tmp_path, routes)

    assert len(found) == MAX_OPEN_ROUTES
    assert more == 3


BOUND = """\
version: 1
issuers: {main: {issuer: "https://a.example", discovery: true, audiences: [a]}}
upstreams: {one: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - name: guarded
    match: {path: "/u/{user}/events"}
    upstream: one
    require: {scopes: [read], claims: {sub: {equals: "{path.user}"}}}
  - name: page
    match: {path: "/u/{who}/{page}"}
    upstream: one
    require: {claims: {sub: {equals: "{path.who}"}}}
"""


def test_less_is_asked_of_the_same_people(tmp_path: Path) -> None:
    """Who may see alice's pages may not see her events; nobody sees those of somebody else."""
    sandbox, _ = make_sandbox(tmp_path, BOUND)
    alice = Persona("alice", "main", {"scope": "read"})
    request = parse_request("GET", "https://a.example/u/alice/events")
    controls = Controls(sandbox, sandbox.decide, [(alice, request)])
    guarded = sandbox.settings.policy.routes.routes[0]

    [one], _ = find_more_open(controls.of(guarded)[0], {}, controls, sandbox.decide)

    assert one.route.name == "page"
    assert one.request.target == b"/u/alice/some-page"


def test_servers_are_those_of_the_upstream(sandbox: Sandbox) -> None:
    routes = {route.name: route for route in sandbox.settings.policy.routes.routes}

    assert servers_of(sandbox.settings, routes["any"]) == {(False, "10.0.0.7:8000")}
    assert servers_of(sandbox.settings, routes["site"]) == {(False, "10.0.0.8:8000")}
