"""Exchanges of callers' tokens: one for each at a time, within both expiries, bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

import pytest

from gateway.decision.reason import Reason
from gateway.service_tokens.exchanges import MOST_IN_FLIGHT, Exchanges
from gateway.service_tokens.own_token import LEAST_AGE_SECONDS
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken
from tests.keyring.peers import MovableClock
from tests.proxy.gateways import make_token
from tests.service_tokens.sources import exchange_at, source_of
from tests.service_tokens.token_server import TokenServer, respond, token_server

ALICE = make_token(sub="alice")


@dataclass
class World:
    server: TokenServer
    clock: MovableClock
    exchanges: Exchanges

    async def exchange(self, subject: bytes = ALICE, seconds: float = 3600.0) -> Found:
        return await self.exchanges.exchange(sha256(subject).digest(), subject, seconds)


@asynccontextmanager
async def world(**members: object) -> AsyncIterator[World]:
    clock = MovableClock()
    async with token_server() as server:
        server.members = members
        async with source_of(exchange_at(server), clock) as source:
            exchanges = Exchanges(source, clock)
            try:
                yield World(server, clock, exchanges)
            finally:
                server.gate.set()
                await exchanges.finish(0.0)


async def test_a_token_is_used_until_the_first_of_both_ends() -> None:
    for issued, seconds, usable in ((600, 3600.0, 595.0), (600, 100.0, 100.0)):
        async with world(expires_in=issued) as one:
            token = await one.exchange(seconds=seconds)
            assert isinstance(token, ServiceToken)
            assert token.until == 1000.0 + usable
            one.clock.advance(usable - 0.1)
            assert await one.exchange() == token
            one.clock.advance(0.1)

            assert await one.exchange() != token


async def test_one_exchange_for_each_token_at_a_time() -> None:
    async with world() as one:
        one.server.gate.clear()
        bob = make_token(sub="bob")
        asking = [asyncio.create_task(one.exchange(who)) for who in (ALICE, bob) * 10]
        await one.server.wait_for(2)
        one.server.gate.set()
        found = await asyncio.gather(*asking)

        assert len(one.server.forms) == 2
        lines = [token.line for token in found if isinstance(token, ServiceToken)]
        assert [b"alice" in line for line in lines] == [True, False] * 10


async def test_a_caller_that_leaves_does_not_cancel_it_for_others() -> None:
    async with world() as one:
        one.server.gate.clear()
        leaving, staying = (asyncio.create_task(one.exchange()) for _ in range(2))
        await one.server.wait_for(1)
        leaving.cancel()
        one.server.gate.set()

        assert isinstance(await staying, ServiceToken)


async def test_more_than_so_many_at_a_time_are_not_begun() -> None:
    async with world() as one:
        one.server.gate.clear()
        tokens = [make_token(sub=f"caller{number}") for number in range(MOST_IN_FLIGHT)]
        asking = [asyncio.create_task(one.exchange(token)) for token in tokens]
        await one.server.wait_for(MOST_IN_FLIGHT)

        found = await one.exchange()

        assert isinstance(found, NoServiceToken)
        assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE
        one.server.gate.set()
        await asyncio.gather(*asking)


async def test_a_refusal_holds_for_a_moment_and_a_failure_does_not() -> None:
    async with world() as one:
        one.server.answer = respond({"error": "invalid_grant"}, 400)
        for _ in range(2):
            found = await one.exchange()
            assert isinstance(found, NoServiceToken)
            assert found.reason is Reason.TOKEN_EXCHANGE_REFUSED
        assert len(one.server.forms) == 1
        one.clock.advance(10.0)
        one.server.answer = respond(b"", 500)
        for _ in range(2):
            found = await one.exchange()
            assert isinstance(found, NoServiceToken)
            assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE
        assert len(one.server.forms) == 3
        one.server.answer = None

        assert isinstance(await one.exchange(), ServiceToken)


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "invalid_scope"])
async def test_what_the_gateway_did_wrong_is_not_the_callers_fault(code: str) -> None:
    async with world() as one:
        one.server.answer = respond({"error": code}, 400)

        found = await one.exchange()

        assert isinstance(found, NoServiceToken)
        assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE


async def test_after_some_failures_in_a_row_there_are_pauses() -> None:
    async with world() as one:
        one.server.answer = respond(b"", 500)
        for number in range(10):
            await one.exchange(make_token(sub=f"caller{number}"))
        assert len(one.server.forms) == 3
        assert one.exchanges.failures_in_a_row == 3
        assert "status 500" in str(one.exchanges.last_error)
        one.clock.advance(1.0)
        one.server.answer = None
        assert isinstance(await one.exchange(), ServiceToken)

        assert one.exchanges.failures_in_a_row == 0


async def test_a_server_that_wants_to_be_left_alone_is_for_ten_seconds_at_most() -> None:
    async with world() as one:
        one.server.answer = respond(b"", 429, Retry_After="3600")
        await one.exchange()
        await one.exchange()
        assert len(one.server.forms) == 1
        one.clock.advance(10.0)
        one.server.answer = None

        assert isinstance(await one.exchange(), ServiceToken)


async def test_a_rejected_token_is_exchanged_again_once_a_minute_at_most() -> None:
    async with world() as one:
        token, digest = await one.exchange(), sha256(ALICE).digest()
        assert isinstance(token, ServiceToken)
        one.exchanges.reject(token, digest)
        assert await one.exchange() == token
        one.clock.advance(LEAST_AGE_SECONDS)
        one.exchanges.reject(token, digest)

        assert await one.exchange() != token


async def test_the_same_source_of_a_later_configuration_has_the_same_tokens() -> None:
    async with world() as one:
        token, digest = await one.exchange(), sha256(ALICE).digest()
        heir = Exchanges(one.exchanges.source, one.clock)
        heir.take_over(one.exchanges)
        assert heir.recall(digest) == token
        assert len(heir) == 1
        async with token_server() as other, source_of(exchange_at(other), one.clock) as source:
            stranger = Exchanges(source, one.clock)
            stranger.take_over(one.exchanges)

            assert stranger.recall(digest) is None


async def test_at_the_end_those_who_wait_are_told() -> None:
    async with world() as one:
        one.server.gate.clear()
        asking = asyncio.create_task(one.exchange())
        await one.server.wait_for(1)
        await one.exchanges.finish(0.0)

        found = await asking

        assert isinstance(found, NoServiceToken)
        assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE
