"""Floods end the connection that sends them, before they have cost anything.

Each is sent in lockstep with the gateway, so that what was sent when it ended does not depend on
time. Its cost in CPU time and memory is measured by the soak test, in a process of its own.
"""

from collections.abc import Iterator

import pytest

from tests.certificates import trusting
from tests.proxy.h2.conftest import Http2World, running_world
from tests.proxy.h2.floods import (
    MAX_REQUESTS,
    MAX_SENT_BYTES,
    Flood,
    Flooded,
    floods,
    send_flood,
)


@pytest.fixture(scope="module", params=["plain", "TLS"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Http2World]:
    with running_world(tmp_path_factory.mktemp("floods"), tls=request.param == "TLS") as made:
        yield made


@pytest.mark.parametrize("flood", floods(), ids=lambda flood: flood.name)
def test_a_flood_is_ended_and_the_service_sees_little_of_it(
    flood: Flood, world: Http2World
) -> None:
    tls = world.gateway.tls and trusting("h2")

    async def run() -> Flooded:
        world.service.begin()
        flooded = await send_flood(world.gateway.address, flood, tls=tls)
        await world.check_bystander()
        flooded.client.wire.transport.abort()
        await world.gateway.wait_still(lambda: world.service.received_bytes)
        return flooded

    flooded = world.run(run())

    assert flooded.client.settings is not None or not flood.reads
    assert flooded.is_ended
    assert flooded.sent_bytes <= MAX_SENT_BYTES
    assert len(world.service.requests) <= MAX_REQUESTS
    assert world.service.odd == []
