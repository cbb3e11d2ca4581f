"""One request head as a whole: faults that only show when all of it is known."""

from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.cookies import SESSION_COOKIE, OwnCookies
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import CONNECTION, TE
from gateway.http.reading.request import HTTP_1_0, HTTP_1_1, HTTP_2, Request


def make(method: str = "GET", target: bytes = b"/x", **fields: Any) -> Request:
    section = Fields()
    section.host = b"a.test"
    for name, value in fields.items():
        setattr(section, name, value)
    return Request(method, target, section)


def reason_of(request: Request) -> Reason | None:
    request.check(100, b"jwt-gateway-1234")
    return None if request.fields.fault is None else request.fields.fault.reason


def test_a_usual_request_has_no_fault() -> None:
    assert reason_of(make()) is None


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "DESCRIBE", "PLAY", "SOURCE"])
def test_methods_that_ask_for_something_else_are_not_supported(method: str) -> None:
    """9110.5, 9110.11."""
    assert reason_of(make(method)) is Reason.NOT_SUPPORTED


def test_a_long_target_is_told_before_anything_else() -> None:
    assert reason_of(make("TRACE", b"/" + b"x" * 100)) is Reason.TARGET_TOO_LONG


def test_no_host_and_a_loop_are_malformed() -> None:
    """9112.1, 9110.3."""
    assert reason_of(make(host=b"")) is Reason.REQUEST_MALFORMED
    assert reason_of(make(via=b"1.1 jwt-gateway-1234")) is Reason.REQUEST_MALFORMED
    assert reason_of(make(via=b"1.1 jwt-gateway-9999")) is None


def test_chunks_in_http_1_0_are_malformed() -> None:
    """9112.9."""
    request = make(is_chunked=True)
    request.version = HTTP_1_0

    assert reason_of(request) is Reason.REQUEST_MALFORMED


@pytest.mark.parametrize(
    ("target", "host", "origin_form"),
    [
        (b"http://b.test/y?z=1", b"b.test", b"/y?z=1"),
        (b"HTTPS://b.test:8443", b"b.test:8443", b"/"),
        (b"http://b.test?z", b"b.test", b"/?z"),
        (b"http://u@b.test/y", b"a.test", b"http://u@b.test/y"),
        (b"http:///y", b"a.test", b"http:///y"),
        (b"http://b.test/y#z", b"a.test", b"http://b.test/y#z"),
        (b"*", b"a.test", b"*"),
    ],
)
def test_an_absolute_form_becomes_origin_form(
    target: bytes, host: bytes, origin_form: bytes
) -> None:
    """9112.5; what is left in another form, no path rule takes."""
    request = make(target=target)
    request.check(100, b"jwt-gateway-1234")

    assert (request.fields.host, request.target) == (host, origin_form)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"upgrade": b"websocket"}, None),
        ({"upgrade": b"websocket, h2c"}, Reason.NOT_SUPPORTED),
        ({"upgrade": b""}, Reason.NOT_SUPPORTED),
        ({"upgrade": b"websocket", "content_length": 0}, Reason.REQUEST_MALFORMED),
        ({"upgrade": b"websocket", "is_chunked": True}, Reason.REQUEST_MALFORMED),
    ],
)
def test_an_upgrade_asks_for_one_protocol_and_has_no_body(
    fields: dict[str, Any], reason: Reason | None
) -> None:
    request = make(**fields)
    request.wants_upgrade = True

    assert reason_of(request) is reason
    assert not request.has_body()
    assert not request.keep_alive


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"content_length": 0}, False),
        ({"content_length": 1}, True),
        ({"is_chunked": True}, True),
    ],
)
def test_a_body_is_one_that_has_a_framing(fields: dict[str, Any], expected: bool) -> None:
    assert make(**fields).has_body() is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"content_length": 64 * 1024}, True),
        ({"content_length": 64 * 1024 + 1}, False),
        ({"is_chunked": True}, False),
        ({"content_length": 1, "expects_continue": True}, False),
    ],
)
def test_only_a_short_body_that_comes_unasked_is_waited_for(
    fields: dict[str, Any], expected: bool
) -> None:
    assert make(**fields).body_ends_soon() is expected


def test_what_is_forwarded_by_a_session_says_nothing_about_the_next_request() -> None:
    """A stream is judged again by fields without X-CSRF; the next request still has it."""
    cookies = OwnCookies([(SESSION_COOKIE, "s1")])
    request = make(cookies=cookies, lines=[b"\r\nX-CSRF: ", b"1"])
    received = request.fields
    request.fields = received.for_session(object(), ())

    assert request.browser().csrf == b""
    assert Request("POST", b"/x", received).browser().csrf == b"1"


@pytest.mark.parametrize(
    ("version", "values", "connection", "accepts"),
    [
        (HTTP_1_1, [b"trailers"], b"TE", True),
        (HTTP_1_1, [b"gzip;q=0.5, Trailers "], b"close, te", True),
        (HTTP_1_1, [b"gzip", b"trailers"], b"TE", True),
        (HTTP_1_1, [b"trailers", b"gzip"], b"TE", True),
        (HTTP_1_1, [b"trailers"], b"", False),  # it may be what another hop reads
        (HTTP_1_1, [b"x-trailers"], b"TE", False),
        (HTTP_1_1, [b""], b"TE", False),
        (HTTP_1_1, [], b"TE", False),
        (HTTP_2, [b"trailers"], b"", True),
        (HTTP_2, [], b"", False),
    ],
)
def test_a_client_reads_trailers_if_it_says_so(
    version: int, values: list[bytes], connection: bytes, accepts: bool
) -> None:
    """9110.15."""
    request = make()
    request.version = version
    for value in values:
        request.fields.add_special(TE, value)
    if connection:
        request.fields.add_special(CONNECTION, connection)

    assert request.accepts_trailers() is accepts
    assert request.fields.with_authorization(b"x").accepts_trailers is any(
        b"trailers" in value.lower().replace(b"x-trailers", b"") for value in values
    )
    assert request.fields.is_plain
