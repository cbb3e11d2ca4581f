"""Part from clients: soon from the idle, little by little from what lasts, at last from all."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from gateway.proxy.client.clients import Clients
from gateway.proxy.client.leaving import Leaving
from gateway.proxy.transport.unexpected_errors import report_bug

# How long a kept connection may stay idle. A request that is on its way just when we close gets
# no answer: HTTP/1.1 has no word for the end of an idle connection (RFC 9112 §9.5). One that is
# in use brings its next request within this time, and is told with the answer.
IDLE_SECONDS: Final = 1.0

# For what was said last to be sent, when the time is up.
_LAST_SECONDS: Final = 1.0

_TICK_SECONDS: Final = 0.05

L = TypeVar("L", bound=Leaving)


async def part_from(clients: Clients[L], deadline_seconds: float, streams_seconds: float) -> None:
    """Return once no client is left, at the deadline or a little later.

    What lasts when this begins is told one after the other, evenly over *streams_seconds*, so
    that those who come back elsewhere do not do so all at once; what begins later, behind them.
    """
    began = monotonic()
    for client in clients:
        _guarded(client, Leaving.close_when_idle)
    untold = [client for client in clients if client.lasts()]
    count = len(untold)
    while len(clients) and (elapsed := monotonic() - began) < deadline_seconds:
        while untold and count - len(untold) < due(count, elapsed, streams_seconds):
            _guarded(untold.pop(), Leaving.take_leave)
        if elapsed >= streams_seconds:
            for client in clients:
                _guarded(client, Leaving.take_leave)
        await asyncio.sleep(_TICK_SECONDS)
    for client in clients:
        _guarded(client, Leaving.time_is_up)
    ends_at = monotonic() + _LAST_SECONDS
    while len(clients) and monotonic() < ends_at:  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(_TICK_SECONDS)


def due(count: int, elapsed_seconds: float, span_seconds: float) -> int:
    """Return how many of *count* are to be told so far: the first at once, evenly from there."""
    if elapsed_seconds >= span_seconds:
        return count
    return min(count, 1 + int(count * elapsed_seconds / span_seconds))


def _guarded(client: Leaving, end: Callable[[Leaving], None]) -> None:
    """Do *end* with *client*; a bug in that must keep no other from its end."""
    try:
        end(client)
    except Exception as bug:
        report_bug("a bug at the end of a connection", bug)
        client.abort()
