"""The corpus on the wire: every case against the data port, before a raw recording service.

``tests/corpus/requests`` is what clients send, ``tests/corpus/answers`` what services answer.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import uvloop

from gateway.decision.reason import Reason
from gateway.proxy.upstream.server_pool import ServerPool
from tests.proxy.corpus import AnswerCase, RequestCase, Then, answer_cases, request_cases
from tests.proxy.corpus_routes import CORPUS_ROUTES
from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.observed import (
    SENTINEL,
    SENTINEL_ECHO,
    Answered,
    Got,
    Observed,
    asked_request,
    differences,
    got_of,
    judge_answer,
    service_bodies,
    split_answers,
    wanted_answers,
)
from tests.proxy.recorder import PING, PONG, RecordingService, echo, running_recorder
from tests.proxy.wire import Wire

each_request = pytest.mark.parametrize("case", request_cases(), ids=lambda case: case.name)
each_answer = pytest.mark.parametrize("case", answer_cases(), ids=lambda case: case.name)

_FENCE = b"/public/fence"


@dataclass(frozen=True, slots=True)
class CorpusWorld:
    """A gateway before a recording service, for all cases."""

    runner: asyncio.Runner
    service: RecordingService
    gateway: RunningGateway


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CorpusWorld]:
    stack = AsyncExitStack()
    folder = tmp_path_factory.mktemp("corpus")

    async def start(runner: asyncio.Runner) -> CorpusWorld:
        service = await stack.enter_async_context(running_recorder())
        url = f"http://127.0.0.1:{service.port}"
        # Each answer is given once: a request that is sent again would get the next one's.
        once = {"retries": {"kept_connections": False}}
        changes = {"routes": CORPUS_ROUTES, "upstream": once, "http2": False}
        settings = load(write_config(folder, [url], changes))
        gateway = await stack.enter_async_context(running_gateway(settings))
        return CorpusWorld(runner, service, gateway)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.run(start(runner))
        runner.run(stack.aclose())


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len(request_cases()) + len(answer_cases()) >= 400


def test_every_case_has_a_name_of_its_own_and_says_where_it_is_from() -> None:
    cases = [(case.name, case.source) for case in request_cases()]
    cases += [(case.name, case.source) for case in answer_cases()]
    names = Counter(name for name, _ in cases)

    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name, source in cases if not source.strip()] == []


def test_no_two_cases_send_the_same_bytes() -> None:
    sent = Counter(case.sent for case in request_cases())
    answered = Counter((case.asked, case.answer, case.ending) for case in answer_cases())

    assert [raw for raw, count in sent.items() if count > 1] == []
    assert [raw for raw, count in answered.items() if count > 1] == []


def test_every_reason_in_the_corpus_is_a_reason_code() -> None:
    ours = {f"{one.status} {one.code}" for one in Reason}
    said = {answer for case in request_cases() for answer in case.answers if " " in answer}

    assert {one for one in said if not one.endswith(" to HEAD")} <= ours


# --- what clients send


@each_request
def test_what_a_client_sends_is_refused_or_forwarded_as_the_corpus_says(
    case: RequestCase, world: CorpusWorld
) -> None:
    seen = world.runner.run(observe(world, case))

    assert differences(case, seen) == []


async def observe(world: CorpusWorld, case: RequestCase) -> Observed:
    """Send the bytes in one piece, and then find out what becomes of the connection."""
    service = world.service
    service.begin()
    wire = await world.gateway.connect()
    wire.send(case.sent)
    await wire.wait_for(lambda: wire.has_ended or _count(wire, case) >= len(case.answers))
    then = await _find_out(world, wire, case)
    await _fence(world)
    answers = _answers(wire, case)
    if then == "stays":
        answers.pop()
    wire.close()
    forwarded = [one for one in service.requests if one.target != _FENCE]
    assert service.odd == []
    return Observed(
        tuple(one.label for one in answers),
        service_bodies(answers),
        then,
        tuple(one for one in forwarded if one.all(b"host") != [b"sentinel.test"]),
        service.saw_more,
    )


def _answers(wire: Wire, case: RequestCase) -> list[Answered]:
    ended = wire.has_ended and wire.error is None
    return split_answers(bytes(wire.received), case.answers, ended)


def _count(wire: Wire, case: RequestCase) -> int:
    return len(wanted_answers(case, (one.label for one in _answers(wire, case))))


async def _find_out(world: CorpusWorld, wire: Wire, case: RequestCase) -> Then:
    """Return what the connection does now; the case says which way to look."""
    if wire.has_ended:
        return "closes"
    match case.then:
        case "stays":
            count = len(case.answers) + 1
            wire.send(SENTINEL)
            await wire.wait_for(lambda: wire.has_ended or _count(wire, case) >= count)
            last = _answers(wire, case)[-1:]
            is_served = bool(last) and last[0].message.body == SENTINEL_ECHO
            return "stays" if is_served and not wire.has_ended else "closes"
        case "closes":
            await wire.wait_end()
            return "closes"
        case "waits":
            await _fence(world)
            if wire.has_ended:
                return "closes"
            wire.end()
            await wire.wait_end()
            return "waits"
        case "tunnel":
            wire.send(PING)
            await wire.wait_for(lambda: wire.has_ended or wire.received.endswith(PONG))
            return "tunnel"


async def _fence(world: CorpusWorld) -> None:
    """Return when everything that was on its way to the service before is there."""
    await world.gateway.ask(make_request(_FENCE.decode()))


# --- what services answer


@each_answer
def test_a_response_is_passed_on_or_refused_as_the_corpus_says(
    case: AnswerCase, world: CorpusWorld
) -> None:
    got, is_kept = world.runner.run(ask(world, case))

    assert judge_answer(case, got) == []
    assert is_kept == case.is_kept


async def ask(world: CorpusWorld, case: AnswerCase) -> tuple[Got, bool]:
    """Ask for the answer, and then whether what was behind it comes for the next one."""
    service = world.service
    service.begin()
    # A server that sent a body with an answer that has none is remembered; this is another one.
    (member,) = world.gateway.gateway.data._serving.pools[0]._members.all
    assert isinstance(member.pool, ServerPool)
    member.pool.is_distrusted = False
    service.reply = lambda _: case.answer
    service.closes = case.ending == "closes"
    wire = await world.gateway.connect()
    wire.send(asked_request(case))
    await wire.wait_for(lambda: wire.has_ended or _is_final(_got(wire, case), case))
    if case.then == "closes" and case.client != ("refused or cut",):
        await wire.wait_end()
    service.reply, service.closes = echo, False
    got = _got(wire, case)
    if case.then == "tunnel":
        wire.close()
        return got, False
    # Behind an answer without a body a connection is looked at before it serves again.
    assert (await world.gateway.ask(make_request("/nowhere"))).status == 404
    if not wire.has_ended:
        wire.send(SENTINEL)
        await wire.wait_for(lambda: wire.has_ended or wire.received.endswith(SENTINEL_ECHO))
    else:
        assert (await world.gateway.ask(SENTINEL)).body == SENTINEL_ECHO
    wire.close()
    assert [one.all(b"host") for one in service.requests[1:]] == [[b"sentinel.test"]]
    return got, service.sources[0] is service.sources[1]


def _is_final(got: Got, case: AnswerCase) -> bool:
    return len(got.client) >= len(case.client) and not got.client[-1].endswith("cut")


def _got(wire: Wire, case: AnswerCase) -> Got:
    is_reset = wire.error is not None
    return got_of(case, bytes(wire.received), wire.has_ended, is_reset)
