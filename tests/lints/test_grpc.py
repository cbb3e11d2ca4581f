"""Routes and upstreams that no call of gRPC, or of gRPC-Web, can use are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

CALLS = "upstreams:\n  orders: {servers: ['http://10.0.0.7:8000'], protocol: h2c}\n"
WEB = CALLS.replace("h2c}", "h2c, grpc_web: true}")
SITE = "  pages: {servers: ['http://10.0.0.8:8000']}\n"
PREFIX = "calls, match: {path_prefix: /shop.Orders/}, require: {}"
CORS = ", cors: {origins: [https://a.example]}"


@pytest.mark.parametrize(
    ("route", "upstreams", "message"),
    [
        (
            "calls, match: {path_prefix: /shop.Orders/}, require: {}, upstream: ¦orders",
            CALLS.replace(", protocol: h2c", ""),
            "`orders` receives HTTP/1.1: add `protocol: h2c` to it",
        ),
        (
            "calls, match: {path: /shop.v1.Orders/Get}, require: {}, upstream: ¦orders",
            CALLS.replace(", protocol: h2c", "").replace("http:", "https:"),
            "add `protocol: h2` to it",
        ),
        (
            "calls, match: {path_prefix: /shop.Orders/, methods: ¦[GET]}, require: {}",
            CALLS,
            "write `methods: [POST]`",
        ),
        (
            "calls, match: {path: ¦/shop.Orders}, require: {}",
            CALLS,
            "write `path_prefix: /shop.Orders/`",
        ),
    ],
)
def test_a_route_that_no_call_can_come_through_is_found(
    route: str, upstreams: str, message: str, tmp_path: Path
) -> None:
    text = config(upstreams=upstreams, routes=routes(route))

    assert_warned(tmp_path, "calls_unreachable", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert message in fault.message


def test_clients_that_may_not_speak_http_2_can_only_call_by_grpc_web(tmp_path: Path) -> None:
    off = "http2: false\n"
    marked = PREFIX.replace("match: {", "match: ¦{")
    text = config(upstreams=CALLS, routes=routes(marked)) + off

    assert_warned(tmp_path, "calls_unreachable", text)
    web = config(upstreams=WEB, routes=routes(PREFIX + CORS)) + off
    assert warnings(tmp_path, web) == ()


@pytest.mark.parametrize(
    ("route", "upstreams"),
    [
        (PREFIX, CALLS),
        ("calls, match: {path: /shop.Orders/Get, methods: [POST]}, require: {}", CALLS),
        ("rest, match: {path: /orders/list}, require: {}", CALLS.replace(", protocol: h2c", "")),
        ("file, match: {path: /site.css}, require: {}", CALLS.replace(", protocol: h2c", "")),
        ("file, match: {path: /a.Readme.TXT}, require: {}", CALLS.replace(", protocol: h2c", "")),
        ("rest, match: {path: '/{a}/Get'}, require: {}", CALLS.replace(", protocol: h2c", "")),
    ],
)
def test_other_routes_are_not(route: str, upstreams: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, config(upstreams=upstreams, routes=routes(route))) == ()


def test_grpc_web_that_no_page_can_read_is_found(tmp_path: Path) -> None:
    text = config(upstreams=WEB.replace("grpc_web", "¦grpc_web"), routes=routes(PREFIX))

    assert_warned(tmp_path, "calls_unreadable", text)
    page = "page, match: {path_prefix: /}, public: true, upstream: pages"
    assert warnings(tmp_path, config(upstreams=WEB, routes=routes(PREFIX + CORS))) == ()
    own = config(upstreams=WEB + SITE, routes=routes(PREFIX, page))
    assert warnings(tmp_path, own) == ()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", methods: ¦[GET]", "write `methods: [POST]`"),
        (", headers: ¦[X-Own]", "add `Authorization`"),
    ],
)
def test_calls_that_cors_refuses_are_found(more: str, message: str, tmp_path: Path) -> None:
    cors = f", cors: {{origins: [https://a.example]{more}}}"
    text = config(upstreams=WEB, routes=routes(PREFIX + cors))

    assert_warned(tmp_path, "calls_unreadable", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert message in fault.message
    public = config(
        upstreams=WEB,
        routes=routes(
            PREFIX.replace("require: {}", "public: true") + ", cors: {origins: [https://a.example],"
            " headers: [X-Own]}"
        ),
    )
    assert not [one for one in warnings(tmp_path, public) if one.code.value == "calls_unreadable"]
