"""Send what has no end, until the gateway has had enough."""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from tests.proxy.h2.cases import HTTP2_FOLDER, pieces
from tests.proxy.h2.wire import Http2Client
from tests.proxy.wire import connect

MAX_SENT_BYTES = 2_000_000

# Most that a service may see of one flood.
MAX_REQUESTS = 128

_PIECE_BYTES = 16_384

# Turns of the event loop for each piece, so that a gateway on the same loop has read the last one.
_TURNS = 8


@dataclass(frozen=True, slots=True)
class Flood:
    """What is sent once, and what is then sent without end, *step* stream numbers higher."""

    name: str
    source: str
    begin: tuple[Any, ...] = field(repr=False)
    flood: tuple[Any, ...] = field(repr=False)
    step: int
    reads: bool


def _flood(told: Mapping[str, Any]) -> Flood:
    needed = {"name", "source", "begin", "flood"}
    assert needed <= told.keys() <= needed | {"step", "reads"}, told
    return Flood(
        told["name"],
        told["source"],
        tuple(told["begin"]),
        tuple(told["flood"]),
        told.get("step", 0),
        told.get("reads", True),
    )


@cache
def floods(theme: str = "floods") -> tuple[Flood, ...]:
    """Return the floods in the order of the file."""
    path: Path = HTTP2_FOLDER / f"{theme}.yaml"
    told = yaml.safe_load(path.read_text())
    return tuple(map(_flood, told["floods"]))


def waves(flood: Flood, shift: int = 0) -> Iterator[bytes]:
    """Yield the bytes that are sent without end, in pieces of some size."""
    same = _joined(flood, shift) if not flood.step else b""
    if same:
        same *= max(1, _PIECE_BYTES // len(same))
    waiting = bytearray()
    for number in count():
        waiting += same or _joined(flood, shift + number * flood.step)
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()


def _joined(flood: Flood, shift: int) -> bytes:
    return b"".join(piece for piece in pieces(flood.flood, shift) if isinstance(piece, bytes))


@dataclass(slots=True)
class Flooded:
    """What came of a flood: *sent_bytes* until the end, all of them if there was none."""

    client: Http2Client
    sent_bytes: int
    is_ended: bool


async def send_flood(
    address: tuple[str, int],
    flood: Flood,
    *,
    turns: int = _TURNS,
    tls: ssl.SSLContext | None = None,
) -> Flooded:
    """Send *flood* until the connection is ended, or the most that may be sent was."""
    client = Http2Client(await connect(address, tls=tls), polite=flood.reads)
    if not flood.reads:
        client.wire.stop_reading()
    sent = 0
    for piece in all_pieces(flood):
        if sent + len(piece) > MAX_SENT_BYTES:
            break
        client.send(piece)
        sent += len(piece)
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.wire.wait_for(lambda: client.wire.is_lost or not client.wire.is_blocked)
        client.read()
        if client.is_gone:
            break
    if not flood.reads:
        # In TLS, who reads nothing does not see the end: what comes with it would be lost.
        client.wire.read_on()
        with suppress(TimeoutError):
            await client.wire.wait_end()
    return Flooded(client, sent, client.is_gone)


def all_pieces(flood: Flood, shift: int = 0) -> Iterator[bytes]:
    """Yield the bytes of *flood* without end, on streams that are *shift* higher."""
    yield b"".join(piece for piece in pieces(flood.begin, shift) if isinstance(piece, bytes))
    yield from waves(flood, shift)
