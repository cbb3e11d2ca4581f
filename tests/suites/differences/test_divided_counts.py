"""Whatever was counted together and is counted apart is told: each part may have as many again."""

from pathlib import Path

import pytest

from gateway.suites.differences.facet import Change, Kind
from tests.suites.differences.configs import difference

HEAD = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
rate_limits:
  each: {rate: 10/1m, key: [subject, route]}
  all: {rate: 10/1m, key: subject}
"""
SHOP = 'upstreams: {shop: {servers: ["http://10.0.0.2:80"]}}\n'
CAPPED = 'shop: {servers: ["http://10.0.0.2:80"], max_connections: 10}'


def route(name: str, match: str, more: str = "", upstream: str = "shop") -> str:
    more = f", {more}" if more else ""
    return f"  - {{name: {name}, match: {match}, upstream: {upstream}, require: {{}}{more}}}\n"


def config(*routes: str, upstreams: str = SHOP) -> str:
    return f"{HEAD}{upstreams}routes:\n{''.join(routes)}"


def loosened(directory: Path, old: str, new: str) -> list[Change]:
    found = difference(directory, new, old)
    return [one for one in found.changed if Kind.LOOSENED in one.kinds]


ALL, PART = "{path_prefix: /a/}", "{path_prefix: /a/b/}"


def test_a_rate_limit_of_a_route_that_is_split_counts_twice(tmp_path: Path) -> None:
    limits = "rate_limits: [each]"
    old = config(route("a", ALL, limits))
    new = config(route("a", ALL, limits), route("b", PART, limits))

    [change] = loosened(tmp_path, old, new)

    assert (change.subject, change.name, change.facet) == ("route", "b", "rate_limits")
    assert change.old is not None
    assert change.new is not None
    assert change.old.text == "each, counted together in the route a"
    assert change.new.text == "each, counted apart in the route b"
    assert loosened(tmp_path, new, old) == []


def test_requests_in_flight_of_a_route_that_is_split_are_counted_twice(tmp_path: Path) -> None:
    old = config(route("a", ALL, "limits: {requests: 4}"))
    new = config(
        route("b", PART, "limits: {requests: 4}"), route("a", ALL, "limits: {requests: 4}")
    )

    [change] = loosened(tmp_path, old, new)

    assert (change.name, change.facet) == ("b", "limits.requests")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            [route("a", ALL, "rate_limits: [all]")],
            [route("a", ALL, "rate_limits: [all]"), route("b", PART, "rate_limits: [all]")],
        ),
        (
            [route("a", ALL, "limits: {requests: 4}")],
            [route("a", ALL, "limits: {requests: 3}"), route("b", PART, "limits: {requests: 1}")],
        ),
        (
            [
                route("a", ALL, "rate_limits: [each]"),
                route("b", "{path: /b}", "rate_limits: [each]"),
            ],
            [
                route("b", ALL, "rate_limits: [each]"),
                route("a", "{path: /b}", "rate_limits: [each]"),
            ],
        ),
        (
            [route("a", ALL, "rate_limits: [each]")],
            [
                route("c", ALL, "rate_limits: [each]"),
                route("b", "{path: /b}", "rate_limits: [each]"),
            ],
        ),
    ],
    ids=["by caller alone", "no more in total", "names exchanged", "other requests"],
)
def test_what_is_still_counted_together_is_no_difference(
    old: list[str], new: list[str], tmp_path: Path
) -> None:
    assert loosened(tmp_path, config(*old), config(*new)) == []


def test_a_server_of_two_upstreams_gets_the_connections_of_both(tmp_path: Path) -> None:
    routes = route("a", ALL), route("b", "{path: /b}")
    old = config(*routes, upstreams=f"upstreams: {{{CAPPED}}}\n")
    other = CAPPED.replace("shop:", "more:")
    moved = routes[0], route("b", "{path: /b}", upstream="more")
    new = config(*moved, upstreams=f"upstreams: {{{CAPPED}, {other}}}\n")

    [change] = loosened(tmp_path, old, new)

    assert (change.subject, change.name, change.facet) == ("upstream", "more", "max_connections")
    assert change.old is not None
    assert change.new is not None
    assert change.old.text == "10 to http://10.0.0.2, by shop"
    assert change.new.text == "20 to http://10.0.0.2, by more and shop"
    less = new.replace("max_connections: 10", "max_connections: 5")
    assert loosened(tmp_path, old, less) == []
    assert loosened(tmp_path, new, old) == []
