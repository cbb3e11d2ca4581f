"""Only the response to our own request ends the wait, and it tells the browser nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from gateway.cli.token.redirect_receiver import PortTakenError, RedirectReceiver, receiving
from gateway.oauth.redirect import CodeResponse, ErrorResponse
from tests.hanging import LIMIT_SECONDS

STATE = "the-state-of-this-request"
CODE = "the-code-of-this-person"


@pytest.fixture
async def receiver() -> AsyncIterator[RedirectReceiver]:
    async with receiving("http://127.0.0.1:0/callback", STATE) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession() as made:
        yield made


async def wait(receiver: RedirectReceiver) -> CodeResponse | ErrorResponse:
    async with asyncio.timeout(LIMIT_SECONDS):
        return await receiver.wait()


async def test_the_code_arrives_at_a_free_port(
    receiver: RedirectReceiver, browser: ClientSession
) -> None:
    """8252.1."""
    url = f"{receiver.redirect_uri}?code={CODE}&state={STATE}&iss=https://a.example"

    async with browser.get(url) as answer:
        page = await answer.text()

    assert await wait(receiver) == CodeResponse(CODE, STATE, "https://a.example")
    assert answer.status == 200
    assert CODE not in page
    assert STATE not in page
    fields = answer.headers
    assert fields["Cache-Control"] == "no-store"
    assert fields["Referrer-Policy"] == "no-referrer"
    assert fields["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in fields


async def test_a_refusal_arrives_too(receiver: RedirectReceiver, browser: ClientSession) -> None:
    async with browser.get(f"{receiver.redirect_uri}?error=access_denied&state={STATE}") as answer:
        assert answer.status == 200

    response = await wait(receiver)
    assert isinstance(response, ErrorResponse)
    assert response.fault.code == "access_denied"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", f"/callback?code={CODE}&state=another", 400),
        ("GET", f"/callback?code={CODE}", 400),
        ("GET", f"/callback?code={CODE}&code=x&state={STATE}", 400),
        ("GET", "/callback", 400),
        ("GET", f"/callback/?code={CODE}&state={STATE}", 404),
        ("GET", f"/?code={CODE}&state={STATE}", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", f"/callback?code={CODE}&state={STATE}", 405),
        ("HEAD", f"/callback?code={CODE}&state={STATE}", 405),
    ],
)
async def test_whatever_else_a_page_sends_there_ends_nothing(
    method: str, target: str, status: int, receiver: RedirectReceiver, browser: ClientSession
) -> None:
    """6749.9: and the right one still arrives."""
    origin = receiver.redirect_uri.removesuffix("/callback")
    async with browser.request(method, origin + target) as answer:
        assert answer.status == status
    async with browser.get(f"{receiver.redirect_uri}?code=right&state={STATE}") as answer:
        assert answer.status == 200

    assert await wait(receiver) == CodeResponse("right", STATE, None)


async def test_another_name_of_this_machine_is_not_the_one(
    receiver: RedirectReceiver, browser: ClientSession
) -> None:
    """DNS rebinding: a name elsewhere that means 127.0.0.1."""
    url = f"{receiver.redirect_uri}?code={CODE}&state={STATE}"
    async with browser.get(url, headers={"Host": "rebound.example"}) as answer:
        assert answer.status == 404


async def test_only_the_first_response_counts(
    receiver: RedirectReceiver, browser: ClientSession
) -> None:
    for code in ("first", "second"):
        async with browser.get(f"{receiver.redirect_uri}?code={code}&state={STATE}") as answer:
            assert answer.status == 200

    assert await wait(receiver) == CodeResponse("first", STATE, None)


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match="in use"):
            async with receiving(f"http://127.0.0.1:{port}/callback", STATE):
                pass
