"""What a browser adds to a request, by what sends it."""

from pathlib import Path

import pytest

from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.browsers import Browser, browser_fields
from gateway.suites.simulation.request import parse_request
from tests.suites.login_world import LOGIN_ESTATE
from tests.suites.worlds import load

UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
ORIGIN = "Origin: https://app.example"
PAGE = ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"]
PERSON = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"]
SOCKET = ["Sec-Fetch-Mode: websocket"]


@pytest.fixture(name="settings")
def make_settings(tmp_path: Path) -> Settings:
    return load(tmp_path, LOGIN_ESTATE)


def sent(
    settings: Settings,
    browser: Browser,
    method: str = "GET",
    *headers: tuple[str, str],
    url: str = "https://app.example/app/7",
) -> list[str]:
    request = parse_request(method, url, headers)
    found = browser_fields(browser, request, settings.logins)
    return [f"{name.decode()}: {value.decode()}" for name, value in found]


@pytest.mark.parametrize(
    ("browser", "method", "expected"),
    [
        (Browser.PAGE, "GET", PAGE),
        (Browser.PAGE, "POST", [ORIGIN, *PAGE, "X-CSRF: 1"]),
        (Browser.NAVIGATION, "GET", ["Sec-Fetch-Site: none", *PERSON]),
        (Browser.NAVIGATION, "POST", [ORIGIN, "Sec-Fetch-Site: same-origin", *PERSON]),
        (Browser.OTHER_SITE, "GET", ["Sec-Fetch-Site: cross-site", *PERSON]),
        (
            Browser.OTHER_SITE,
            "POST",
            ["Origin: https://other-site.example", "Sec-Fetch-Site: cross-site", *PERSON],
        ),
    ],
)
def test_the_sender_decides_what_is_added(
    browser: Browser, method: str, expected: list[str], settings: Settings
) -> None:
    assert sent(settings, browser, method) == expected


@pytest.mark.parametrize(
    ("browser", "first"),
    [(Browser.PAGE, ORIGIN), (Browser.OTHER_SITE, "Origin: https://other-site.example")],
)
def test_a_handshake_has_an_origin_and_no_field_of_ours(
    browser: Browser, first: str, settings: Settings
) -> None:
    found = sent(settings, browser, "GET", *UPGRADE)

    assert found[0] == first
    assert "Sec-Fetch-Mode: websocket" in found
    assert not any(line.startswith(("X-CSRF", "Accept")) for line in found)


def test_what_the_request_itself_says_is_kept(settings: Settings) -> None:
    found = sent(settings, Browser.PAGE, "POST", ("origin", "https://x"), ("X-CSRF", "0"))

    assert found == PAGE


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:8080/app/7", "Origin: http://localhost:8080"),
        ("https://LOCALHOST:8080/app/7", "Origin: http://localhost:8080"),
        ("https://elsewhere.example/app/7", "Origin: https://elsewhere.example"),
    ],
)
def test_the_origin_is_that_of_the_host(url: str, origin: str, settings: Settings) -> None:
    assert sent(settings, Browser.PAGE, "POST", url=url)[0] == origin
