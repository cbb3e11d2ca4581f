"""The corpus in pieces: what a message means does not depend on how its bytes come.

Every case is played whole, byte by byte, and cut in two at every offset, on the data port's
own protocols over transports in memory: each piece is handed in when all that the one before
led to is done. A case of more than 2 KiB is cut at every offset of its first and last 128
bytes and of the 8 bytes around each line end there is (the first 64), and at every 509th
between; and it comes in pieces of 61 bytes instead of single ones.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
import uvloop

from tests.proxy.corpus import AnswerCase, RequestCase, Then, answer_cases, request_cases
from tests.proxy.corpus_routes import CORPUS_ROUTES
from tests.proxy.gateways import load, write_config
from tests.proxy.memory_world import MemoryTransport, MemoryWorld, running_memory_world
from tests.proxy.messages import Message
from tests.proxy.observed import (
    SENTINEL,
    SENTINEL_ECHO,
    Got,
    Observed,
    asked_request,
    differences,
    got_of,
    judge_answer,
    service_bodies,
    split_answers,
)
from tests.proxy.recorder import PING, PONG, echo

each_request = pytest.mark.parametrize("case", request_cases(), ids=lambda case: case.name)
each_answer = pytest.mark.parametrize("case", answer_cases(), ids=lambda case: case.name)

_LARGE_BYTES = 2048


class Played:
    """The data port in memory, and the loop it runs on."""

    def __init__(self, runner: asyncio.Runner, world: MemoryWorld) -> None:
        self.runner = runner
        self.world = world


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    stack = AsyncExitStack()
    path = write_config(
        tmp_path_factory.mktemp("splits"),
        ["http://service.test"],
        {"routes": CORPUS_ROUTES, "http2": False},
    )

    async def start() -> MemoryWorld:
        return await stack.enter_async_context(running_memory_world(load(path)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield Played(runner, runner.run(start()))
        runner.run(stack.aclose())


def ways(data: bytes) -> Iterator[list[bytes]]:
    """Return every way in which *data* is cut."""
    step = 1 if len(data) <= _LARGE_BYTES else 61
    yield [data[at : at + step] for at in range(0, len(data), step)]
    for at in offsets(data):
        yield [data[:at], data[at:]]


def offsets(data: bytes) -> list[int]:
    """Return where *data* is cut in two."""
    size = len(data)
    if size <= _LARGE_BYTES:
        return list(range(1, size))
    near = {*range(1, 129), *range(size - 128, size), *range(509, size, 509)}
    end = data.find(b"\r\n")
    for _ in range(64):
        if end < 0:
            break
        near.update(range(max(1, end - 3), min(size, end + 5)))
        end = data.find(b"\r\n", end + 2)
    return sorted(near)


def test_a_case_is_cut_at_every_offset_and_a_large_one_near_its_line_ends() -> None:
    small, large = b"a" * 2048, b"a" * 3000 + b"\r\n" + b"a" * 3000

    assert offsets(small) == list(range(1, 2048))
    assert {1, 128, 3000, 3001, 3002, 6001, 509 * 9} <= set(offsets(large))
    assert [len(way) for way in ways(b"abc")] == [3, 2, 2]


# --- what clients send


@each_request
def test_a_request_means_the_same_however_it_is_cut(case: RequestCase, played: Played) -> None:
    sent = case.sent

    async def play() -> None:
        whole = await observe(played.world, case, [sent])
        assert differences(case, whole) == []
        for pieces in ways(sent):
            seen = await observe(played.world, case, pieces)
            assert seen.essence == whole.essence, [len(piece) for piece in pieces]
            assert case.is_begun or not seen.saw_more, [len(piece) for piece in pieces]

    played.runner.run(play())


def _upgrade_later(request: Message) -> bytes | None:
    return None if request.has(b"upgrade") else echo(request)


async def observe(world: MemoryWorld, case: RequestCase, pieces: list[bytes]) -> Observed:
    """Hand in *pieces*, and then find out what becomes of the connection.

    The service answers an upgrade once all pieces are there.
    """
    world.begin(_upgrade_later)
    transport = world.connect()
    await world.send(transport, pieces)
    for end in world.pool.ends:
        if end.transport.is_closing():
            continue
        end.recorder.reply = echo
        answer = end.recorder.feed(b"")
        if answer:
            end.transport.deliver(answer)
    await world.activity.settle()
    saw_more = any(end.recorder.pending for end in world.pool.ends)
    assert not any(end.recorder.is_odd for end in world.pool.ends)
    forwarded = tuple(world.requests)
    written = bytes(transport.written)
    then = await _find_out(world, transport)
    answers = split_answers(written, case.answers, transport.is_ended or transport.is_closing())
    labels = tuple(one.label for one in answers)
    return Observed(labels, service_bodies(answers), then, forwarded, saw_more)


async def _find_out(world: MemoryWorld, transport: MemoryTransport) -> Then:
    if transport.is_ended or transport.is_closing():
        then: Then = "closes"
    elif b"HTTP/1.1 101 " in transport.written:
        await world.send(transport, [PING])
        then = "tunnel" if transport.written.endswith(PONG) else "closes"
    else:
        await world.send(transport, [SENTINEL])
        is_served = transport.written.endswith(SENTINEL_ECHO)
        then = "stays" if is_served and not transport.is_closing() else "waits"
    transport.end()
    transport.close()
    await world.activity.settle()
    return then


# --- what services answer


@each_answer
def test_a_response_means_the_same_however_it_is_cut(case: AnswerCase, played: Played) -> None:
    """Where it is bad, a cut may take the place of a 502; neither is a complete answer."""

    async def play() -> None:
        whole = await ask(played.world, case, [case.answer])
        assert judge_answer(case, whole) == []
        for pieces in ways(case.answer):
            got = await ask(played.world, case, pieces)
            assert got.essence == whole.essence, [len(piece) for piece in pieces]

    played.runner.run(play())


async def ask(world: MemoryWorld, case: AnswerCase, pieces: list[bytes]) -> Got:
    """Ask, have the service answer with *pieces*, and look that they are nobody else's answer."""
    world.begin(lambda _: b"")
    transport = world.connect()
    await world.send(transport, [asked_request(case)])
    (end,) = world.pool.ends
    await world.send(end.transport, pieces)
    if case.ending == "closes":
        end.transport.end()
        await world.activity.settle()
    written = bytes(transport.written)
    got = got_of(case, written, transport.is_ended or transport.is_closing(), transport.is_reset)
    if not (transport.is_ended or transport.is_closing()) and got.then != "tunnel":
        for one in world.pool.ends:
            one.recorder.reply = echo
        world.reply = echo
        await world.send(transport, [SENTINEL])
        assert transport.written[len(written) :].endswith(SENTINEL_ECHO)
        assert transport.written[len(written) :].count(b"HTTP/1.1 ") == 1
    transport.end()
    transport.close()
    await world.activity.settle()
    return got
