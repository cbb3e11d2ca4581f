"""Requests with `;` or `%2F` that only one of two configurations lets reach a route."""

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.routes.routing import Match, Route, RouteConflict
from gateway.settings.values.configuration import Settings
from gateway.suites.symbolic.fresh import Fresh
from gateway.suites.symbolic.odd_paths import OddPaths
from gateway.suites.symbolic.regions import Region, UndecidedRequests, find_regions
from gateway.suites.symbolic.tries import HostTries
from tests.suites.symbolic.tables import named, settings

Pair = tuple[str | None, str | None]


def name_of(match: object) -> str | None:
    return match.route.name if isinstance(match, Match) else None


def are_alike(one: Route, other: Route) -> bool:
    """Return whether the routes are the same; names say what they mean here."""
    flags = [(r.allow_semicolon, r.allow_encoded_slash) for r in (one, other)]
    return (one.name, one.path, flags[0]) == (other.name, other.path, flags[1])


def search(old: list[Route], new: list[Route]) -> tuple[dict[Pair, str], set[str]]:
    """Return a request of each pair that differs, and the routes that are undecided."""
    pairs, undecided = {}, set()
    for one in find_regions(settings(*old), settings(*new), are_alike):
        match one:
            case Region():
                pairs[name_of(one.old), name_of(one.new)] = one.request.line
            case UndecidedRequests():
                undecided.add(one.route)
    return pairs, undecided


SEMICOLON: dict[str, Any] = {"allow_semicolon": True}
SLASH: dict[str, Any] = {"allow_encoded_slash": True}


def test_a_route_that_goes_frees_a_path_with_a_parameter() -> None:
    files = named("files", "/files/*", **SEMICOLON)
    admin = named("admin", "/files/admin")
    catching = named("rest", "/{a}/{b}")

    pairs, undecided = search([files, admin, catching], [files, catching])

    assert pairs[None, "files"] == "GET some.example/files/admin;x"
    assert not undecided


def test_a_route_that_comes_takes_it() -> None:
    files = named("files", "/files/*", **SEMICOLON)
    admin = named("admin", "/files/admin")

    pairs, undecided = search([files], [files, admin])

    assert pairs["files", None] == "GET some.example/files/admin;x"
    assert not undecided


def test_a_route_that_goes_frees_a_path_with_an_encoded_slash() -> None:
    package = named("package", "/packages/{name}", **SLASH)
    versions = named("versions", "/packages/{name}/versions")

    pairs, undecided = search([package, versions], [package])

    assert pairs[None, "package"] == "GET some.example/packages/some-2%2Fversions"
    assert not undecided


def test_a_route_that_is_cut_off_counts_too() -> None:
    """CVE-2020-1957: services that cut off all from the `;` on."""
    deep = named("deep", "/a/{x}/c", **SEMICOLON)
    short = named("short", "/a/{x}")

    pairs, undecided = search([deep, short], [deep])

    assert pairs[None, "deep"] == "GET some.example/a/some-2;x/c"
    assert not undecided


@pytest.mark.parametrize("flag", [SEMICOLON, SLASH])
def test_a_route_that_allows_them_from_now_on_gains_them(flag: dict[str, Any]) -> None:
    pairs, undecided = search([named("r", "/a/{x}")], [named("r", "/a/{x}", **flag)])

    assert set(pairs) == {("r", "r"), (None, "r")}
    assert not undecided


