"""Calls that are cancelled, one way or another, leave nothing behind: every window is full again.

``CALLS=100000 .venv/bin/pytest tests/proxy/h2/test_cancelled_calls.py`` takes a minute, and sends
more than the largest window holds: what was lost of it would show.
"""

import os

from tests.proxy.h2.conftest import Http2World
from tests.proxy.h2.frames import Flag, Kind, block, frame, request_fields, rst_stream
from tests.proxy.h2.wire import Http2Client
from tests.proxy.wire import connect

CALLS = int(os.environ.get("CALLS", "10000"))

# Of one connection, before it is taken for an attack: each call that gets its response allows
# one that is cancelled.
_CALLS_AT_ONCE = 20
_LAST_STREAM = 0x7FFFFFFD
# Enough frames that the bodies of a hundred thousand calls are more than half of the window.
_BODY = bytes(1000 if CALLS <= 10_000 else 15_000)
_FRAMES = 1 if CALLS <= 10_000 else 2
# What is half read when the gateway resets its stream is lost to the window, so it is small.
_REFUSED_BODY = bytes(1000)

# The largest window that there is (RFC 9113 §6.9.1): a half of it need not be given back at once.
_MOST_OWED_BYTES = (1 << 30) + CALLS // 5 * len(_REFUSED_BODY)

_UPLOAD = block(request_fields(b"/public/upload", method=b"POST"))
_GUARDED = block(request_fields(b"/api/upload", method=b"POST"))
_GET = block(request_fields(b"/public/x"))
_NOWHERE = block(request_fields(b"/nowhere"))


def head(stream: int, raw: bytes, *, ends: bool = False) -> bytes:
    """Return a request with the headers block *raw*."""
    return frame(Kind.HEADERS, stream, raw, Flag.END_HEADERS | (Flag.END_STREAM if ends else 0))


def cancelled(number: int, stream: int) -> bytes:
    """Return the frames of a call that is cancelled, in one of five ways."""
    data = frame(Kind.DATA, stream, _BODY) * _FRAMES
    match number % 5:
        case 0:  # in its body
            return head(stream, _UPLOAD) + data + rst_stream(stream)
        case 1:  # in the body of a request that is refused
            refused = frame(Kind.DATA, stream, _REFUSED_BODY)
            return head(stream, _GUARDED) + refused + rst_stream(stream)
        case 2:  # before its response
            return head(stream, _GET, ends=True) + rst_stream(stream)
        case 3:  # with a body that comes behind
            return head(stream, _UPLOAD) + rst_stream(stream) + data
        case _:  # with padding, which counts as well (RFC 9113 §6.9.1)
            padded = frame(Kind.DATA, stream, b"\x63" + _BODY + bytes(99), flags=8) * _FRAMES
            return head(stream, _UPLOAD) + padded + rst_stream(stream)


def data_bytes(frames: bytes) -> int:
    """Return how much of the windows *frames* take."""
    at = size = 0
    while at < len(frames):
        length = int.from_bytes(frames[at : at + 3], "big")
        size += length if frames[at + 3] == Kind.DATA else 0
        at += 9 + length
    return size


def test_ten_thousand_cancelled_calls_leave_nothing_behind(world: Http2World) -> None:
    """RFC 9113 §6.9: credit comes back once, whatever becomes of a stream."""

    async def run() -> Http2Client:
        client = Http2Client(await connect(world.gateway.address))
        client.begin()
        await client.wait_read()
        raised = client.window_updates.get(0, 0)
        sent = await _cancel_many(client, world)
        assert client.goaways == []
        # What was not given back yet is at most what need not be: half of the largest window.
        credited = client.window_updates.get(0, 0) - raised
        assert sent - credited <= _MOST_OWED_BYTES
        # A body that is larger than a stream's window still comes through.
        client.skip_to(_LAST_STREAM)
        client.send(head(_LAST_STREAM, _UPLOAD))
        await client.upload(_LAST_STREAM, bytes(300_000))
        await client.wait_over(_LAST_STREAM)
        assert client.stream(_LAST_STREAM).label == "200"
        return client

    client = world.run(run())

    ours = list(world.gateway.gateway.data._listener._clients)
    assert sum(one.requests_in_flight() for one in ours) == 0
    world.run(_close(client))


async def _close(client: Http2Client) -> None:
    client.wire.close()
    await client.wire.wait_lost()


async def _cancel_many(client: Http2Client, world: Http2World) -> int:
    """Cancel calls, and have as many answered; return what their bodies took of the windows."""
    stream = 1
    sent = 0
    for calls in range(0, CALLS, _CALLS_AT_ONCE):
        burst = [cancelled(calls + at, stream + 2 * at) for at in range(_CALLS_AT_ONCE)]
        stream += 2 * _CALLS_AT_ONCE
        whole = range(stream, stream + 2 * _CALLS_AT_ONCE, 2)
        stream += 2 * _CALLS_AT_ONCE
        client.send(*burst, *(head(number, _NOWHERE, ends=True) for number in whole))
        sent += sum(map(data_bytes, burst))
        await client.wait_over(*whole)
        assert not client.is_gone, client.goaways
        assert {client.stream(number).status for number in whole} == {404}
        client.streams.clear()
        client.frames.clear()
        world.service.begin()
        await world.check_bystander()
    return sent
