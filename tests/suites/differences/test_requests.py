"""The requests that both configurations are asked about."""

from pathlib import Path

from gateway.suites.differences.requests import choose_requests
from gateway.suites.simulation.request import parse_request
from tests.suites.differences.configs import BASE, sides

OLD = (
    BASE + "  - {name: gone, match: {path: /gone, methods: [GET]}, upstream: site, public: true}\n"
)
NEW = BASE + (
    "  - {name: come, match: {path: /come, methods: [REPORT]}, upstream: site, public: true}\n"
)


def test_each_route_of_both_is_asked_for_by_each_host_and_method(tmp_path: Path) -> None:
    lines = [one.line for one in choose_requests(*sides(tmp_path, NEW, OLD), [])]

    assert "GET some.example/gone" in lines
    assert "REPORT some.example/come" in lines
    assert "REPORT some.example/healthz" in lines
    assert {
        f"{method} {host}.example/t/some-tenant/orders/some-id"
        for method in ("GET", "HEAD")
        for host in ("a", "b")
    } <= set(lines)
    assert len(set(lines)) == len(lines)


def test_each_route_has_its_turn_before_any_has_a_second(tmp_path: Path) -> None:
    found = choose_requests(*sides(tmp_path, NEW, OLD), [])

    paths = [one.target for one in found[:5]]
    assert len(set(paths)) == 5


def test_methods_that_a_route_does_not_list_are_asked_for_as_well(tmp_path: Path) -> None:
    lines = [one.line for one in choose_requests(*sides(tmp_path, NEW, OLD), [])]

    assert "DELETE some.example/gone" in lines
    assert "POST a.example/t/some-tenant/orders/some-id" in lines


def test_two_routes_meet_wherever_they_can(tmp_path: Path) -> None:
    """A route of one host, and one of all hosts that takes over when it is gone."""
    old = BASE.replace("match: {path: /healthz}", "match: {hosts: [a.example], path: '/x/{y}'}")
    new = BASE.replace("match: {path: /healthz}", "match: {path: /x/special}")

    lines = [one.line for one in choose_requests(*sides(tmp_path, new, old), [])]

    assert "GET a.example/x/special" in lines


def test_odd_paths_and_upgrades_are_asked_for_where_some_route_takes_them(tmp_path: Path) -> None:
    odd = BASE.replace(
        "match: {path_prefix: /orders/}",
        "allow_semicolon: true\n    allow_encoded_slash: true\n    upgrades: [websocket]\n"
        "    match: {path_prefix: /orders/}",
    )

    found = choose_requests(*sides(tmp_path, odd), [])

    assert {"GET some.example/orders/some;x=1", "GET some.example/orders/some%2Fx"} <= {
        one.line for one in found
    }
    assert ("Upgrade", "websocket") in {field for one in found for field in one.headers}


def test_what_a_suite_asks_comes_first(tmp_path: Path) -> None:
    own = parse_request("GET", "https://a.example/healthz?x=1")

    assert choose_requests(*sides(tmp_path, NEW, OLD), [own, own])[0] == own
