"""A server cannot keep us busy with answers that are none yet."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.session import MAX_RESPONSES, make_session
from tests.proxy.messages import make_answer
from tests.proxy.service import Service, running_service, serve
from tests.proxy.wire import Wire

DOCUMENT = b'{"keys": []}'
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@pytest.fixture
async def issuer() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


async def test_an_answer_may_come_behind_a_few_interim_ones(
    issuer: Service, session: ClientSession
) -> None:
    """RFC 9110 §15.2."""
    issuer.script = serve(INTERIM * (MAX_RESPONSES - 1) + make_answer(DOCUMENT))

    assert await fetch(session, issuer.url, 10.0) == DOCUMENT


async def test_an_answer_of_many_pieces_is_read_whole(
    issuer: Service, session: ClientSession
) -> None:
    large = bytes(range(256)) * 800
    issuer.script = serve(make_answer(large))

    assert await fetch(session, issuer.url, 10.0) == large


@pytest.mark.parametrize("size", [1, 10_000])
async def test_interim_answers_without_an_end_are_a_failure_and_end_the_connection(
    size: int, issuer: Service, session: ClientSession
) -> None:
    """One by one or as many as fit: all others waited for seconds while they were read."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        while not wire.is_lost:
            wire.send(INTERIM * size)
            await asyncio.sleep(0)

    issuer.script = script

    with pytest.raises(FetchFailed, match="TooManyResponses"):
        await fetch(session, issuer.url, 10.0)
