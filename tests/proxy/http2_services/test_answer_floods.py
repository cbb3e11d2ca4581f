"""A service that floods the gateway over HTTP/2 loses its connection before it has cost anything.

Each flood is sent in lockstep with the gateway, so that what was sent when it ended does not depend
on time. Its cost in CPU time and memory is measured by the soak test.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.proxy.h2.floods import MAX_SENT_BYTES, Flood, all_pieces, floods
from tests.proxy.http2_services.service import Call, Peer
from tests.proxy.http2_services.world import HostileWorld, label, running_hostile_world
from tests.proxy.messages import make_request, read_answer

# What a service may have on its way on a stream that is over: as much as a hundred windows hold.
_MAX_DATA_BYTES = 30_000_000

# Turns of the event loop for each piece, so that the gateway has read the last one.
_TURNS = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    with running_hostile_world(tmp_path_factory.mktemp("floods")) as made:
        yield made


def most_bytes(flood: Flood) -> int:
    """Return how much of *flood* may be sent before it has to be ended."""
    is_data = any(step.get("payload") and "DATA" in step for step in flood.flood)
    return _MAX_DATA_BYTES if is_data else MAX_SENT_BYTES


async def send(call: Call, flood: Flood) -> int:
    """Send *flood* to the gateway; return the bytes until it ended the connection."""
    peer: Peer = call.peer
    if not flood.reads:
        peer.polite = False
        peer.stop_reading()
    sent = 0
    for piece in all_pieces(flood, call.number - 1):
        if sent + len(piece) > most_bytes(flood) or peer.has_ended:
            break
        peer.put(piece)
        sent += len(piece)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        await peer.wait_for(lambda: peer.is_lost or not peer.is_blocked)
    return sent


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
