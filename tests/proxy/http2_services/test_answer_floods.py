"""A service that floods the gateway over HTTP/2 loses its connection before it has cost anything.

Each flood is sent in lockstep with the gateway, so that what was sent when it ended does not depend
on time. Its cost in CPU time and memory is measured by the soak test.
"""

from collections.abc import Iterator

import pytest

from tests.proxy.h2.floods import Flood, floods
from tests.proxy.http2_services.flooding import most_bytes, send
from tests.proxy.http2_services.world import HostileWorld, label, running_hostile_world
from tests.proxy.messages import make_request, read_answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    with running_hostile_world(tmp_path_factory.mktemp("floods")) as made:
        yield made


@pytest.mark.parametrize("flood", floods("answer_floods"), ids=lambda flood: flood.name)
def test_a_flood_is_ended_and_the_next_request_is_served(flood: Flood, world: HostileWorld) -> None:
    """9113.21"""

    async def run() -> tuple[str, int]:
        world.begin(lambda call: None)
        wire = await world.ask_victim()
        wire.stop_reading()  # no room is made for what the service sends
        call = await world.service.call()
        sent = await send(call, flood)
        if not flood.reads:
            call.peer.read_on()
        await call.peer.wait_end()
        wire.read_on()
        got = await label(wire)
        behind = await world.gateway.connect()
        behind.send(make_request("/public/behind"))
        assert (await read_answer(behind)).body == b"/public/behind "
        return got, sent

    got, sent = world.run(run())

    assert sent <= most_bytes(flood)
    assert got in {"502 upstream_invalid", "502 upstream_unreachable", "cut", "200 "}
