"""Which routes lie within others: the routing table itself is the judge."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.lints.nesting import Area, Nested, Nesting
from tests.decision.policies import route

# Every request that these templates can tell apart: `x` and `y` are like no literal.
WORDS = ("a", "b", "x", "y", "")
PATHS = [
    (*start, last)
    for length in range(4)
    for start in product(WORDS[:-1], repeat=length)
    for last in WORDS
]
SEGMENTS = st.sampled_from(["a", "b", "{v}", "{w}", "{u}"])


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Return a template of at most three segments; a star at its end makes it a prefix."""
    segments = draw(st.lists(SEGMENTS, max_size=3))
    path = "".join(f"/{{n{n}}}" if "{" in one else f"/{one}" for n, one in enumerate(segments))
    return (path or "/") if draw(st.booleans()) else path + draw(st.sampled_from(["/", "/*"]))


def routes_of(*paths: str) -> list[Route]:
    return [route(path, index=index) for index, path in enumerate(paths)]


TABLES = st.lists(templates(), max_size=9, unique_by=lambda path: re.sub("{n.}", "{}", path)).map(
    lambda paths: routes_of(*paths)
)


def owner(table: RouteTable, path: Sequence[str]) -> str | None:
    found = table.find("any.example", path, "GET")
    return found.route.name if isinstance(found, Match) else None


@cache
def paths_of(template: str) -> frozenset[tuple[str, ...]]:
    """Return the paths that a route with this template takes where there is no other."""
    alone = RouteTable(routes_of(template))
    return frozenset(path for path in PATHS if owner(alone, path))


def around(routes: Sequence[Route]) -> dict[str, str]:
    """Return for each route the one around it, by name."""
    nested = Nesting(routes).nested()
    return {one.inner.routes[0].name: one.around.routes[0].name for one in nested}


@given(TABLES)
def test_a_hollow_area_is_one_whose_route_the_table_never_finds(routes: list[Route]) -> None:
    table = RouteTable(routes)
    hollow = {one.name for area in Nesting(routes).hollow() for one in area.routes}

    found = {owner(table, path) for path in PATHS}

    assert {one.name for one in routes} - found == hollow


@given(TABLES)
def test_around_a_route_is_what_the_table_prefers_of_those_that_take_all_its_paths(
    routes: list[Route],
) -> None:
    """So that one would own them all, if it were not for more specific ones."""
    found = around(routes)
    for one in routes:
        own = paths_of(one.name)
        wider = [other for other in routes if other is not one and own <= paths_of(other.name)]

        assert {owner(RouteTable(wider), path) for path in own} == {found.get(one.name)}


def pair(inner: str, outer: str) -> Nested:
    routes = [route(path + "*" * path.endswith("/")) for path in (inner, outer)]
    [nested] = Nesting(routes).nested()
    assert nested.inner.routes == routes[:1]
    return nested


@pytest.mark.parametrize(
    ("inner", "outer", "adds_words", "is_part", "is_open_ended"),
    [
        ("/a/b", "/a/", True, True, False),
        ("/a/{x}", "/a/", False, True, True),
        ("/a/b/", "/a/", True, True, True),
        ("/a/{x}/b", "/a/{y}/", True, True, False),
        ("/a/b/{x}", "/a/{y}/", True, False, True),
        ("/a/b/", "/{x}/", True, False, True),
        ("/a/b", "/a/{x}", True, False, False),
        ("/{x}", "/", False, False, True),
        ("/a/", "/", True, False, True),
        ("/{x}/b/", "/{x}/", True, True, True),
    ],
)
def test_how_an_area_lies_in_the_one_around_it(
    inner: str, outer: str, adds_words: bool, is_part: bool, is_open_ended: bool
) -> None:
    found = pair(inner, outer)

    assert (found.adds_words, found.is_part, found.is_open_ended) == (
        adds_words,
        is_part,
        is_open_ended,
    )


def test_the_nearest_of_several_is_the_one_around() -> None:
    found = around(routes_of("/*", "/{x}/*", "/a/*", "/a/b/c/*"))

    assert found == {"/a/b/c/*": "/a/*", "/a/*": "/{x}/*", "/{x}/*": "/*"}


def test_one_host_says_nothing_of_another() -> None:
    routes = [
        route("/a/*", hosts=("a.example", "*.b.example")),
        route("/a/b", hosts=("a.example",)),
        route("/a/c"),
    ]

    assert around(routes) == {"/a/b": "/a/*"}


def area(*methods: tuple[str, ...]) -> Area:
    routes = [route("/a", name="-".join(own) or "all", methods=frozenset(own)) for own in methods]
    [found] = Nesting(routes).areas()
    return found


def test_an_area_knows_the_methods_of_its_routes() -> None:
    assert area(("GET",), ("PUT", "POST")).methods() == frozenset({"GET", "PUT", "POST"})
    assert area(("GET",), ()).methods() is None


@pytest.mark.parametrize(
    ("asked", "owners"),
    [
        (set(), ["GET", "PUT-POST", "all"]),
        ({"GET"}, ["GET"]),
        ({"GET", "POST"}, ["GET", "PUT-POST"]),
        ({"GET", "DELETE"}, ["GET", "all"]),
        ({"DELETE"}, ["all"]),
    ],
)
def test_the_owners_of_methods_are_those_the_table_would_find(
    asked: set[str], owners: list[str]
) -> None:
    found = area(("GET",), ("PUT", "POST"), ()).owners(frozenset(asked))

    assert [one.name for one in found] == owners
