"""A list's server on a free port and a clock for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.keyring.peers import IssuerPeer, MovableClock, issuer_peer


@pytest.fixture
async def peer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as started:
        yield started


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()
