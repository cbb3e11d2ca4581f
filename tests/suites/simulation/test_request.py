"""A request is what its URL says, to the byte."""

import pytest

from gateway.suites.simulation.request import BadRequestError, SimulatedRequest, parse_request


@pytest.mark.parametrize(
    ("url", "authority", "host", "target"),
    [
        ("https://api.example.com/a", "api.example.com", "api.example.com", b"/a"),
        ("http://API.Example.com.:8080/a", "API.Example.com.:8080", "api.example.com", b"/a"),
        ("HTTPS://h", "h", "h", b"/"),
        ("https://h?x=1", "h", "h", b"/?x=1"),
        ("https://h/a?x=/b", "h", "h", b"/a?x=/b"),
        ("https://h/%2e%2E//a/../b;c", "h", "h", b"/%2e%2E//a/../b;c"),
        ("https://[2001:DB8::0:1]:8443/a", "[2001:DB8::0:1]:8443", "[2001:db8::1]", b"/a"),
    ],
)
def test_a_url_is_taken_apart_and_nothing_else(
    url: str, authority: str, host: str, target: bytes
) -> None:
    assert parse_request("GET", url) == SimulatedRequest("GET", authority, host, target)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "not a URL"),
        ("/a", "not a URL"),
        ("api.example.com/a", "not a URL"),
        ("ftp://h/a", "not a URL"),
        ("https:/h/a", "not a URL"),
        ("https:///a", "no valid host"),
        ("https://u:p@h/a", "no valid host"),
        ("https://a,b/", "no valid host"),
        ("https://h/a#b", "a fragment is never sent"),
        ("https://h/a b", "plain ASCII"),
        ("https://h/ä", "plain ASCII"),
        ("https://h/\x00", "plain ASCII"),
    ],
)
def test_what_no_client_could_send_is_refused(url: str, problem: str) -> None:
    with pytest.raises(BadRequestError, match=problem):
        parse_request("GET", url)


def test_fields_keep_their_order() -> None:
    request = parse_request("PUT", "https://h", [("B", "1"), ("A", "2"), ("B", "3")])

    assert request.headers == (("B", "1"), ("A", "2"), ("B", "3"))


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\nX: y", "GET:", "G\u00e9T"])
def test_a_method_is_a_token(method: str) -> None:
    with pytest.raises(BadRequestError, match="not a method"):
        parse_request(method, "https://h")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("", "x", "not the name of a header field"),
        ("A B", "x", "not the name of a header field"),
        ("A\r\nB", "x", "not the name of a header field"),
        ("A:", "x", "not the name of a header field"),
        ("A", "x\r\nB: y", "the value of A has control characters"),
        ("A", "\0", "the value of A has control characters"),
        ("A", "\udc80", "the value of A has control characters"),
    ],
)
def test_a_field_that_would_be_another_or_none_is_refused(
    name: str, value: str, problem: str
) -> None:
    with pytest.raises(BadRequestError, match=problem):
        parse_request("GET", "https://h", [("Good", "zo\u00eb\t1"), (name, value)])


def test_a_request_has_a_line_for_people() -> None:
    assert parse_request("GET", "https://h:1/a?b").line == "GET h:1/a?b"