@pytest.mark.parametrize(
    ("routes", "gone"),
    [
        ([named("r", "/a/{x}/c", **SEMICOLON)], named("g", "/b")),
        ([named("r", "/a/b", **SEMICOLON)], named("g", "/a/c")),
        ([named("r", "/a/{x}", **SLASH)], named("g", "/b/{x}/{y}")),
        (
            [named("r", "/a/{x}", hosts=["h.example"], **SLASH)],
            named("g", "/a/{x}/{y}", hosts=["i"]),
        ),
        # More slashes do not make a path shorter, nor change its end.
        ([named("r", "/{x}/a/b", **SLASH)], named("g", "/c")),
        ([named("r", "/{x}/a", **SLASH)], named("g", "/{x}/{y}/b")),
        ([named("r", "/a/{x}/*", **SLASH)], named("g", "/a/")),
        # Another route owns what the one that is gone had.
        ([named("r", "/a/{x}", **SLASH), named("all", "/*")], named("g", "/a/{x}/{y}")),
        # The whole path is never that of the route alone.
        ([named("r", "/a/{x}/c", **SEMICOLON), named("s", "/a/{x}")], named("g", "/a/b")),
    ],
)
def test_a_route_is_decided_if_its_readings_cannot_have_been_those_of_the_one_that_is_gone(
    routes: list[Route], gone: Route
) -> None:
    old, new = HostTries([*routes, gone]), HostTries(routes)
    fresh = Fresh([old, new])

    assert not list(OddPaths(new, old, fresh, ["GET"]).routes())
    assert not search([*routes, gone], routes)[1]


def test_routes_for_other_methods_are_other_routes() -> None:
    read, write = named("read", "/a/{x}", "GET", **SLASH), named("write", "/a/{x}", **SLASH)
    old = [read, named("write", "/a/{x}")]

    pairs, undecided = search(old, [read, write])

    assert pairs[None, "write"].startswith("POST ")
    assert (None, "read") not in pairs
    assert not undecided


# --- the law

PATHS = st.sampled_from(
    [
        *("/*", "/{x}", "/{x}/b", "/{x}/{y}", "/a", "/a/", "/a/*"),
        *("/a/{x}", "/a/{x}/*", "/a/b", "/a/b/c", "/{x}/b/", "/{x}/", "/"),
    ]
)
HOSTS = st.sampled_from([(), (), ("h.example",), ("*.example",)])
METHODS = st.sampled_from([(), (), (), ("GET",)])


@st.composite
def tables(draw: st.DrawFn, name: str, most: int) -> list[Route]:
    made = []
    for number in range(draw(st.integers(0, most))):
        flags: dict[str, Any] = {
            "allow_semicolon": draw(st.booleans()),
            "allow_encoded_slash": draw(st.booleans()),
        }
        path, hosts = draw(PATHS), draw(HOSTS)
        made.append(named(f"{name}{number}", path, *draw(METHODS), hosts=hosts, **flags))
    return made


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[Route], list[Route]]:
    """Return two tables that have most routes in common."""
    flags = draw(st.sampled_from([SLASH, {**SEMICOLON, **SLASH}]))
    common = [named("odd", draw(PATHS), **flags), *draw(tables("c", 2))]
    return [*common, *draw(tables("o", 2))], [*common, *draw(tables("n", 1))]


SEPARATORS = ["/", "%2F", "%2f/", ";", ";x/", ";/"]
ODD_PATHS = [
    "/" + "".join(parts)
    for count in (2, 3)
    for words in product(["a", "b", "z", ""], repeat=count)
    for between in product(SEPARATORS, repeat=count - 1)
    for parts in [[one for pair in zip(words, (*between, ""), strict=True) for one in pair]]
]


def some_pairs(old: Settings, new: Settings, random: Random) -> Iterator[Pair]:
    for path in random.sample(ODD_PATHS, 40):
        for host, method in product(["h.example", "i.example", "z"], ["GET", "PUT"]):
            head = RequestHead(method, host, path.encode(), ())
            one, other = find_route(head, old.policy), find_route(head, new.policy)
            if not isinstance(one, Match) or not isinstance(other, Match):
                yield name_of(one), name_of(other)
            elif not are_alike(one.route, other.route):
                yield one.route.name, other.route.name


@given(changes(), st.randoms(use_true_random=False))
def test_every_pair_of_owners_of_an_odd_request_comes_or_is_undecided(
    change: tuple[list[Route], list[Route]], random: Random
) -> None:
    try:
        old, new = settings(*change[0]), settings(*change[1])
    except RouteConflict:
        assume(condition=False)
        raise

    pairs, undecided = search(*change)

    for pair in set(some_pairs(old, new, random)) - {(None, None)}:
        assert pair in pairs or undecided.intersection(pair), pair
