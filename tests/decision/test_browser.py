"""Which requests of browsers navigate, and which may change state by session."""

import pytest

from gateway.decision.browser import BrowserFields, is_forged, is_navigation

ORIGINS = frozenset((b"https://app.example.com", b"https://admin.example.com"))
PAGE = BrowserFields(b"app.example.com", site=b"none", mode=b"navigate", destination=b"document")
FETCH = BrowserFields(
    b"app.example.com",
    origin=b"https://app.example.com",
    site=b"same-origin",
    mode=b"cors",
    destination=b"empty",
    csrf=b"1",
)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_person_who_goes_to_a_page_navigates(method: str) -> None:
    assert is_navigation(method, PAGE)


@pytest.mark.parametrize(
    ("method", "browser"),
    [
        ("POST", PAGE),
        ("GET", FETCH),
        ("GET", PAGE._replace(destination=b"iframe")),
        ("GET", PAGE._replace(destination=b"")),
        ("GET", PAGE._replace(purpose=b"prefetch")),
        ("GET", PAGE._replace(purpose=b"prefetch;prerender")),
        ("GET", BrowserFields(b"app.example.com", accept=b"text/html", purpose=b"Prefetch")),
        ("GET", PAGE._replace(mode=b"")),
        ("GET", PAGE._replace(mode=b"websocket", wants_websocket=True)),
        ("GET", BrowserFields(b"app.example.com", accept=b"text/html", wants_websocket=True)),
        ("GET", BrowserFields(b"app.example.com", site=b"same-origin", accept=b"text/html")),
        ("GET", BrowserFields(b"app.example.com")),
        ("GET", BrowserFields(b"app.example.com", accept=b"*/*")),
        ("GET", BrowserFields(b"app.example.com", accept=b"application/json")),
    ],
)
def test_nothing_else_navigates(method: str, browser: BrowserFields) -> None:
    assert not is_navigation(method, browser)


def test_an_old_browser_navigates_if_it_accepts_html_by_name() -> None:
    accept = b"application/xhtml+xml, Text/HTML;q=0.9, */*;q=0.8"

    assert is_navigation("GET", BrowserFields(b"app.example.com", accept=accept))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_request_that_changes_nothing_needs_no_proof(method: str) -> None:
    assert is_forged(method, BrowserFields(b"app.example.com"), ORIGINS) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "get"])
def test_any_other_method_passes_from_an_origin_with_the_field(method: str) -> None:
    assert is_forged(method, FETCH, ORIGINS) is None


@pytest.mark.parametrize(
    "browser",
    [
        FETCH._replace(origin=b""),
        FETCH._replace(site=b""),
        FETCH._replace(origin=b"https://admin.example.com"),
    ],
)
def test_one_of_the_two_fields_suffices(browser: BrowserFields) -> None:
    assert is_forged("POST", browser, ORIGINS) is None


@pytest.mark.parametrize(
    ("browser", "why"),
    [
        (FETCH._replace(csrf=b""), "X-CSRF"),
        (FETCH._replace(csrf=b"true"), "X-CSRF"),
        (FETCH._replace(origin=b"", site=b""), "neither"),
        (FETCH._replace(origin=b"https://evil.example"), "Origin"),
        (FETCH._replace(origin=b"null"), "Origin"),
        (FETCH._replace(origin=b"https://app.example.com.evil.example"), "Origin"),
        (FETCH._replace(origin=b"http://app.example.com"), "Origin"),
        (FETCH._replace(site=b"same-site"), "Sec-Fetch-Site"),
        (FETCH._replace(site=b"cross-site"), "Sec-Fetch-Site"),
        (FETCH._replace(site=b"none"), "Sec-Fetch-Site"),
        (FETCH._replace(origin=b"", site=b"cross-site"), "Sec-Fetch-Site"),
    ],
)
def test_a_request_that_another_site_may_have_caused_is_forged(
    browser: BrowserFields, why: str
) -> None:
    """10017.3."""
    assert why in (is_forged("POST", browser, ORIGINS) or "")


def test_a_websocket_needs_an_origin_and_no_field() -> None:
    own = BrowserFields(b"app.example.com", b"https://app.example.com", wants_websocket=True)

    assert is_forged("GET", own, ORIGINS) is None
    for origin in (b"", b"null", b"https://evil.example"):
        assert is_forged("GET", own._replace(origin=origin), ORIGINS) is not None
