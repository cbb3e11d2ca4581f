"""Requests that a route owns, although others are more specific."""

from pathlib import Path

import pytest

from gateway.decision.routes.routing import Route
from gateway.suites.samples.sample_requests import owned_requests, representatives
from tests.suites.worlds import load

HEAD = """\
version: 1
issuers: {main: {issuer: "https://a.example", discovery: true, audiences: [a]}}
upstreams: {one: {servers: ["http://10.0.0.7:8000"]}}
routes:
"""


def lines(directory: Path, routes: str, name: str = "it") -> list[str]:
    settings = load(directory, HEAD + routes)
    policy = settings.policy
    route = next(one for one in policy.routes.routes if one.name == name)
    return [one.request.line for one in representatives(route, policy)]


def route(match: str, name: str = "it", require: str = "{}") -> str:
    return f"  - {{name: {name}, match: {match}, upstream: one, require: {require}}}\n"


ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (route("{path: /a, methods: [PUT, GET]}"), ["GET some.example/a", "PUT some.example/a"]),
        (route("{path: /a}"), [f"{method} some.example/a" for method in ANY]),
        (
            route("{path_prefix: /a/, methods: [GET]}"),
            [f"GET some.example/a/{below}" for below in ("some", "other/one", "")],
        ),
        (
            route("{path: '/a/{x}/b/{y}', methods: [GET]}"),
            ["GET some.example/a/some-x/b/some-y"],
        ),
        (
            route("{hosts: ['*.b.example', a.example], path: /a, methods: [GET]}"),
            ["GET some.b.example/a", "GET a.example/a"],
        ),
        (route("{path: /a%20b, methods: [GET]}"), ["GET some.example/a%20b"]),
        (
            route("{path_prefix: /a/, methods: [GET]}")
            + route("{path: '/a/{x}'}", "other")
            + route("{path_prefix: /a/other/}", "third"),
            ["GET some.example/a/"],
        ),
        (
            route("{path: '/a/{x}', methods: [GET]}") + route("{path: /a/some-x}", "other"),
            ["GET some.example/a/other-x"],
        ),
        (
            route("{hosts: ['*.b.example'], path: /a, methods: [GET]}")
            + route("{hosts: [some.b.example], path: /a}", "other"),
            ["GET other.b.example/a"],
        ),
        (
            route("{path: /a}") + route("{path: /a, methods: [GET, PUT]}", "other"),
            [f"{method} some.example/a" for method in ANY if method not in {"GET", "PUT"}],
        ),
    ],
)
def test_one_is_found_for_each_host_and_method(
    routes: str, expected: list[str], tmp_path: Path
) -> None:
    assert lines(tmp_path, routes) == expected


def test_a_variable_is_tried_as_what_its_claim_is_also_compared_with(tmp_path: Path) -> None:
    rules = "{claims: {t: {equals: '{path.x}', in: [acme, 'a b', globex]}}}"
    settings = load(tmp_path, HEAD + route("{path: '/{x}', methods: [GET]}", require=rules))
    it: Route = settings.policy.routes.routes[0]

    found = [one.variables["x"] for one in owned_requests(it, settings.policy)]

    assert found == ["some-x", "acme", "globex", "other-x"] * 2  # on two hosts


def test_a_route_whose_requests_are_all_of_others_has_none(tmp_path: Path) -> None:
    routes = route("{path_prefix: /a/}") + "".join(
        route(match, name)
        for match, name in (
            ("{path: '/a/{x}'}", "b"),
            ("{path_prefix: '/a/{x}/'}", "c"),
            ("{path: /a/}", "d"),
        )
    )

    assert lines(tmp_path, routes) == []
