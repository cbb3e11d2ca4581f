"""Who may read the refusal of a path: pages that may read answers of a route of the same host."""

import re

import pytest

from gateway.decision.routes.routing import Route
from gateway.http.host_cors import HostCors
from gateway.settings.values.cors import Cors
from gateway.settings.values.route_options import RouteOptions
from tests.decision.policies import route

APP, SHOP, ANY = b"https://app.test", b"https://shop.test", b"https://any.test"


def cors(*origins: bytes, pattern: bytes | None = None, is_open: bool = False) -> Cors:
    patterns = {} if pattern is None else {pattern: re.compile(pattern)}
    return Cors(frozenset(origins), patterns, is_open, frozenset(), b"", b"", False, 5)


def sharing(*parts: tuple[tuple[str, ...], Cors | None]) -> tuple[HostCors, list[Route]]:
    routes = [
        route(f"/{index}", index=index, hosts=hosts) for index, (hosts, _) in enumerate(parts)
    ]
    route_options = [RouteOptions(9.0, 9.0, None, frozenset(), None, one) for _, one in parts]
    return HostCors(routes, route_options), routes


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("a.test", APP, 0),
        ("a.test", SHOP, 3),
        ("b.test", APP, None),
        ("x.y.test", SHOP, 1),
        ("y.test", APP, None),
        ("y.test", SHOP, 3),
        ("a.test", b"https://p7.test", 2),
        ("b.test", b"https://p7.test", None),
        ("open.test", ANY, 4),
        ("b.test", ANY, None),
        ("a.test", b"", None),
    ],
)
def test_the_first_route_of_the_host_whose_answers_the_page_may_read_lends_its_word(
    host: str, origin: bytes, expected: int | None
) -> None:
    found, routes = sharing(
        (("a.test",), cors(APP)),
        (("*.y.test",), cors(SHOP)),
        (("a.test", "*.y.test"), cors(pattern=b"https://p[0-9].test")),
        ((), cors(SHOP)),
        (("open.test",), cors(is_open=True)),
        (("b.test",), None),
    )

    answer = found.find(host, origin)

    assert (None if answer is None else routes.index(answer[0])) == expected


def test_where_no_route_says_anything_nobody_may() -> None:
    assert not sharing(((), None))[0]
    assert not HostCors((), ())
    for one in (cors(APP), cors(pattern=b"x"), cors(is_open=True)):
        assert sharing(((), one))[0]
