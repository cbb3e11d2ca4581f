"""Send what has no end from a service, until the gateway has had enough."""

import asyncio

from tests.proxy.h2.floods import MAX_SENT_BYTES, Flood, all_pieces
from tests.proxy.http2_services.service import Call, Peer

# What a service may have on its way on a stream that is over: as much as a hundred windows hold.
_MAX_DATA_BYTES = 8_000_000

# Turns of the event loop for each piece, so that the gateway has read the last one.
_TURNS = 8


def most_bytes(flood: Flood) -> int:
    """Return how much of *flood* may be sent before it has to be ended."""
    is_data = any(step.get("payload") and "DATA" in step for step in flood.flood)
    return _MAX_DATA_BYTES if is_data else MAX_SENT_BYTES


async def send(call: Call, flood: Flood, *, turns: int = _TURNS) -> int:
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
        for _ in range(turns):
            await asyncio.sleep(0)
        await peer.wait_for(lambda: peer.is_lost or not peer.is_blocked)
    return sent
