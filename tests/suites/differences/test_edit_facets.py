"""What a route changes is told, and what it does not change is not."""

import re

from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.route_facets import edit_facets
from tests.decision.policies import route


def facets(rewrite: Rewrite | None = None, cors: Cors | None = None) -> dict[str, Facet]:
    return edit_facets(route("/api/v1/*"), RouteOptions(9.0, 9.0, None, frozenset(), rewrite, cors))


def told(rewrite: Rewrite | None = None, cors: Cors | None = None) -> dict[str, str]:
    found = facets(rewrite, cors)
    return {name: facet.text for name, facet in found.items()}


def test_nothing_is_told_of_a_route_that_changes_nothing() -> None:
    assert told(None) == told(Rewrite()) == {}


def test_each_change_is_told() -> None:
    rewrite = Rewrite(
        1,
        b"/v2",
        b"shop.example",
        FieldEdits(frozenset({b"x-a", b"cookie"}), b"\r\nX-A: 1\r\nX-B: 2"),
        FieldEdits(frozenset({b"server"})),
        QueryEdits(frozenset({b"debug", b"page"}), b"page=1"),
    )

    assert told(rewrite) == {
        "rewrite.path": "/api becomes /v2",
        "rewrite.host": "shop.example",
        "rewrite.request_headers": "without cookie, x-a, with X-A: 1, X-B: 2",
        "rewrite.answer_headers": "without server",
        "rewrite.query": "without debug, page, with page=1",
    }
    assert told(Rewrite(2, host=HostField.UPSTREAM)) == {
        "rewrite.path": "/api/v1 becomes nothing",
        "rewrite.host": "the server's own",
    }


def test_what_is_sent_is_what_is_compared() -> None:
    def values(rewrite: Rewrite) -> list[object]:
        return [one.value for one in facets(rewrite).values()]

    assert values(Rewrite(1)) != values(Rewrite(2))
    assert values(Rewrite(1)) != values(Rewrite(1, b"/v2"))
    assert values(Rewrite(1)) == values(Rewrite(1))


def test_what_browsers_are_told_is_one_thing() -> None:
    wildcard = {b"https://*.b": re.compile(b"https://[a-z]+[.]b")}
    cors = Cors(frozenset({b"https://a"}), wildcard, False, frozenset(), b"A", b"B", True, 5)

    assert told(None, cors) == {
        "cors": "https://*.b, https://a with credentials: any method, with A, reading B, kept 5 s"
    }
