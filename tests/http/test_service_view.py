"""What a service sees of a route's paths, and where two routes have one in common."""

import pytest

from gateway.http.service_view import make_view, meetings
from gateway.settings.values.rewrite import HostField, Rewrite
from tests.decision.policies import route


def seen(path: str, rewrite: Rewrite | None) -> str:
    view = make_view(route(path), rewrite)
    return "/".join(one if isinstance(one, str) else "{}" for one in view.segments)


@pytest.mark.parametrize(
    ("path", "rewrite", "expected"),
    [
        ("/a/b", None, "a/b"),
        ("/a/b", Rewrite(1), "b"),
        ("/a/b", Rewrite(2), ""),
        ("/a/b", Rewrite(2, b"/c/d"), "c/d"),
        ("/a/{x}/*", Rewrite(1, b"/caf%C3%A9"), "café/{}"),
        ("/a/", Rewrite(1), ""),
        ("/a/*", Rewrite(1), ""),
    ],
)
def test_a_view_is_the_template_with_its_beginning_replaced(
    path: str, rewrite: Rewrite | None, expected: str
) -> None:
    assert seen(path, rewrite) == expected


def test_only_another_path_is_rewritten() -> None:
    assert not make_view(route("/a/*"), None).is_rewritten
    assert not make_view(route("/a/*"), Rewrite(host=HostField.UPSTREAM)).is_rewritten
    assert not make_view(route("/a/*"), Rewrite(1, b"/a")).is_rewritten
    assert make_view(route("/a/*"), Rewrite(1)).is_rewritten


def test_what_is_sent_leads_back_to_what_was_asked() -> None:
    assert make_view(route("/a/b/*"), Rewrite(1, b"/c/d")).ask(("c", "d", "b", "x")) == (
        "a",
        "b",
        "x",
    )
    assert make_view(route("/a/b"), Rewrite(2)).ask(("",)) == ("a", "b")
    assert make_view(route("/a/{x}"), Rewrite(1)).variables == {"x": 0}


def common(first: str, second: str) -> list[str]:
    views = make_view(route(first), None), make_view(route(second), None)
    return ["/".join(one) for one in meetings(*views, "x", 2)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("/a", "/a", ["a"]),
        ("/a", "/b", []),
        ("/a", "/a/b", []),
        ("/{v}", "/a", ["a"]),
        ("/{v}", "/{w}", ["x"]),
        ("/a/{v}", "/a/", []),
        ("/a/", "/a/*", ["a/"]),
        ("/a", "/a/*", []),
        ("/a/{v}/b", "/{w}/*", ["a/x/b"]),
        ("/a/*", "/{v}/b/*", ["a/b/x", "a/b/"]),
        ("/*", "/a/*", ["a/x", "a/", "a/x/x", "a/x/"]),
    ],
)
def test_two_templates_have_the_paths_that_both_match(
    first: str, second: str, expected: list[str]
) -> None:
    assert common(first, second) == expected
    assert common(second, first) == expected
