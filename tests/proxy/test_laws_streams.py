"""Law 13: any byte stream yields well-formed answers or a close, and touches nobody else."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.gateways import bearer
from tests.proxy.hostile import answers_until_end, pour, reason
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.wire import Wire
from tests.proxy.world import World, running_world

# How many round trips of another client leave a connection as it is before it counts as still.
_STILL_ROUNDS = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("laws")) as made:
        yield made


_HOST = b"Host: gateway.test\r\n"
_SECTIONS = [
    _HOST + b"\r\n",
    _HOST + b"Accept: */*\r\n\r\n",
    _HOST + bearer() + b"\r\n\r\n",
    _HOST + b"Connection: close\r\n\r\n",
    _HOST + b"Content-Length: 5\r\n\r\nMARKx",
    _HOST + b"Content-Length: 0\r\n\r\n",
    _HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nMARK\r\n0\r\n\r\n",
    _HOST + b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nMARK\r\n0\r\nX: y\r\n\r\n",
    _HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nMARK",
    _HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"Host: a,b\r\n\r\n",
    b"\r\n",
]
_LINES = [
    b"GET /public/MARK HTTP/1.1\r\n",
    b"GET /public/MARK HTTP/1.0\r\n",
    b"POST /public/MARK HTTP/1.1\r\n",
    b"POST /api/MARK HTTP/1.1\r\n",
    b"GET /api/MARK HTTP/1.1\r\n",
    b"GET /public/../MARK HTTP/1.1\r\n",
    b"GET /nowhere HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"TRACE /public/MARK HTTP/1.1\r\n",
    b"CONNECT MARK:443 HTTP/1.1\r\n",
    b"GET http://other.test/public/MARK HTTP/1.1\r\n",
]
whole_requests = st.builds(
    lambda line, section: line + section, st.sampled_from(_LINES), st.sampled_from(_SECTIONS)
)
fragments = whole_requests | st.sampled_from([*_LINES, *_SECTIONS]) | st.binary(max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Return bytes much like requests, perhaps damaged, and where to split them."""
    stream = bytearray(b"".join(draw(st.lists(fragments, min_size=1, max_size=6))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(stream)))
        stream[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=8))
    return bytes(stream), sorted(cuts)


async def _still(world: World, wire: Wire, other: Wire) -> None:
    """Wait until nothing more comes on *wire*, while *other* is answered again and again."""
    unchanged, last = 0, -1
    while unchanged < _STILL_ROUNDS:
        mark = b"victim%d" % next(world.numbers)
        other.send(make_request(f"/public/{mark.decode()}"))
        assert (await read_answer(other)).body == b"/public/" + mark + b" "
        unchanged = unchanged + 1 if len(wire.received) == last else 0
        last = len(wire.received)


async def _play(world: World, stream: bytes, cuts: list[int]) -> list[Message]:
    """Return the answers to *stream*, sent in pieces beside a client that does no wrong."""
    wire, other = await world.gateway.connect(), await world.gateway.connect()
    mark = _mark(next(world.numbers))
    stream = stream.replace(b"MARK", mark)
    for start, end in pairwise([0, *cuts, len(stream)]):
        await pour(wire, stream[start:end])
        for _ in range(3):
            await asyncio.sleep(0)
    await _still(world, wire, other)
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()
    answers = await answers_until_end(wire)
    assert b"victim" not in wire.received
    assert mark not in other.received
    wire.close()
    other.close()
    return answers


def _mark(number: int) -> bytes:
    """Return four letters that stand nowhere else in an answer."""
    return bytes(b"JQVWXZ"[number // 6**place % 6] for place in range(4))


def _summary(answers: list[Message]) -> list[bool]:
    """Return which requests were answered by the service, and which refused.

    What is left out depends on the bytes that have come when it is said: whether a body is
    asked for, and whether it is the head or what follows it that a request is refused for.
    """
    return [reason(answer) is None for answer in answers if answer.status != 100]


@settings(max_examples=200)
@given(case=streams())
def test_13_any_stream_gets_well_formed_answers_or_a_close(
    case: tuple[bytes, list[int]], world: World
) -> None:
    """And the same ones however it is split, up to a refusal that ends the connection."""
    stream, cuts = case

    whole = _summary(world.run(_play(world, stream, [])))
    split = _summary(world.run(_play(world, stream, cuts)))

    shorter, longer = sorted((whole, split), key=len)
    assert longer[: len(shorter)] == shorter
    assert shorter == longer or shorter[-1:] == [False]


@settings(max_examples=100)
@given(stream=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_13_garbage_gets_one_refusal_or_a_close(
    stream: bytes, cuts: list[int], world: World
) -> None:
    before = len(world.service.connections)

    answers = world.run(_play(world, stream, sorted(min(cut, len(stream)) for cut in cuts)))

    assert [reason(answer) for answer in answers] in ([], ["request_malformed"])
    assert len(world.service.connections) <= before + 1
