"""Routes: compiled in file order, and every name they use is known."""

from pathlib import Path

import pytest

from gateway.decision.routes.routing import Match, Route
from gateway.decision.rules.step_up import StepUp
from tests.settings.configs import (
    assert_found,
    config,
    faults,
    load,
    one_route,
    require,
)

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", one_route("    ¦match: {}\n    public: true\n")),
    ("conflicting_keys", one_route("    match: {path: /a, ¦path_prefix: /a/}\n    public: true\n")),
    ("missing_key", one_route("    match: {path: /a}\n").replace("- name", "- ¦name")),
    (
        "conflicting_keys",
        one_route("    match: {path: /a}\n    public: true\n    ¦require: {}\n"),
    ),
    ("conflicting_keys", one_route("    match: {path: /a}\n    public: true\n    ¦mode: report\n")),
    ("report_only", one_route("    match: {path: /a}\n    require: {}\n    mode: ¦report\n")),
    ("bad_value", one_route("    match: {path: ¦a}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦/a/../b}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦'/{a}/{a}'}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦'/a{b}'}\n    public: true\n")),
    ("bad_value", one_route("    match: {path_prefix: ¦/a}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦A.example]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a.example:80]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a.*.b]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a/b]}\n    public: true\n")),
    (
        "unused_upstream unknown_reference",
        config(
            upstreams='upstreams:\n  ¦orders: {servers: ["http://a"]}\n',
            routes="routes:\n  - {name: a, match: {path: /a}, upstream: ¦ordrs, require: {}}\n",
        ),
    ),
    ("unused_issuer unknown_reference", require("{issuers: [¦mian]}").replace("  main", "  ¦main")),
    ("missing_key", config(issuers="").replace("require", "¦require")),
    (
        "route_conflict",
        config(
            routes="routes:\n"
            "  - {name: a, match: {path: '/{x}'}, upstream: orders, require: {}}\n"
            "  - {name: b, ¦match: {path: '/{y}'}, upstream: orders, require: {}}\n"
        ),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_route_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_a_route_is_compiled_and_found(tmp_path: Path) -> None:
    text = require("{scopes: [a, {any: [b, c]}], claims: {tenant: {equals: '{path.x}'}}}")
    settings = load(tmp_path, text)

    match = settings.policy.routes.find("any.example", ("a", "blue"), "GET")

    assert isinstance(match, Match)
    route = match.route
    assert (route.name, route.upstream, route.public, route.optional) == (
        "a",
        "orders",
        False,
        False,
    )
    assert route.scopes is not None
    assert route.scopes.wanted == ("a", "b", "c")
    assert route.scopes.holds(frozenset("ab"))
    assert not route.scopes.holds(frozenset("bc"))
    assert route.claims[0].holds({"tenant": "blue"}, match.variables)
    assert not route.claims[0].holds({"tenant": "red"}, match.variables)
    assert route.place == f"{tmp_path / 'gateway.yaml'}:7"


def only_route(directory: Path, text: str) -> Route:
    [route] = load(directory, one_route(text)).policy.routes.routes
    return route


def test_a_route_that_says_little_matches_every_host_and_method(tmp_path: Path) -> None:
    route = only_route(tmp_path, "    match: {path_prefix: /a/}\n    public: true\n")

    assert (route.hosts, route.methods, route.upgrades) == ((), frozenset(), frozenset())
    assert (route.path, route.is_prefix, route.public) == ("/a/", True, True)
    assert (route.issuers, route.scopes, route.claims) == (None, None, ())


def test_everything_said_about_a_route_reaches_the_decision(tmp_path: Path) -> None:
    route = only_route(
        tmp_path,
        "    match: {hosts: [a.example, '*.b.example'], path: /a, methods: [GET, PUT]}\n"
        "    require: {optional: true, issuers: [main]}\n    upgrades: [WebSocket]\n",
    )

    assert route.hosts == ("a.example", "*.b.example")
    assert (route.path, route.is_prefix) == ("/a", False)
    assert route.methods == {"GET", "PUT"}
    assert route.optional
    assert route.issuers == frozenset({"main"})
    assert route.upgrades == {"websocket"}


@pytest.mark.parametrize(("mode", "reports"), [("report", True), ("enforce", False)])
def test_a_route_reports_only_where_it_says_so(mode: str, reports: bool, tmp_path: Path) -> None:
    text = f"    match: {{path: /a}}\n    require: {{}}\n    mode: {mode}\n"

    assert only_route(tmp_path, text).reports is reports
    assert not only_route(tmp_path, text.replace(f"    mode: {mode}\n", "")).reports


def test_a_public_route_may_say_that_it_enforces(tmp_path: Path) -> None:
    text = "    match: {path: /a}\n    public: true\n    mode: enforce\n"

    assert faults(tmp_path, one_route(text)) == ()


@pytest.mark.parametrize(
    ("text", "step_up"),
    [
        ("{acr: [gold, silver], max_age: 15m}", StepUp(("gold", "silver"), 900)),
        ("{acr: [gold]}", StepUp(("gold",), None)),
        ("{max_age: 1s}", StepUp((), 1)),
    ],
)
def test_how_and_when_a_user_was_authenticated_reaches_the_decision(
    text: str, step_up: StepUp, tmp_path: Path
) -> None:
    route = only_route(tmp_path, f"    match: {{path: /a}}\n    require: {text}\n")

    assert route.step_up is not None
    assert route.step_up.acr_values == step_up.acr_values
    assert route.step_up.max_age_seconds == step_up.max_age_seconds


def test_a_route_may_have_audiences_of_its_own(tmp_path: Path) -> None:
    text = "    match: {path: /a}\n    require: {audiences: [orders]}\n"

    assert only_route(tmp_path, text).audiences == frozenset({"orders"})


def test_a_route_that_asks_for_neither_takes_what_its_issuers_take(tmp_path: Path) -> None:
    route = only_route(tmp_path, "    match: {path: /a}\n    require: {}\n")

    assert (route.audiences, route.step_up, route.metadata_url) == (None, None, None)


def test_routes_are_numbered_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Others keep state per route in a list."""
    routes = "routes:\n" + "".join(
        f"  - {{name: r{n}, match: {{path: /{n}}}, upstream: orders, require: {{}}}}\n"
        for n in (3, 1, 2)
    )

    table = load(tmp_path, config(routes=routes)).policy.routes

    assert [(route.index, route.name) for route in table.routes] == [
        (0, "r3"), (1, "r1"), (2, "r2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("API.example", "write it as api.example"),
        ("*.API.example", "write it as *.api.example"),
        ("a.example.", "write it as a.example"),
        ("a.example:80", "write it as a.example"),
        ("*", "`*`: for every host, leave the list out"),
        (".a.example", "`.a.example` is not a host: for all hosts below it, write `*.a.example`"),
        ("https://a.example/b", "`https://a.example/b` is not a host: write `a.example`"),
        (
            "a*.example",
            "`a*.example`: a wildcard must be the whole first label, e.g. *.example.com",
        ),
        ("a b", "`a b` is not a host: write it like api.example.com"),
        (
            "b\u00fccher.example",
            "`b\u00fccher.example` is not a host: write it like api.example.com",
        ),
    ],
)
def test_a_host_that_no_request_could_name_is_told_how_to_write_it(
    host: str, message: str, tmp_path: Path
) -> None:
    text = one_route(f"    match: {{path: /a, hosts: ['{host}']}}\n    public: true\n")

    assert [fault.message for fault in faults(tmp_path, text)] == [message]


@pytest.mark.parametrize(
    "text",
    [
        "    match: {path: /a, hosts: [a, a]}\n    require: {}\n",
        "    match: {path: /a, methods: [GET, GET]}\n    require: {}\n",
        "    match: {path: /a}\n    require: {issuers: [main, main]}\n",
        "    match: {path: /a}\n    require: {audiences: [orders, orders]}\n",
        "    match: {path: /a}\n    require: {acr: [gold, gold]}\n",
        "    match: {path: /a}\n    require: {}\n    upgrades: [websocket, WebSocket]\n",
    ],
)
def test_what_is_listed_twice_was_meant_to_be_something_else(text: str, tmp_path: Path) -> None:
    assert [fault.code for fault in faults(tmp_path, one_route(text))] == ["duplicate_value"]


def test_a_route_that_has_a_fault_is_no_rival_of_another(tmp_path: Path) -> None:
    routes = (
        "routes:\n"
        "  - {name: a, match: {path: /a}, upstream: orders, require: {}}\n"
        "  - {name: b, match: {path: /a, methods: [get]}, upstream: orders, require: {}}\n"
    )

    assert [fault.code for fault in faults(tmp_path, config(routes=routes))] == ["bad_value"]


def test_a_conflict_names_the_other_route_and_its_place(tmp_path: Path) -> None:
    routes = (
        "routes:\n"
        "  - {name: a, match: {path: /a}, upstream: orders, require: {}}\n"
        "  - {name: b, match: {path: /%61}, upstream: orders, require: {}}\n"
    )

    [fault] = faults(tmp_path, config(routes=routes))

    assert fault.message == (
        f"route `b` matches the same requests as `a` ({tmp_path / 'gateway.yaml'}:7)"
    )
