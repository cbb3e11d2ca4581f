"""A device polls as often as the server allows, and not longer than its code lives."""

from collections.abc import Iterator

import pytest
from aiohttp import ClientSession, web

from gateway.oauth.device import wait_for_tokens
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.responses import DeviceAuthorization, TokenResponse
from tests.keyring.peers import Answer, IssuerPeer, body
from tests.oauth.clients import answer, last_form, server_at

DEVICE_CODE = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"
TOKENS = answer(access_token="2YotnFZFEjr1zCsicMWpAA", token_type="Bearer")
PENDING = answer(400, error="authorization_pending")
SLOW_DOWN = answer(400, error="slow_down")


class SleeplessClock:
    """A clock that moves on whenever somebody sleeps, and notes for how long."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> float:
        return sum(self.pauses)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def device(expires_in_seconds: float = 600.0, interval_seconds: float = 5.0) -> DeviceAuthorization:
    return DeviceAuthorization(
        DEVICE_CODE, "WDJB-MJHT", "https://a.example", None, expires_in_seconds, interval_seconds
    )


def in_turn(*answers: Answer) -> Answer:
    turns: Iterator[Answer] = iter(answers)

    async def give(request: web.Request) -> web.StreamResponse:
        return await next(turns)(request)

    return give


async def test_it_polls_until_there_are_tokens(peer: IssuerPeer, session: ClientSession) -> None:
    """8628.3: and never before the interval is over, the first time included."""
    clock = SleeplessClock()
    peer.answer = in_turn(PENDING, PENDING, TOKENS)

    found = await wait_for_tokens(
        server_at(peer, session), device(), clock, (("resource", "https://a.example"),)
    )

    assert isinstance(found, TokenResponse)
    assert clock.pauses == [5.0, 5.0, 5.0]
    assert last_form(peer) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": DEVICE_CODE,
        "resource": "https://a.example",
    }


async def test_it_slows_down_by_five_seconds_for_good(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8628.4."""
    clock = SleeplessClock()
    peer.answer = in_turn(SLOW_DOWN, PENDING, SLOW_DOWN, TOKENS)

    found = await wait_for_tokens(server_at(peer, session), device(), clock)

    assert isinstance(found, TokenResponse)
    assert clock.pauses == [5.0, 10.0, 10.0, 15.0]


async def test_a_server_that_is_down_is_asked_less_and_less(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8628.5."""
    clock = SleeplessClock()
    down = body(b"", 503)
    peer.answer = in_turn(down, down, body(b"", 429, Retry_After="100"), TOKENS)

    found = await wait_for_tokens(server_at(peer, session), device(), clock)

    assert isinstance(found, TokenResponse)
    assert clock.pauses == [5.0, 10.0, 20.0, 100.0]


@pytest.mark.parametrize("code", ["access_denied", "expired_token", "invalid_grant", "unheard_of"])
async def test_any_other_error_is_the_end(
    code: str, peer: IssuerPeer, session: ClientSession
) -> None:
    """8628.6."""
    peer.answer = in_turn(PENDING, answer(400, error=code))

    found = await wait_for_tokens(server_at(peer, session), device(), SleeplessClock())

    assert isinstance(found, OAuthFault)
    assert found.code == code
    assert len(peer.paths) == 2


async def test_nonsense_is_the_end(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b"<html>")

    found = await wait_for_tokens(server_at(peer, session), device(), SleeplessClock())

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.INVALID_RESPONSE
    assert len(peer.paths) == 1


async def test_it_does_not_poll_for_longer_than_the_code_lives(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8628.6: whatever the server says."""
    clock = SleeplessClock()
    peer.answer = PENDING

    found = await wait_for_tokens(server_at(peer, session), device(22.0), clock)

    assert isinstance(found, OAuthFault)
    assert found.code == "expired_token"
    assert clock.pauses == [5.0, 5.0, 5.0, 5.0]


async def test_it_never_polls_more_often_than_once_a_second(
    peer: IssuerPeer, session: ClientSession
) -> None:
    clock = SleeplessClock()
    peer.answer = in_turn(PENDING, TOKENS)

    await wait_for_tokens(server_at(peer, session), device(600.0, 0.001), clock)

    assert clock.pauses == [1.0, 1.0]
