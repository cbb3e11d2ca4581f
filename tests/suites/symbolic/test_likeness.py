"""Which tries lead to the same, and which to something wherever others do."""

import pytest

from gateway.decision.routes.routing import Route
from gateway.suites.symbolic.likeness import Likeness
from gateway.suites.symbolic.tries import HostTries, Node
from tests.suites.symbolic.tables import named


def root(*routes: Route | str) -> Node:
    made = [named(one, one) if isinstance(one, str) else one for one in routes]
    return HostTries(made).roots[""]


def likeness() -> Likeness:
    return Likeness(lambda one, other: one.name == other.name)


def test_what_has_the_same_templates_and_routes_is_the_same() -> None:
    one, other = root("/a/{x}", "/b/*", "/b"), root("/b", "/a/{x}", "/b/*")

    assert likeness().same(one, other)


@pytest.mark.parametrize(
    "other",
    [
        ["/a/{x}", "/b/*"],
        ["/a/{x}", "/b/*", "/b", "/c"],
        ["/a/{x}", "/b/*", named("other", "/b")],
        ["/a/{x}", "/b/*", named("/b", "/b", "GET")],
        [named("/a/{x}", "/a/x"), "/b/*", "/b"],
        ["/a/{x}", named("/b/*", "/b/"), "/b"],
    ],
)
def test_what_differs_in_anything_is_not_the_same(other: list[Route | str]) -> None:
    known = likeness()

    assert not known.same(root("/a/{x}", "/b/*", "/b"), root(*other))


def test_a_route_is_like_no_missing_one() -> None:
    route = named("a", "/a")

    assert likeness().are_alike(route, route)
    assert likeness().are_alike(None, None)
    assert not likeness().are_alike(None, route)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["/*"], ["/", "/a/b", "/{x}/*"]),
        (["/{x}", "/{x}/b"], ["/a/b", "/a"]),
        (["/a", "/b", "/{x}/c"], ["/a", "/{x}/c"]),
        (["/a/", "/a/*"], ["/a/"]),
    ],
)
def test_a_trie_covers_what_has_no_other_paths(one: list[str], other: list[str]) -> None:
    assert likeness().covers(root(*one), root(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["/a/*"], ["/a"]),
        (["/a"], ["/a", "/b"]),
        (["/a", "/b"], ["/{x}"]),
        (["/{x}"], ["/"]),
        (["/{x}", "/{x}/{y}"], ["/*"]),
        (["/a", "/b", "/c"], ["/a/b"]),
    ],
)
def test_a_trie_does_not_cover_what_has_a_path_more(one: list[str], other: list[str]) -> None:
    assert not likeness().covers(root(*one), root(*other))


def test_a_prefix_that_is_reached_covers_all() -> None:
    prefix, rest = root("/*").prefix, root("/a")
    assert prefix is not None

    assert likeness().covers(prefix, rest)
    assert not likeness().covers(rest, prefix)
    assert not likeness().same(prefix, rest)
