"""Law 13: any byte stream yields well-formed answers or a close, and touches nobody else.

From either side: what a client sends, and what a service answers. Well-formed is what a parser
that is not ours (h11) takes, and the strict grammar of RFC 9112.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.gateways import bearer
from tests.proxy.hostile import pour
from tests.proxy.judge import Seen, read_answers, read_request
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.pieces import MARK, answer_streams, request_streams
from tests.proxy.service import Service
from tests.proxy.wire import Wire
from tests.proxy.world import World, running_world

# How many round trips of another client leave a connection as it is before it counts as still.
_STILL_ROUNDS = 10

# Turns of the event loop in which a piece that was sent gets to where it is read.
_TURNS = 3


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("laws")) as made:
        made.service.script = scripted
        yield made


def _mark(number: int) -> bytes:
    """Return twelve letters that stand nowhere else, as long as no letter of them is damaged."""
    return sha256(b"%d" % number).digest()[:12].translate(bytes(b"JQVWXZKY" * 32))


class _Stream:
    """A client that sends a stream in pieces, and never gets what another's mark is in."""

    def __init__(self, wire: Wire, number: int, pieces: list[bytes]) -> None:
        self.wire = wire
        self.mark = _mark(number)
        self.pieces = _marked(pieces, self.mark)
        self.heads = b"HEAD" in b"".join(pieces)

    async def send_next(self) -> None:
        """Send a piece, as far as the other side lets us."""
        await pour(self.wire, self.pieces.pop(0))
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def answers(self) -> list[Seen]:
        """Return the answers, every one whole unless the connection was reset."""
        if not (self.wire.is_lost or self.wire.transport.is_closing()):
            self.wire.end()
        await self.wire.wait_end()
        return _judged(self.wire, heads=self.heads)


def _marked(pieces: list[bytes], mark: bytes) -> list[bytes]:
    """Return *pieces* of the same number with the mark in them, also where it is cut in two."""
    ends = [0, *accumulate(map(len, pieces))]
    stream = b"".join(pieces)
    cuts = [len(stream[:end].replace(MARK, mark)) for end in ends]
    marked = stream.replace(MARK, mark)
    return [marked[start:end] for start, end in pairwise(cuts)]


def _judged(wire: Wire, *, heads: bool = False) -> list[Seen]:
    was_reset = wire.error is not None
    answers, _ = read_answers(bytes(wire.received), has_ended=not was_reset, heads=heads)
    assert was_reset or all(answer.is_whole for answer in answers), answers[-1]
    return answers


async def _still(world: World, wires: list[Wire], other: Wire) -> None:
    """Wait until nothing more comes on *wires*, while *other* is answered again and again."""
    unchanged, last = 0, -1
    while unchanged < _STILL_ROUNDS:
        mark = b"victim%d" % next(world.numbers)
        other.send(make_request(f"/public/{mark.decode()}"))
        assert (await read_answer(other)).body == b"/public/" + mark + b" "
        received = sum(len(wire.received) for wire in wires)
        unchanged = unchanged + 1 if received == last else 0
        last = received


# As CGI and its heirs see the names of identity fields: every sign is one.
_IDENTITY = {
    b"x-gateway-" + name for name in (b"subject", b"issuer", b"client", b"scopes", b"token-id")
}


