"""Drain client connections: idle ones first, long-lived ones little by little, at last all."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from gateway.proxy.client.clients import Clients, Connection
from gateway.proxy.transport.unexpected_errors import report_unexpected_error

# How long an idle connection may stay open. A request that is on its way just when it is closed
# gets no response: HTTP/1.1 cannot announce the end of an idle connection (RFC 9112 §9.5). A
# connection in use brings its next request within this time, and its response says "close".
IDLE_SECONDS: Final = 1.0

# After the deadline, for what was written last to be sent.
_LAST_SECONDS: Final = 1.0

_TICK_SECONDS: Final = 0.05


async def drain_clients(
    clients: Clients[Connection], deadline_seconds: float, streams_seconds: float
) -> None:
    """Return once no client is left, at the deadline or a little later.

    The tunnels and event streams that are open now end one after the other, evenly over
    *streams_seconds*, so that their clients do not reconnect elsewhere all at once; those that
    begin later end after them.
    """
    began = monotonic()
    for client in clients:
        _end(client, client.close_when_idle)
    waiting = [client for client in clients if client.lasts()]
    count = len(waiting)
    while len(clients) and (elapsed := monotonic() - began) < deadline_seconds:
        while waiting and count - len(waiting) < due(count, elapsed, streams_seconds):
            client = waiting.pop()
            _end(client, client.end_lasting)
        if elapsed >= streams_seconds:
            for client in clients:
                _end(client, client.end_lasting)
        await asyncio.sleep(_TICK_SECONDS)
    for client in clients:
        _end(client, client.end_now)
    ends_at = monotonic() + _LAST_SECONDS
    while len(clients) and monotonic() < ends_at:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_TICK_SECONDS)


def due(count: int, elapsed_seconds: float, span_seconds: float) -> int:
    """Return how many of *count* are due so far: the first at once, evenly from there."""
    if elapsed_seconds >= span_seconds:
        return count
    return min(count, 1 + int(count * elapsed_seconds / span_seconds))


def _end(client: Connection, end: Callable[[], None]) -> None:
    """Call *end* of *client*; a bug in it must not keep other connections from their end."""
    try:
        end()
    except Exception as bug:
        report_unexpected_error("unexpected error while draining a client", bug)
        client.abort()
