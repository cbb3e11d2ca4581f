"""Regions: every pair of owners that some request has, each once, with a real request of it."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.routes.routing import Match, Route, RouteConflict
from gateway.settings.values.configuration import Settings
from gateway.suites.symbolic.regions import Region, UndecidedRequests, find_regions
from tests.suites.symbolic.tables import load, named, settings

Pair = tuple[str | None, str | None]


def name_of(match: object) -> str | None:
    return match.route.name if isinstance(match, Match) else None


def regions(old: Settings, new: Settings) -> list[Region]:
    found = list(find_regions(old, new))
    undecided = [one for one in found if isinstance(one, UndecidedRequests)]
    assert not undecided
    return [one for one in found if isinstance(one, Region)]


def pairs(old: Settings, new: Settings) -> list[Pair]:
    return [(name_of(one.old), name_of(one.new)) for one in regions(old, new)]


class Owned(NamedTuple):
    line: str
    old: str | None
    new: str | None


def owned(old: Settings, new: Settings) -> set[Owned]:
    return {
        Owned(one.request.line, name_of(one.old), name_of(one.new)) for one in regions(old, new)
    }


class TestMeetings:
    """Which requests are found where two tables differ."""

    def test_a_route_meets_itself(self) -> None:
        same = settings(named("a", "/a"))

        assert owned(same, same) == {Owned("GET some.example/a", "a", "a")}

    def test_a_route_of_any_host_gives_way_to_a_wildcard(self) -> None:
        """The issue that a public path without hosts stays unseen on the hosts of others."""
        old = settings(named("o", "/o"), named("e", "/*", hosts=["*.example"]))
        new = settings(named("o", "/o", public=True), named("e", "/x/*", hosts=["*.example"]))

        assert Owned("GET some.example/o", "e", "o") in owned(old, new)
        assert Owned("GET some.test/o", "o", "o") in owned(old, new)

    def test_a_prefix_is_met_without_its_bare_path(self) -> None:
        old, new = settings(named("p", "/p/*")), settings(named("p", "/p"), named("q", "/p/*"))

        assert owned(old, new) == {
            Owned("GET some.example/p", None, "p"),
            Owned("GET some.example/p/some-2", "p", "q"),
        }

    def test_the_slash_at_the_end_is_a_path_of_its_own(self) -> None:
        old = settings(named("p", "/p/*"))
        new = settings(named("slash", "/p/"), named("one", "/p/{x}"), named("deep", "/p/{x}/*"))

        assert owned(old, new) == {
            Owned("GET some.example/p/", "p", "slash"),
            Owned("GET some.example/p/some-2", "p", "one"),
            Owned("GET some.example/p/some-2/some-3", "p", "deep"),
        }

    def test_a_search_comes_back_from_a_literal(self) -> None:
        old = settings(named("v", "/{x}/b"), named("l", "/a/c"))
        new = settings(named("v", "/{x}/b"), named("l", "/a/{y}"))

        assert owned(old, new) == {
            Owned("GET some.example/some-1/b", "v", "v"),
            Owned("GET some.example/a/b", "v", "l"),
            Owned("GET some.example/a/c", "l", "l"),
            Owned("GET some.example/a/some-2", None, "l"),
        }

    def test_the_most_specific_host_that_knows_the_path_owns_all_its_methods(self) -> None:
        old = settings(named("any", "/a"))
        new = settings(named("any", "/a"), named("h", "/a", "GET", hosts=["h.example"]))

        assert owned(old, new) == {
            Owned("GET some.test/a", "any", "any"),
            Owned("GET h.example/a", "any", "h"),
            Owned("POST h.example/a", "any", None),
        }

    def test_methods_are_grouped_by_their_owners(self) -> None:
        old = settings(named("r", "/a", "GET", "HEAD"), named("w", "/a"))
        new = settings(named("r", "/a", "GET", "HEAD", "POST"))

        found = {(name_of(one.old), name_of(one.new)): one.methods for one in regions(old, new)}

        assert found == {
            ("r", "r"): frozenset({"GET", "HEAD"}),
            ("w", "r"): frozenset({"POST"}),
            ("w", None): None,
        }

    def test_a_literal_is_told_in_which_a_variable_of_the_other_side_is_bound(self) -> None:
        old, new = settings(named("v", "/t/{t}/x")), settings(named("l", "/t/acme/{y}"))

        found = {(name_of(one.old), name_of(one.new)): one for one in regions(old, new)}

        assert dict(found["v", "l"].literals) == {0: "t", 1: "acme", 2: "x"}
        match = found["v", "l"].old
        assert match is not None
        assert match.variables == {"t": "acme"}
        assert dict(found["v", None].literals) == {0: "t", 2: "x"}

    def test_literals_that_need_escapes_are_sent_with_them(self) -> None:
        same = settings(named("a", "/%C3%A9%20b"))

        assert owned(same, same) == {Owned("GET some.example/%C3%A9%20b", "a", "a")}

    def test_routes_that_are_alike_are_left_out(self) -> None:
        old = settings("/a", "/b", "/c/{x}/*")
        new = settings("/a", "/b", "/c/{y}/*", "/c/d/*")

        found = [
            (name_of(one.old), name_of(one.new))
            for one in find_regions(old, new, lambda one, other: one.name[:4] == other.name[:4])
            if isinstance(one, Region)
        ]

        assert found == [("/c/{x}/*", "/c/d/*")]

    def test_a_walk_that_is_too_long_says_so(self) -> None:
        wide = [named(f"{n}", f"/{n}/{{x}}") for n in range(100)]

        found = list(find_regions(settings(*wide), settings(*wide), max_steps=20))

        assert isinstance(found[-1], UndecidedRequests)
        assert "more ways" in found[-1].text


class TestSessions:
    """A session counts at the origins of its login only."""

    LOGIN = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://orders:1"]}}
login:
  staff:
    issuer: main
    origins: ["https://app.example", "https://app.example:8443", "https://b.example"]
    client_id: app
    client_auth: none
    scopes: [openid, offline_access]
routes:
  - {name: pages, match: {path_prefix: /p/}, upstream: orders, login: staff, require: {}}
  - {name: api, match: {path: /api}, upstream: orders, require: {}}
  - {name: b, match: {path_prefix: /p/, hosts: [b.example]}, upstream: orders, require: {}}
"""

    def test_a_route_with_a_login_comes_once_more_where_its_sessions_count(self) -> None:
        same = load(self.LOGIN)

        found = [
            (name_of(one.old), one.request.authority)
            for one in regions(same, same)
            if name_of(one.old) != "b"
        ]

        assert found == [
            ("pages", "some.test"),
            ("api", "some.test"),
            ("pages", "app.example"),
        ]

    def test_it_comes_once_for_each_login_of_an_origin(self) -> None:
        old = load(self.LOGIN)
        text = self.LOGIN.replace('origins: ["https://app.example", ', "origins: [")
        new = load(text)

        found = [one.request.authority for one in regions(old, new) if name_of(one.old) == "pages"]

        assert found == ["some.test", "app.example", "app.example:8443"]


