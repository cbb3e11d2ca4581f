"""What browsers are told depends on the origin, the method and the route alone."""

import pytest

from gateway.decision.verdict import Publish
from gateway.http.cors import (
    cors_fields,
    find_preflight,
    make_preflight,
    refused_path_fields,
    without_cors_fields,
)
from gateway.http.host_cors import HostCors
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import Request
from gateway.settings.values.cors import Cors
from gateway.settings.values.route_options import RouteOptions
from tests.decision.policies import policy, route

APP = b"https://app.example.com"
CORS = Cors(frozenset({APP}), {}, False, frozenset({"GET", "PUT"}), b"A", b"B", True, 5)
POLICY = policy(
    route("/a", methods=frozenset({"GET", "PUT"})), route("/b", index=1), route("/c/*", index=2)
)
OPEN = Cors(frozenset(), {}, True, frozenset(), b"A", b"B", False, 5)
ROUTE_OPTIONS = [
    RouteOptions(9.0, 9.0, None, frozenset(), None, cors) for cors in (CORS, None, OPEN)
]
SHARING = HostCors(POLICY.routes.routes, ROUTE_OPTIONS)


def asked(target: bytes, method: str, **names: bytes) -> Request:
    fields = Fields()
    for name, value in names.items():
        fields.lines += [b"\r\n" + name.replace("_", "-").encode() + b": ", value]
    return Request(method, target, fields)


def preflight(target: bytes, method: bytes = b"PUT", origin: bytes = APP) -> Publish | None:
    request = asked(target, "OPTIONS", origin=origin, access_control_request_method=method)
    return find_preflight(request, "h", POLICY, ROUTE_OPTIONS, SHARING)


VARY = b"\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def test_an_origin_that_may_is_told_what() -> None:
    answer = preflight(b"/a?x")

    assert answer is not None
    assert answer.route is POLICY.routes.routes[0]
    assert answer.fields == (
        b"\r\nAccess-Control-Allow-Origin: https://app.example.com"
        b"\r\nAccess-Control-Allow-Credentials: true"
        b"\r\nAccess-Control-Allow-Methods: GET, PUT"
        b"\r\nAccess-Control-Allow-Headers: A\r\nAccess-Control-Max-Age: 5" + VARY
    )


def test_one_that_may_not_is_told_nothing() -> None:
    answer = preflight(b"/a", origin=b"https://evil.test")

    assert answer is not None
    assert answer.fields == VARY


def test_a_route_of_all_methods_names_the_one_that_is_asked_for() -> None:
    answer = preflight(b"/c/x", method=b"BREW", origin=b"null")

    assert answer is not None
    assert b"\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: BREW\r\n" in (
        answer.fields
    )


@pytest.mark.parametrize(
    ("target", "method", "origin"),
    [
        (b"/b", b"PUT", APP),
        (b"/nowhere", b"PUT", APP),
        (b"/a", b"DELETE", APP),
        (b"/a", b"", APP),
        (b"/a", b"PUT, GET", APP),
        (b"/a", b"P" * 33, APP),
        (b"/a", b"PUT", b""),
    ],
)
def test_all_else_is_no_preflight_of_a_route(target: bytes, method: bytes, origin: bytes) -> None:
    assert preflight(target, method, origin) is None


def test_a_page_may_ask_for_a_path_that_is_refused_or_it_could_not_read_why() -> None:
    """By the first route that it may read, without credentials, and whatever the method."""
    answer = preflight(b"/a[1]", method=b"DELETE")

    assert answer is not None
    assert (answer.status, answer.is_lent, answer.route) == (204, True, POLICY.routes.routes[0])
    assert answer.fields == (
        b"\r\nAccess-Control-Allow-Origin: https://app.example.com"
        b"\r\nAccess-Control-Allow-Methods: DELETE"
        b"\r\nAccess-Control-Allow-Headers: A\r\nAccess-Control-Max-Age: 5" + VARY
    )


def test_the_refusal_of_a_path_is_for_pages_that_may_read_anything_of_the_host() -> None:
    only = HostCors(POLICY.routes.routes[:1], ROUTE_OPTIONS)
    none = HostCors((), ())

    def told(sharing: HostCors, origin: bytes) -> bytes:
        request = asked(b"/a[1]", "GET", origin=origin)
        request.fields.host = b"h"
        return refused_path_fields(sharing, request)

    assert told(only, APP) == (
        b"\r\nAccess-Control-Allow-Origin: https://app.example.com"
        b"\r\nAccess-Control-Expose-Headers: B\r\nVary: Origin"
    )
    assert told(only, b"https://evil.test") == b"\r\nVary: Origin"
    assert told(only, b"") == b"\r\nVary: Origin"
    assert told(none, APP) == b""


def test_another_method_is_no_preflight() -> None:
    request = asked(b"/a", "GET", origin=APP, access_control_request_method=b"PUT")

    assert find_preflight(request, "h", POLICY, ROUTE_OPTIONS, SHARING) is None


def test_nobody_is_asked_where_no_route_says_anything() -> None:
    none = [ROUTE_OPTIONS[1]] * 3
    assert make_preflight(POLICY, none, HostCors(POLICY.routes.routes, none)) is None
    assert make_preflight(POLICY, ROUTE_OPTIONS, SHARING) is not None


def test_an_answer_is_shared_with_its_origin_by_the_methods_that_are() -> None:
    shared = cors_fields(CORS, asked(b"/a", "GET", Origin=APP))

    assert shared == (
        b"\r\nAccess-Control-Allow-Origin: https://app.example.com"
        b"\r\nAccess-Control-Allow-Credentials: true"
        b"\r\nAccess-Control-Expose-Headers: B\r\nVary: Origin"
    )
    for request in (
        asked(b"/a", "GET"),
        asked(b"/a", "DELETE", origin=APP),
        asked(b"/a", "GET", origin=b"null"),
        asked(b"/a", "GET", origin=APP, Origin=APP),
    ):
        assert cors_fields(CORS, request) == b"\r\nVary: Origin"
    assert cors_fields(None, asked(b"/a", "GET", origin=APP)) == b""


def test_what_a_service_says_itself_is_taken_out() -> None:
    fields = b"\r\nAccess-Control-Allow-Origin: *\r\nETag: a\r\naccess-control-max-age: 5"

    assert without_cors_fields(fields) == b"\r\nETag: a"