def _forged(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return what a client put under the name of an identity field, in any spelling.

    A stream that was mutated may hold the same value under a name that is none any more.
    """
    return [
        (name, value)
        for name, value in fields
        if b"mallory" in value and re.sub(rb"[^a-z0-9]", b"-", name.lower()) in _IDENTITY
    ]


class _Judged:
    """How far the bytes that services got have been judged."""

    def __init__(self) -> None:
        self._unread: dict[Wire, int] = {}

    def check(self, service: Service) -> None:
        """Read on with a parser that is not ours; raises Malformed."""
        for wire in service.connections:
            at = self._unread.get(wire, 0)
            data = bytes(memoryview(wire.received)[at:])
            while data:
                request, rest = read_request(data)
                if request is None or not request.is_whole:
                    break
                assert _forged((*request.fields, *request.trailers)) == []
                data = rest
            self._unread[wire] = len(wire.received) - len(data)


judged = _Judged()


async def _play(world: World, streams: list[list[bytes]], order: list[int]) -> list[list[Seen]]:
    """Return the answers to *streams*, sent piece by piece beside a client that does no wrong."""
    other = await world.gateway.connect()
    clients = [
        _Stream(await world.gateway.connect(), next(world.numbers), pieces) for pieces in streams
    ]
    for which in order:
        if clients[which % len(clients)].pieces:
            await clients[which % len(clients)].send_next()
    for client in clients:
        while client.pieces:
            await client.send_next()
    await _still(world, [client.wire for client in clients], other)
    answers = [await client.answers() for client in clients]
    for wire in (other, *(client.wire for client in clients)):
        others = [client.mark for client in clients if client.wire is not wire]
        assert not any(mark in wire.received for mark in others)
        assert wire is other or b"victim" not in wire.received
        wire.close()
    judged.check(world.service)
    return answers


def _summary(answers: list[Seen]) -> list[bool]:
    """Return which requests were answered by the service, and which refused.

    What is left out depends on the bytes that have come when it is said: whether a body is
    asked for, and whether it is the head or what follows it that a request is refused for.
    """
    return [not _is_refusal(answer) for answer in answers if answer.status != 100]


def _is_refusal(answer: Seen) -> bool:
    return answer.all(b"content-type") == [b"application/problem+json"]


client_streams = request_streams(bearer())


@settings(max_examples=300)
@given(pieces=client_streams)
def test_13_any_stream_gets_well_formed_responses_or_a_close(
    pieces: list[bytes], world: World
) -> None:
    """And the same ones however it is split, up to a refusal that ends the connection."""
    (whole,) = world.run(_play(world, [[b"".join(pieces)]], []))
    (split,) = world.run(_play(world, [pieces], []))

    shorter, longer = sorted((_summary(whole), _summary(split)), key=len)
    assert longer[: len(shorter)] == shorter
    assert shorter == longer or shorter[-1:] == [False]


@settings(max_examples=200)
@given(
    first=client_streams,
    second=client_streams,
    order=st.lists(st.integers(0, 1), max_size=16),
)
def test_13_two_streams_over_one_pool_stay_apart(
    first: list[bytes], second: list[bytes], order: list[int], world: World
) -> None:
    """And each gets what it would have got alone, however their pieces are mixed."""
    mixed = world.run(_play(world, [first, second], order))

    for together, pieces in zip(mixed, (first, second), strict=True):
        (alone,) = world.run(_play(world, [pieces], []))
        shorter, longer = sorted((_summary(together), _summary(alone)), key=len)
        assert longer[: len(shorter)] == shorter
        assert shorter == longer or shorter[-1:] == [False]


@settings(max_examples=100)
@given(stream=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_13_garbage_gets_one_refusal_or_a_close(
    stream: bytes, cuts: list[int], world: World
) -> None:
    before = len(world.service.connections)
    ends = sorted(min(cut, len(stream)) for cut in cuts)
    pieces = [stream[at:end] for at, end in zip([0, *ends], [*ends, len(stream)], strict=True)]

    (answers,) = world.run(_play(world, [pieces], []))

    assert [answer.status for answer in answers] in ([], [400])
    assert all(_is_refusal(answer) for answer in answers)
    assert len(world.service.connections) <= before + 1


# --- what services send


class _Scripted:
    """A service that answers requests for ``/public/scripted…`` when the test says so.

    Once it *is_over* it closes on them: a safe one comes again where a kept connection ended.
    """

    def __init__(self) -> None:
        self.waiting: dict[bytes, Wire] = {}
        self.is_over = False

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            if request.target.startswith(b"/public/scripted"):
                if self.is_over:
                    wire.close()
                    return
                self.waiting[request.target] = wire
            else:
                wire.send(make_answer(request.target + b" " + request.body))


scripted = _Scripted()


async def _settle(other: Wire) -> None:
    """Let all that was sent arrive, by requests that need no connection to the service."""
    for _ in range(_STILL_ROUNDS):
        other.send(make_request("/nowhere"))
        assert (await read_answer(other)).status == 404


async def _ask_both(
    world: World, methods: list[str], answers: list[list[bytes]], order: list[int], end: bool
) -> None:
    """Ask twice at once, have both answered piece by piece, and ask for the right thing behind."""
    scripted.waiting.clear()
    scripted.is_over = False
    other = await world.gateway.connect()
    wires = [await world.gateway.connect() for _ in answers]
    marks = [_mark(next(world.numbers)) for _ in answers]
    for wire, mark, method in zip(wires, marks, methods, strict=True):
        body = b"x" if method == "POST" else None
        target = f"/public/scripted-{mark.decode()}"
        wire.send(make_request(target, method=method, body=body))
    while len(scripted.waiting) < len(answers):
        await _settle(other)
    services = [scripted.waiting[b"/public/scripted-" + mark] for mark in marks]
    left = [_marked(pieces, mark) for pieces, mark in zip(answers, marks, strict=True)]
    for which in (*order, *([0] * len(left[0])), *([1] * len(left[1]))):
        if left[which]:
            await pour(services[which], left[which].pop(0))
            for _ in range(_TURNS):
                await asyncio.sleep(0)
    scripted.is_over = True
    if end:
        for service in services:
            service.close()
    await _settle(other)
    await _ask_on(wires, marks)
    await _settle(other)
    for service in services:
        service.close()
    for at, wire in enumerate(wires):
        _close(wire)
        await wire.wait_end()
        found = _judged(wire, heads=methods[at] == "HEAD")
        assert not any(mark in wire.received for mark in marks[:at] + marks[at + 1 :])
        finals = [answer for answer in found if answer.is_whole and answer.status >= 200]
        honest = [answer.body for answer in finals[1:] if not _is_refusal(answer)]
        assert honest in ([], [b"/public/next-" + marks[at] + b" "])
        assert sum(answer.status < 200 for answer in found if answer.is_whole) <= 16
        wire.close()
    other.close()
    judged.check(world.service)


async def _ask_on(wires: list[Wire], marks: list[bytes]) -> None:
    """Ask again on every connection that is left."""
    for wire, mark in zip(wires, marks, strict=True):
        await pour(wire, make_request(f"/public/next-{mark.decode()}"))


def _close(wire: Wire) -> None:
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()


METHODS = st.sampled_from(["GET", "HEAD", "POST"])


@settings(max_examples=300)
@given(
    methods=st.lists(METHODS, min_size=2, max_size=2),
    first=answer_streams(),
    second=answer_streams(),
    order=st.lists(st.integers(0, 1), max_size=16),
    end=st.booleans(),
)
def test_13_whatever_services_send_each_client_gets_its_own_response_or_a_cut(
    methods: list[str],
    first: list[bytes],
    second: list[bytes],
    order: list[int],
    end: bool,
    world: World,
) -> None:
    """Well-formed, or a refusal, or a reset: and nothing of another's, nor of one before."""
    world.run(_ask_both(world, methods, [first, second], order, end))
