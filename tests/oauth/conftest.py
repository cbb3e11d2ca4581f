"""A server on a free port, a session to it, and a clock for each test."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from gateway.fetching.session import make_session
from tests.keyring.peers import IssuerPeer, MovableClock, issuer_peer


@pytest.fixture
async def peer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()
