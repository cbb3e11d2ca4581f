"""The device flow over a real socket (RFC 8628)."""

from typing import Any

import pytest

from gateway.issuer.clients import DEVICE_CODE
from gateway.issuer.state.device_codes import (
    DEVICE_SECONDS,
    GUESS_WINDOW_SECONDS,
    MAX_GUESSES,
    POLL_SECONDS,
    SLOW_DOWN_SECONDS,
)
from tests.issuer.running import Browser, RunningIssuer

TV = {"client_id": "tv"}


async def begin(issuer: RunningIssuer, **wanted: str) -> dict[str, Any]:
    form = TV | {"scope": "openid offline_access orders:read"} | wanted
    status, device = await issuer.post("/device_authorization", form)
    assert status == 200
    return device


async def poll(issuer: RunningIssuer, device: dict[str, Any], **changed: str) -> dict[str, Any]:
    form = TV | {"grant_type": DEVICE_CODE, "device_code": device["device_code"]} | changed
    _, body = await issuer.token(form)
    issuer.clock.now += POLL_SECONDS
    return body


async def test_a_device_gets_tokens_once_somebody_has_allowed_it(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """8628.8."""
    device = await begin(issuer)
    waiting = await poll(issuer, device)
    page = await browser.get(device["verification_uri_complete"])
    connected = await browser.submit(page, persona="bob", answer="allow")

    tokens = await poll(issuer, device)
    again = await poll(issuer, device)

    assert waiting["error"] == "authorization_pending"
    assert device["user_code"] in page.text
    assert "Connected" in connected.text
    assert tokens["scope"] == "openid offline_access orders:read"
    claims = (await issuer.decode(tokens["access_token"])).claims
    assert (claims["sub"], claims["client_id"]) == ("bob", "tv")
    assert (await issuer.decode(tokens["id_token"])).claims["sub"] == "bob"
    assert "refresh_token" in tokens
    assert again["error"] == "expired_token"


async def test_the_answer_to_a_device_says_all_that_it_needs(issuer: RunningIssuer) -> None:
    """RFC 8628 §3.2."""
    device = await begin(issuer)

    assert device["verification_uri"] == issuer.origin + "/device"
    assert device["verification_uri_complete"].endswith("?user_code=" + device["user_code"])
    assert (device["expires_in"], device["interval"]) == (DEVICE_SECONDS, POLL_SECONDS)


@pytest.mark.parametrize("spelling", [str, str.lower, lambda code: code.replace("-", " ")])
async def test_a_code_is_found_however_it_is_typed(
    issuer: RunningIssuer, browser: Browser, spelling: Any
) -> None:
    """RFC 8628 §6.1."""
    device = await begin(issuer)
    empty = await browser.get("/device")

    page = await browser.get("/device?user_code=" + spelling(device["user_code"]))

    assert 'name="user_code"' in empty.text
    assert page.status == 200
    assert device["user_code"] in page.text


async def test_a_device_that_is_declined_hears_it(issuer: RunningIssuer, browser: Browser) -> None:
    device = await begin(issuer)
    await browser.submit(await browser.get(device["verification_uri_complete"]), answer="decline")

    assert (await poll(issuer, device))["error"] == "access_denied"


async def test_who_polls_too_often_waits_longer_from_then_on(issuer: RunningIssuer) -> None:
    """8628.7."""
    device = await begin(issuer)
    await poll(issuer, device)
    issuer.clock.now -= POLL_SECONDS

    errors = [(await poll(issuer, device))["error"] for _ in range(2)]
    issuer.clock.now += POLL_SECONDS + 2 * SLOW_DOWN_SECONDS
    errors.append((await poll(issuer, device))["error"])

    assert errors == ["slow_down", "slow_down", "authorization_pending"]


async def test_a_device_that_nobody_answers_expires(
    issuer: RunningIssuer, browser: Browser
) -> None:
    device = await begin(issuer)
    page = await browser.get(device["verification_uri_complete"])
    issuer.clock.now += DEVICE_SECONDS

    assert (await poll(issuer, device))["error"] == "expired_token"
    assert (await browser.get(device["verification_uri_complete"])).status == 400
    assert (await browser.submit(page, answer="allow")).status == 403


async def test_a_code_is_answered_once(issuer: RunningIssuer, browser: Browser) -> None:
    device = await begin(issuer)
    one = await browser.get(device["verification_uri_complete"])
    other = await browser.get(device["verification_uri_complete"])
    await browser.submit(one, persona="alice", answer="allow")

    late = await browser.submit(other, persona="bob", answer="allow")

    assert late.status == 400
    assert (await browser.get(device["verification_uri_complete"])).status == 400
    claims = (await issuer.decode((await poll(issuer, device))["access_token"])).claims
    assert claims["sub"] == "alice"


async def test_another_client_does_not_get_the_tokens(
    issuer: RunningIssuer, browser: Browser
) -> None:
    device = await begin(issuer)
    await browser.submit(await browser.get(device["verification_uri_complete"]), answer="allow")

    assert (await poll(issuer, device, client_id="cli"))["error"] == "expired_token"
    assert "access_token" in await poll(issuer, device)


async def test_the_page_takes_its_answer_from_the_browser_that_it_asked(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """8628.8: a page elsewhere must not connect a device of its own."""
    device = await begin(issuer)
    page = await browser.get(device["verification_uri_complete"])

    refused = await issuer.new_browser().submit(page, answer="allow")

    assert refused.status == 403
    assert (await poll(issuer, device))["error"] == "authorization_pending"


async def test_codes_cannot_be_guessed(issuer: RunningIssuer, browser: Browser) -> None:
    """8628.7."""
    device = await begin(issuer)
    for _ in range(MAX_GUESSES):
        assert (await browser.get("/device?user_code=BBBB-BBBB")).status == 400

    assert (await browser.get(device["verification_uri_complete"])).status == 429
    issuer.clock.now += GUESS_WINDOW_SECONDS
    assert (await browser.get(device["verification_uri_complete"])).status == 200


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": ""}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "web", "client_secret": "web-secret"}, 400, "unauthorized_client"),
        ({"scope": "root"}, 400, "invalid_scope"),
        ({"resource": "orders"}, 400, "invalid_target"),
    ],
)
async def test_what_cannot_be_granted_is_an_oauth_error(
    issuer: RunningIssuer, changed: dict[str, str], status: int, error: str
) -> None:
    got, body = await issuer.post("/device_authorization", TV | changed)

    assert (got, body["error"]) == (status, error)


@pytest.mark.parametrize("code", ["<script>alert(1)</script>", '"><img src=x>', "%00", "%0d%0a"])
async def test_a_code_that_is_not_known_is_not_repeated(browser: Browser, code: str) -> None:
    page = await browser.get("/device?user_code=" + code)

    assert page.status == 400
    assert "alert" not in page.text
    assert "<img" not in page.text