# --- the law

SEGMENTS = st.sampled_from(["a", "b", "{}"])
HOSTS = st.sampled_from(
    [(), (), ("h.example",), ("*.example",), ("*.h.example", "i.test"), ("h.example", "*.test")]
)
METHODS = st.sampled_from([(), (), ("GET",), ("GET", "POST"), ("POST",)])


@st.composite
def tables(draw: st.DrawFn) -> list[Route]:
    made = []
    for number in range(draw(st.integers(1, 6))):
        parts = draw(st.lists(SEGMENTS, max_size=3))
        path = "/" + "/".join(part.replace("{}", f"{{v{at}}}") for at, part in enumerate(parts))
        end = draw(st.sampled_from(["", "", "*", "/"]))
        if end and path != "/":
            path += end.replace("*", "/*")
        elif end == "*":
            path = "/*"
        name = draw(st.sampled_from(["r", "s", "t", "u"])) + str(number)
        made.append(named(name, path, *draw(METHODS), hosts=draw(HOSTS)))
    return made


# Longer ones are owned by prefixes only.
EVERY_PATH = [
    f"/{'/'.join(parts)}"
    for length in range(1, 5)
    for parts in product(*(["abz"] * (length - 1)), ["a", "b", "z", ""])
]
EVERY_HOST = ["h.example", "x.h.example", "z.example", "i.test", "z.test", "z"]
EVERY_METHOD = ["GET", "POST", "PUT"]


def all_pairs(old: Settings, new: Settings) -> Iterator[Pair]:
    tables = old.policy, new.policy
    for host, path, method in product(EVERY_HOST, EVERY_PATH, EVERY_METHOD):
        head = RequestHead(method, host, path.encode(), ())
        pair = name_of(find_route(head, tables[0])), name_of(find_route(head, tables[1]))
        if pair != (None, None):
            yield pair


def made(routes: list[Route]) -> Settings:
    try:
        return settings(*routes)
    except RouteConflict:
        assume(condition=False)
        raise


@given(tables(), tables())
def test_every_pair_of_owners_that_a_request_has_comes_once_and_no_other(
    before: list[Route], after: list[Route]
) -> None:
    old, new = made(before), made(after)

    found = pairs(old, new)

    assert set(found) == set(all_pairs(old, new))
    assert len(found) == len(set(found))


@given(tables(), tables())
def test_the_request_of_a_region_is_one_of_it(before: list[Route], after: list[Route]) -> None:
    old, new = made(before), made(after)

    for one in regions(old, new):
        head = RequestHead(one.request.method, one.request.host, one.request.target, ())
        assert name_of(find_route(head, old.policy)) == name_of(one.old)
        assert name_of(find_route(head, new.policy)) == name_of(one.new)
        assert one.methods is None or one.request.method in one.methods


@given(tables(), st.data())
def test_leaving_out_what_is_alike_leaves_out_nothing_else(
    before: list[Route], data: st.DataObject
) -> None:
    kept = [one for one in before if data.draw(st.booleans())] or before[:1]
    old, new = (
        made(before),
        made([*kept, named("more", data.draw(st.sampled_from(["/a/*", "/{x}/b", "/a/b/"])))]),
    )

    def alike(one: Route, other: Route) -> bool:
        return (one.name, one.path) == (other.name, other.path)

    found = [
        (name_of(one.old), name_of(one.new))
        for one in find_regions(old, new, alike)
        if isinstance(one, Region)
    ]

    assert set(found) == {(one, other) for one, other in all_pairs(old, new) if one != other}
