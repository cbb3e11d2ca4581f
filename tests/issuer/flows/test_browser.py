"""The cookies of the issuer."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from tests.issuer.running import Browser, RunningIssuer, authorize_target


def cookies(browser: Browser) -> dict[str, dict[str, str]]:
    return {cookie.key: dict(cookie) for cookie in browser.http.cookie_jar}


async def test_cookies_are_out_of_reach_for_scripts_and_for_forms_of_others(
    browser: Browser,
) -> None:
    await browser.log_in()

    kept = cookies(browser)
    assert set(kept) == {"development-issuer-browser", "development-issuer-session"}
    for attributes in kept.values():
        assert attributes["httponly"]
        assert attributes["samesite"] == "Lax"


async def test_a_login_changes_the_cookie_of_the_session(browser: Browser) -> None:
    """Session fixation."""
    keys = []
    for _ in range(2):
        page = await browser.get(authorize_target(prompt="login"))
        await browser.submit(page, answer="allow")
        values = {cookie.key: cookie.value for cookie in browser.http.cookie_jar}
        keys.append(values["development-issuer-session"])

    assert keys[0] != keys[1]


async def test_two_tabs_can_both_be_answered(browser: Browser) -> None:
    one = await browser.get(authorize_target(state="one"))
    other = await browser.get(authorize_target(state="other"))

    first = await browser.submit(one, answer="allow")
    second = await browser.submit(other, answer="allow")

    assert (first.sent_back["state"], second.sent_back["state"]) == ("one", "other")


async def test_after_a_logout_the_cookie_is_gone(issuer: RunningIssuer, browser: Browser) -> None:
    await browser.log_in()
    await browser.submit(await browser.get("/logout"), answer="allow")

    assert set(cookies(browser)) == {"development-issuer-browser"}


@pytest.mark.parametrize("cookie", [b"\xff", b"", b"short", b"x" * 200, b'"quo\\054ted"'])
async def test_a_cookie_that_nobody_here_gave_is_replaced(
    issuer: RunningIssuer, cookie: bytes
) -> None:
    head = b"GET " + authorize_target().encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
    fields = b"Cookie: development-issuer-browser=" + cookie + b"\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(issuer.origin).port)
    writer.write(head + fields)
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200")
    (given,) = re.findall(rb"Set-Cookie: development-issuer-browser=([^;]*);", answer)
    assert re.fullmatch(rb"[A-Za-z0-9_-]{43}", given)
