"""The heads of requests, whatever is in them."""

from dataclasses import replace

from gateway.suites.hostile.heads import authorization, show, write_head
from gateway.suites.request import parse_request


def test_fields_stand_in_front_of_the_requests_own() -> None:
    request = parse_request("PUT", "https://a.example:8443/x?y=1", [("X-Own", "1")])

    head = write_head(request, (b"X-Bad", b"\xff"), *authorization(b"Bearer a", b""))

    assert head == (
        b"PUT /x?y=1 HTTP/1.1\r\nHost: a.example:8443\r\nX-Bad: \xff\r\n"
        b"Authorization: Bearer a\r\nAuthorization: \r\nX-Own: 1\r\n\r\n"
    )


def test_a_target_in_absolute_form_is_shown_as_it_is() -> None:
    request = parse_request("GET", "https://a.example/x")

    assert show(request) == "GET a.example/x"
    assert show(replace(request, target=b"http://b.example/x")) == (
        "GET http://b.example/x (Host: a.example)"
    )
