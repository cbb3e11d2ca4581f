"""Hand bytes to a protocol as an event loop does."""

import asyncio

AnyProtocol = asyncio.Protocol | asyncio.BufferedProtocol


def hand_over(protocol: AnyProtocol, data: bytes) -> int:
    """Have *protocol* read the first of *data*; return how many bytes that were."""
    if isinstance(protocol, asyncio.Protocol):
        protocol.data_received(data)
        return len(data)
    room = memoryview(protocol.get_buffer(-1))
    size = min(len(room), len(data))
    room[:size] = data[:size]
    protocol.buffer_updated(size)
    return size
