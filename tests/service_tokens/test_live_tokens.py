"""The tokens of all upstreams of one configuration, and of the next one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256

from gateway.fetching.clock import SystemClock
from gateway.service_tokens.live_tokens import LiveServiceTokens
from gateway.service_tokens.requests import NoServiceToken, ServiceToken
from gateway.settings.values.configuration import ServiceCredentials, Upstream
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics
from tests.proxy.gateways import make_token
from tests.service_tokens.sources import NOW, exchange_at, issuer_of, own_at
from tests.service_tokens.token_server import TokenServer, respond, token_server

ALICE = make_token(sub="alice")
DIGEST = sha256(ALICE).digest()


def upstream(name: str, credentials: ServiceCredentials | None) -> Upstream:
    return Upstream(name, (), 1.0, 1.0, 1.0, credentials=credentials)


def tokens_of(server: TokenServer, **asked: ServiceCredentials | None) -> LiveServiceTokens:
    upstreams = {name: upstream(name, one) for name, one in asked.items()}
    issuers = {"main": issuer_of(server)}
    counts = ServiceTokenMetrics()
    return LiveServiceTokens(upstreams, issuers, counts, SystemClock(), lambda: NOW)


@asynccontextmanager
async def started(tokens: LiveServiceTokens) -> AsyncIterator[LiveServiceTokens]:
    try:
        await tokens.start(60.0)
        yield tokens
    finally:
        await tokens.close()


async def test_the_gateways_own_tokens_are_there_once_it_has_started() -> None:
    async with token_server() as server:
        by_issuer = replace(own_at(server), issuer="main", token_url=None)
        every = tokens_of(server, a=own_at(server), b=by_issuer, c=exchange_at(server), d=None)
        async with started(every) as tokens:
            assert set(tokens.held) == {"a", "b"}
            assert await tokens.find("a") == tokens.held["a"]
            assert len(server.forms) == 2
            assert [one.name for one in tokens.status()] == ["a", "b"]
            assert set(tokens.exchanges) == {"c"}


async def test_each_upstream_has_tokens_of_its_own() -> None:
    async with token_server() as server:
        every = tokens_of(server, a=exchange_at(server), b=exchange_at(server))
        async with started(every) as tokens:
            first = await tokens.exchange("a", DIGEST, ALICE, 60.0)
            second = await tokens.exchange("b", DIGEST, ALICE, 60.0)

            assert first != second
            assert tokens.recall("a", DIGEST) == first
            assert tokens.recall("b", DIGEST) == second


async def test_an_upstream_without_such_credentials_has_no_token() -> None:
    async with token_server() as server, started(tokens_of(server, a=None)) as tokens:
        assert isinstance(await tokens.find("a"), NoServiceToken)
        assert isinstance(await tokens.exchange("a", DIGEST, ALICE, 60.0), NoServiceToken)
        assert tokens.recall("a", DIGEST) is None
        tokens.reject("a", ServiceToken(b"", -1e9, 1e9), None)
        tokens.reject("a", ServiceToken(b"", -1e9, 1e9), DIGEST)
        assert server.forms == []


async def test_a_reload_keeps_the_tokens_of_unchanged_credentials_and_all_counts() -> None:
    async with token_server() as server:
        former = tokens_of(server, a=own_at(server), b=own_at(server), c=exchange_at(server))
        async with started(former):
            exchanged = await former.exchange("c", DIGEST, ALICE, 60.0)
            server.answer = respond(b"", 503)
            wider = replace(own_at(server), scopes=("more",))
            heir = tokens_of(server, a=own_at(server), b=wider, c=exchange_at(server))
            heir.take_over(former)
            async with started(heir):
                assert heir.held == {"a": former.held["a"]}
                assert heir.recall("c", DIGEST) == exchanged
                assert heir.counts.requests["a", "issued"] == 1
                assert heir.counts.requests["b", "failed"] == 1
                await former.retire()

                assert isinstance(await former.find("missing"), NoServiceToken)
                assert await heir.find("a") == heir.held["a"]


async def test_changes_are_told() -> None:
    async with token_server() as server:
        tokens = tokens_of(server, a=own_at(server))
        told: list[str] = []
        tokens.subscribe(told.append)
        async with started(tokens):
            assert told == ["a"]
