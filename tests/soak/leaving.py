"""Ways for a client to end a connection."""

from tests.soak.judge import Violation
from tests.soak.long_wire import LongWire
from tests.soak.order import RESET
from tests.soak.plan import HALF_CLOSE


async def leave(wire: LongWire, how: str) -> None:
    """End the connection; nothing may have come that was not asked for. Raises Violation."""
    if wire.unread:
        raise Violation(f"bytes that nobody asked for: {wire.unread[:200]!r}")
    await end(wire, how)


async def end(wire: LongWire, how: str) -> None:
    """End the connection, whatever came on it."""
    if wire.transport.is_closing():
        return
    if how == RESET:
        wire.reset()
    elif how == HALF_CLOSE:
        wire.end()
        await wire.wait_end()
    else:
        wire.close()


async def until_lost(wire: LongWire) -> None:
    """Wait until the connection is gone."""
    if not wire.is_lost:
        await wire.wait_lost()
