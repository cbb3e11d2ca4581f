"""The gateway's own token: ahead of its end, one request at a time, with pauses."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from gateway.decision.reason import Reason
from gateway.service_tokens.own_token import LEAST_AGE_SECONDS, OwnToken
from gateway.service_tokens.requests import NoServiceToken, ServiceToken
from tests.keyring.peers import MovableClock, until
from tests.service_tokens.sources import own_at, source_of
from tests.service_tokens.token_server import TokenServer, respond, token_server

DOWN = respond(b"", 503)


@dataclass
class World:
    server: TokenServer
    clock: MovableClock
    live: dict[str, ServiceToken]
    token: OwnToken

    async def settle(self, requests: int) -> None:
        """Wait until so many requests were made, and answered."""
        await until(lambda: len(self.server.forms) >= requests)
        await self.token.finish_fetch()


@asynccontextmanager
async def world(timeout_seconds: float = 5.0, **members: object) -> AsyncIterator[World]:
    clock, live = MovableClock(), dict[str, ServiceToken]()
    async with token_server() as server:
        server.members = members
        asked = replace(own_at(server), timeout_seconds=timeout_seconds)
        async with source_of(asked, clock) as source:
            token = OwnToken(source, live, clock)
            try:
                yield World(server, clock, live, token)
            finally:
                await token.close()


def line(number: int) -> bytes:
    return f"Authorization: Bearer own-{number}\r\n".encode()


async def test_a_token_is_replaced_ahead_of_its_end_while_the_former_one_is_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with world(expires_in=100) as one:
        await one.token.load()
        keeping = asyncio.create_task(one.token.keep())
        one.server.gate.clear()
        one.clock.advance(77.0)  # four fifths of the 95 seconds in which it is used
        await one.server.wait_for(2)
        assert one.live["orders"].line == line(1)

        one.server.gate.set()
        await one.settle(2)

        assert one.live["orders"].line == line(2)
        told = [one for one in caplog.messages if "in use" in one]
        assert told == ["upstream orders: 1 token in use"]  # not one for each
        keeping.cancel()


async def test_a_failing_server_is_asked_with_growing_pauses_and_the_token_stays() -> None:
    async with world(expires_in=100) as one:
        await one.token.load()
        keeping = asyncio.create_task(one.token.keep())
        one.server.answer = DOWN
        asked = 1
        for pause in (77.0, 1.1, 2.1, 4.1):
            one.clock.advance(pause)
            asked += 1
            await one.settle(asked)
            assert one.live["orders"].line == line(1)
        assert len(one.server.forms) == asked
        one.clock.advance(20.0)
        await until(lambda: "orders" not in one.live)
        keeping.cancel()


async def test_requests_without_a_token_share_one_request() -> None:
    async with world() as one:
        found = await asyncio.gather(*(one.token.find() for _ in range(10)))

        assert {one.line for one in found if isinstance(one, ServiceToken)} == {line(1)}
        assert len(one.server.forms) == 1
        assert one.server.most_in_flight == 1


async def test_during_a_pause_nobody_asks_and_everybody_is_told_why() -> None:
    async with world() as one:
        one.server.answer = DOWN
        for _ in range(3):
            found = await one.token.find()
            assert isinstance(found, NoServiceToken)
            assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE
            assert "status 503" in found.detail
        assert len(one.server.forms) == 1
        one.clock.advance(1.1)
        one.server.answer = None

        assert await one.token.find() == one.live["orders"]


async def test_a_wait_is_bounded() -> None:
    async with world(timeout_seconds=0.05) as one:
        one.server.gate.clear()

        found = await one.token.find()

        assert isinstance(found, NoServiceToken)


async def test_a_token_whose_time_is_over_is_not_found() -> None:
    async with world(expires_in=100) as one:
        await one.token.load()
        one.clock.advance(95.0)
        one.server.answer = DOWN

        assert isinstance(await one.token.find(), NoServiceToken)


async def test_a_rejected_token_is_replaced_once_a_minute_at_most() -> None:
    async with world(expires_in=3600) as one:
        await one.token.load()
        first = one.live["orders"]
        one.token.reject(first)
        assert len(one.server.forms) == 1
        one.clock.advance(LEAST_AGE_SECONDS)
        for _ in range(5):
            one.token.reject(first)
        await one.settle(2)
        second = one.live["orders"]
        assert second.line == line(2)

        one.token.reject(first)  # of a request that was sent before
        one.token.reject(second)
        await one.token.finish_fetch()

        assert len(one.server.forms) == 2


async def test_a_successor_of_the_same_source_keeps_the_token_and_its_times() -> None:
    async with world(expires_in=100) as one:
        await one.token.load()
        live: dict[str, ServiceToken] = {}
        async with source_of(replace(own_at(one.server), scopes=("a",)), one.clock) as other:
            assert not OwnToken(other, live, one.clock).is_same_source(one.token)
        async with source_of(own_at(one.server), one.clock) as source:
            heir = OwnToken(source, live, one.clock)
            assert heir.is_same_source(one.token)
            heir.take_over(one.token)

            assert live == one.live
            assert await heir.find() == one.live["orders"]
            keeping = asyncio.create_task(heir.keep())
            one.clock.advance(77.0)
            await one.settle(2)
            await heir.finish_fetch()
            assert live["orders"].line == line(2)
            keeping.cancel()
            await heir.close()


async def test_operators_see_its_age_and_why_there_is_none() -> None:
    async with world(expires_in=100) as one:
        one.server.answer = DOWN
        await one.token.load()
        status = one.token.status()
        assert (status.loaded, status.age_seconds, status.failures_in_a_row) == (False, None, 1)
        assert "status 503" in str(status.last_error)
        one.server.answer = None
        await one.token.load()
        one.clock.advance(5.0)

        status = one.token.status()

        assert (status.loaded, status.age_seconds) == (True, 5.0)
        assert (status.expires_in_seconds, status.failures_in_a_row) == (90.0, 0)
        assert status.last_error is None
        assert not one.token.is_file
