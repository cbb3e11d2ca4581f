"""An issuer for the tests of its flows."""

from collections.abc import AsyncIterator

import pytest

from tests.issuer.running import Browser, RunningIssuer, running_issuer


@pytest.fixture
async def issuer() -> AsyncIterator[RunningIssuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
async def browser(issuer: RunningIssuer) -> Browser:
    return issuer.new_browser()
