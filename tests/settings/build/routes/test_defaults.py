"""A route takes from `defaults` what it does not say itself, and never becomes open by it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.load import Loaded, Rejected
from gateway.settings.text.fault import Fault
from gateway.suites.differences.compare import Question, compare
from tests.lints.warned import warnings
from tests.settings.configs import UPSTREAMS, assert_found, config, outcome_of

NOW = Question(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
ENVIRON = {"TENANT": "hunter2-hunter2"}
TWO_UPSTREAMS = 'upstreams: {orders: {servers: ["http://a:1"]}, other: {servers: ["http://b:1"]}}\n'

A, B = (f"name: {name}, match: {{path: /{name}}}" for name in "ab")


def loaded(directory: Path, text: str) -> Loaded:
    outcome = outcome_of(directory, text, ENVIRON)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def refused(directory: Path, text: str) -> tuple[Fault, ...]:
    outcome = outcome_of(directory, text, ENVIRON)
    assert isinstance(outcome, Rejected)
    return outcome.faults


def with_defaults(defaults: str, *routes: str) -> str:
    lines = "".join(f"  - {{{route}}}\n" for route in routes)
    return config(routes=f"defaults: {{{defaults}}}\nroutes:\n{lines}")


@pytest.mark.parametrize(
    ("defaults", "route", "same"),
    [
        ("upstream: orders", "require: {}", "upstream: orders, require: {}"),
        ("upstream: other", "upstream: orders, require: {}", "upstream: orders, require: {}"),
        ("require: {scopes: [a]}", "upstream: orders", "upstream: orders, require: {scopes: [a]}"),
        ("require: {}", "upstream: orders", "upstream: orders, require: {}"),
        (
            "require: {scopes: [a], audiences: [orders], claims: {x: {exists: true}}}",
            "upstream: orders, require: {scopes: [c], claims: {z: {exists: true}}}",
            "upstream: orders,"
            " require: {scopes: [c], audiences: [orders], claims: {z: {exists: true}}}",
        ),
        (
            "require: {scopes: [a]}",
            "upstream: orders, public: true",
            "upstream: orders, public: true",
        ),
        (
            "token_from: [{header: X-T}], identity: {headers: {X-U: sub}}, limits: {requests: 3}",
            "upstream: orders, public: true",
            "upstream: orders, public: true, limits: {requests: 3}",
        ),
        (
            "limits: {requests: 3, body: 1MiB}",
            "upstream: orders, require: {}, limits: {requests: 4}",
            "upstream: orders, require: {}, limits: {requests: 4}",
        ),
        (
            "require: {acr: [gold]}",
            "upstream: orders, require: {optional: true}",
            "upstream: orders, require: {optional: true, acr: [gold]}",
        ),
        (
            "require: {scopes: [a]}, cors: {origins: ['*']}, timeouts: {total: 3s}",
            "defaults: false, upstream: orders, require: {}",
            "upstream: orders, require: {}",
        ),
    ],
)
def test_what_a_route_takes_could_be_written_in_it(
    defaults: str, route: str, same: str, tmp_path: Path
) -> None:
    match = "name: r, match: {path: /r}, "
    one = loaded(tmp_path, with_defaults(defaults, match + route).replace(UPSTREAMS, TWO_UPSTREAMS))
    other = loaded(
        tmp_path, config(routes=f"routes: [{{{match}{same}}}]\n", upstreams=TWO_UPSTREAMS)
    )

    assert compare(one, other, NOW, 10_000).is_empty


def test_hosts_and_methods_are_those_of_routes_that_list_none(tmp_path: Path) -> None:
    text = with_defaults(
        "upstream: orders, require: {}, match: {hosts: [a.example], methods: [GET]}",
        A,
        "name: b, match: {path: /b, methods: [POST]}",
        "name: c, match: {path: /c, hosts: [c.example]}",
    )

    routes = loaded(tmp_path, text).settings.policy.routes.routes

    assert [one.hosts for one in routes] == [("a.example",), ("a.example",), ("c.example",)]
    assert [sorted(one.methods) for one in routes] == [["GET"], ["POST"], ["GET"]]


SHARED: dict[str, st.SearchStrategy[Any]] = {
    "upstream": st.sampled_from(["orders", "other"]),
    "limits": st.sampled_from([{"requests": 3}, {"body": "1MiB"}]),
    "timeouts": st.sampled_from([{"total": "3s"}, {"response": "2s"}]),
    "priority": st.sampled_from(["low", "high"]),
    "cors": st.just({"origins": ["https://a.example"]}),
    "rewrite": st.just({"host": "upstream"}),
    "token_from": st.just([{"header": "X-Token"}]),
    "require": st.fixed_dictionaries(
        {},
        optional={
            "scopes": st.sampled_from([["a"], {"any": ["a", "b"]}]),
            "audiences": st.just(["orders"]),
            "issuers": st.just(["main"]),
            "claims": st.sampled_from([{"x": {"exists": True}}, {"y": {"equals": 1}}]),
            "max_age": st.just("5m"),
        },
    ),
}
DEFAULTS = st.fixed_dictionaries({}, optional=SHARED)
GUARDS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.just({"public": True}), st.just({"mode": "report"})
)


def written_out(defaults: Mapping[str, Any], route: Mapping[str, Any]) -> dict[str, Any]:
    """Return *route* as somebody would write it without defaults."""
    whole = {**defaults, **route}
    if "require" in defaults and "require" in route:
        whole["require"] = {**defaults["require"], **route["require"]}
    if "public" in route:
        whole = {key: one for key, one in whole.items() if key not in {"require", "token_from"}}
    return whole


@given(DEFAULTS, st.lists(st.tuples(DEFAULTS, GUARDS), min_size=1, max_size=4))
def test_defaults_mean_the_same_as_without(
    tmp_path_factory: pytest.TempPathFactory,
    defaults: dict[str, Any],
    parts: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    """Also where that is a fault; and a route is open exactly if it says so itself."""
    folder = tmp_path_factory.mktemp("defaults")
    routes: list[dict[str, Any]] = []
    for number, (shared, guard) in enumerate(parts):
        own = shared
        if "public" in guard:
            own = {key: one for key, one in shared.items() if key not in {"require", "token_from"}}
        routes.append({"name": f"r{number}", "match": {"path": f"/{number}"}, **own, **guard})
    longer = [written_out(defaults, route) for route in routes]
    head = config(routes="", upstreams=TWO_UPSTREAMS)

    text = json.dumps(defaults)
    one = outcome_of(folder, f"{head}defaults: {text}\nroutes: {json.dumps(routes)}\n")
    other = outcome_of(folder, f"{head}routes: {json.dumps(longer)}\n")

    assert isinstance(one, Loaded) is isinstance(other, Loaded)
    if not isinstance(one, Loaded) or not isinstance(other, Loaded):
        return
    assert compare(one, other, NOW, 2_000).is_empty
    for route, raw in zip(one.settings.policy.routes.routes, routes, strict=True):
        assert (route.public, route.reports) == ("public" in raw, "mode" in raw)
        assert not route.optional


@pytest.mark.parametrize(
    "text",
    [
        with_defaults("¦public: true", f"{A}, upstream: orders, require: {{}}"),
        with_defaults("¦mode: report", f"{A}, upstream: orders, require: {{}}"),
        with_defaults("require: {¦optional: true}", f"{A}, upstream: orders"),
        with_defaults("¦upgrades: [websocket], require: {}", f"{A}, upstream: orders"),
        with_defaults("match: {¦path: /a}, require: {}", f"{A}, upstream: orders"),
        with_defaults("¦requires: {}", f"{A}, upstream: orders, require: {{}}"),
        with_defaults("require: {¦scops: [a]}", f"{A}, upstream: orders"),
    ],
)  # fmt: skip
def test_what_opens_a_route_or_is_its_own_is_no_default(text: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "unknown_key", text)


def test_without_a_default_a_route_still_says_who_may_call_it(tmp_path: Path) -> None:
    text = with_defaults("upstream: orders", A, f"{B}, require: {{}}")
    text = text.replace("- {name: a", "- ¦{name: a")

    assert_found(tmp_path, "missing_key", text)


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (
            "unknown_reference",
            with_defaults("upstream: ¦order, require: {}", A, f"{B}, upstream: orders"),
        ),
        ("wrong_type", with_defaults("upstream: ¦[orders], require: {}", A)),
        ("bad_value", with_defaults("upstream: orders, require: {scopes: [¦a b]}", A)),
        ("bad_value", with_defaults("upstream: orders, require: {}, rewrite: {strip_prefix: ¦/b}",
            A, "name: b, match: {path: /b/c}")),
        ("unknown_reference", with_defaults("upstream: orders, require: {issuers: [main, ¦mine]}",
            A)),
        ("bad_value", with_defaults("upstream: orders, require: {}, match: {hosts: [¦A.example]}",
            A)),
        ("wrong_type", "defaults: ¦[a]\n" + config()),
    ],
)  # fmt: skip
def test_a_fault_in_a_default_is_told_once_at_its_line(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_a_fault_of_some_routes_names_the_first_of_them(tmp_path: Path) -> None:
    routes = [f"name: r{number}, match: {{path: /r/{number}}}" for number in range(4)]
    used = "name: used, match: {path: /used}, upstream: orders"
    text = with_defaults("upstream: order, require: {}", *routes, used)

    (fault,) = refused(tmp_path, text)

    assert fault.message.endswith("did you mean `orders`? (for `r0` and 3 other routes)")


def test_a_fault_that_depends_on_the_route_names_it(tmp_path: Path) -> None:
    claims = "{tenant: {equals: '{path.tenant}'}}"
    text = with_defaults(
        f"upstream: orders, require: {{claims: {claims}}}",
        "name: a, match: {path: '/{tenant}/a'}",
        "name: b, match: {path: '/b'}",
    )

    (fault,) = refused(tmp_path, text)

    assert "`b`" in fault.message
    assert "`a`" not in fault.message


def test_a_message_about_the_route_shows_nothing_of_the_environment(tmp_path: Path) -> None:
    text = with_defaults(
        "upstream: '${TENANT}', require: {scopes: ['${TENANT}'], claims: {t: {is: '${TENANT}'}}}",
        A,
    )

    found = refused(tmp_path, text)

    assert len(found) > 1
    assert "hunter2" not in "".join(map(str, found))
    assert "${TENANT}" in "".join(map(str, found))


TEAM = "routes: [{name: team, match: {path: /team}, upstream: orders}]\n"
OWN = "defaults: {require: {scopes: [own]}, identity: {headers: {X-Team: sub}}}\n" + TEAM


def included(directory: Path, defaults: str, team: str, may: str = "") -> Loaded | Rejected:
    entry = f"{{files: team.yaml{may}}}"
    (directory / "team.yaml").write_text(team)
    return outcome_of(directory, config(f"include: [{entry}]\n{defaults}"))


def test_defaults_of_the_main_file_are_those_of_included_files_too(tmp_path: Path) -> None:
    """Not held to their grants: it is the main file that says it."""
    defaults = "defaults: {require: {scopes: [all]}, identity: {headers: {X-Team: sub}}}\n"

    outcome = included(tmp_path, defaults, TEAM)

    assert isinstance(outcome, Loaded), outcome
    route = outcome.settings.policy.routes.routes[-1]
    assert route.scopes is not None
    assert route.scopes.wanted == ("all",)
    assert route.identities is not None
    place = outcome.places.of_route("team", "require", "scopes")
    assert (Path(place.file).name, place.line) == ("gateway.yaml", 12)


def test_defaults_of_an_included_file_are_held_to_its_grants(tmp_path: Path) -> None:
    outcome = included(tmp_path, "", OWN)

    assert isinstance(outcome, Rejected)
    (fault,) = outcome.faults
    assert (fault.code, Path(fault.place.file).name) == ("not_granted", "team.yaml")
    assert isinstance(included(tmp_path, "", OWN, ", may: [identity]"), Loaded)


def test_defaults_of_an_included_file_are_for_its_own_routes_only(tmp_path: Path) -> None:
    outcome = included(
        tmp_path, "defaults: {require: {audiences: [orders]}}\n", OWN, ", may: [identity]"
    )

    assert isinstance(outcome, Loaded)
    main, team = outcome.settings.policy.routes.routes
    assert (main.scopes, main.identities) == (None, None)
    assert team.scopes is not None
    assert main.audiences == team.audiences == frozenset({"orders"})


def test_a_default_is_confined_like_the_route(tmp_path: Path) -> None:
    """`hosts` and `under` of `include` hold for what a default adds as well."""
    outcome = included(
        tmp_path, "",
        "defaults: {match: {hosts: [b.example]}, require: {}}\n" + TEAM,
        ", hosts: [a.example]",
    )  # fmt: skip

    assert isinstance(outcome, Rejected)
    (fault,) = outcome.faults
    assert (fault.code, Path(fault.place.file).name, fault.place.line) == (
        "not_granted", "team.yaml", 1,
    )  # fmt: skip


def test_a_warning_about_a_default_is_silenced_at_its_line(tmp_path: Path) -> None:
    own = "upstream: orders, require: {scopes: ['orders:read']}"
    text = with_defaults(
        "require: {scopes: ['orders:raed']}",
        f"{A}, upstream: orders",
        f"{B}, {own}",
        f"name: c, match: {{path: /c}}, {own}",
    )

    (warning,) = warnings(tmp_path, text)

    assert (warning.place.line, warning.code) == (6, "scope_suspect")
    allow = "  # gateway: allow scope_suspect because it is what the issuer calls it"
    assert warnings(tmp_path, text.replace("raed']}}", f"raed']}}}}{allow}")) == ()
