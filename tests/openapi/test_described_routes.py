"""A description as routes owns the requests of its operations, and those that it leaves out."""

import pytest

from gateway.decision.routes.routing import Match
from gateway.openapi.api import Access, Security
from gateway.openapi.described_routes import describe, find_hosts, make_rule
from tests.openapi.apis import SHOP, read, with_paths
from tests.openapi.gateways import load

API = with_paths(
    "/a: {get: {}, post: {}}\n/a/{x}: {get: {}, head: {}}", rest="servers: [{url: /v1}]\n"
)


def owner(method: str, path: str) -> str | None:
    """Return the operation that owns a request, ``none`` for a fence, None for nothing."""
    described = describe(read(API), load().settings)
    segments = tuple(path[1:].split("/"))
    found = described.settings.policy.routes.find("any.example", segments, method)
    if not isinstance(found, Match):
        return None
    one = described.operations.get(found.route.index)
    return "none" if one is None else f"{one.method} {one.path}"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/a", "GET /v1/a"),
        ("HEAD", "/v1/a", "GET /v1/a"),
        ("POST", "/v1/a", "POST /v1/a"),
        ("HEAD", "/v1/a/b", "HEAD /v1/a/{x}"),
        ("PUT", "/v1/a", "none"),
        ("GET", "/v1/b", "none"),
        ("GET", "/v1", "none"),
        ("GET", "/v1/", "none"),
        ("GET", "/v2/a", None),
    ],
)
def test_each_request_below_the_servers_has_an_owner(
    method: str, path: str, operation: str | None
) -> None:
    assert owner(method, path) == operation


@pytest.mark.parametrize(
    ("described", "routes", "compared"),
    [
        ("", ["", ""], ()),
        ("", ["a.example", "*.b.example"], ("a.example", "*.b.example")),
        ("", ["a.example", ""], ()),
        ("api.shop.example", ["", ""], ()),
        ("api.shop.example", ["a.example", ""], ("api.shop.example",)),
        ("api.shop.example", ["a.example", "*.shop.example"], ("api.shop.example",)),
        ("api.shop.example", ["a.example"], ("api.shop.example",)),
    ],
)
def test_hosts_are_those_that_both_sides_serve(
    described: str, routes: list[str], compared: tuple[str, ...]
) -> None:
    lines = [
        f"{{name: r{number}, match: {{path: /{number}"
        + (f', hosts: ["{host}"]' if host else "")
        + "}, upstream: api, require: {}}"
        for number, host in enumerate(routes)
    ]
    text = SHOP if described else SHOP.replace("https://api.shop.example/v1", "/v1")

    found = find_hosts(read(text), load(*lines).settings.policy.routes.routes)

    assert found == compared


def test_a_rule_has_all_alternatives_and_none_is_any_token() -> None:
    rule = make_rule(Security(Access.TOKEN, (frozenset("a"), frozenset("bc"))))

    assert rule is not None
    holds = [rule.holds(frozenset(held)) for held in ("a", "bc", "b", "c", "")]
    assert holds == [True, True, False, False, False]
    assert make_rule(Security(Access.TOKEN, (frozenset(),))) is None
