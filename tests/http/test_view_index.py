"""Whoever has a path in common with a route is found near it."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.service_view import ServiceView, make_view, meetings
from gateway.http.view_index import ViewIndex
from tests.decision.policies import route

PATHS = st.lists(st.sampled_from(["a", "b", "{v}", "{w}"]), max_size=3, unique=True).flatmap(
    lambda parts: st.sampled_from(["/*", "/", ""] if parts else ["/*", "/"]).map(
        lambda end: "".join(f"/{one}" for one in parts) + end
    )
)


def views(*paths: str) -> list[ServiceView]:
    return [make_view(route(path), None) for path in paths]


@given(st.lists(PATHS, min_size=1, max_size=8))
def test_no_view_with_a_path_in_common_is_left_out(paths: list[str]) -> None:
    every = views(*paths)
    index = ViewIndex(every)

    for one in every:
        near = list(index.near(one))
        assert len({id(other) for other in near}) == len(near)
        for other in every:
            assert other in near or not list(meetings(one, other, "x", 5))


def test_a_view_that_has_none_is_not_looked_at() -> None:
    own, *others = views("/a/b/*", "/a/c", "/b/*", "/a", "/a/b", "/c/{v}")

    assert list(ViewIndex([own, *others]).near(own)) == [own]


def test_views_of_one_kind_can_be_left_out() -> None:
    every = views("/a/b/*", "/a/*", "/a/{v}", "/{v}/c", "/*")
    index = ViewIndex(every, lambda view: view.route.path)

    near = list(index.near(every[1], "/a/{v}"))

    assert every[2] not in near
    assert {id(one) for one in index.near(every[1])} == {id(one) for one in (*near, every[2])}
