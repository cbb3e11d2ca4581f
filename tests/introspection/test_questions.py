"""One question for each token, not too many at one time, and no answer without one."""

import asyncio
import logging
from typing import Any

import pytest

from gateway.decision.tokens.introspected import TokenAnswer
from gateway.introspection import questions as module
from gateway.introspection.asking import NoAnswer
from gateway.introspection.memory import AnswerMemory
from gateway.introspection.questions import (
    MOST_IN_FLIGHT,
    MOST_TOKENS_WAITING,
    Questions,
)
from gateway.oauth.introspection import TokenState
from gateway.telemetry.metrics.introspection import IntrospectionMetrics
from tests.keyring.peers import until

NOW = 1_900_000_000.0
ALICE: dict[str, Any] = {"active": True, "sub": "alice"}
SILENCE = NoAnswer("http://idp: cannot connect", is_silent=True)


class Issuer:
    """Answers as *says*, once *gate* is open; *asked* has each question."""

    def __init__(self) -> None:
        self.says: TokenState | NoAnswer | Exception = TokenState(True, ALICE)
        self.asked: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, token: bytes) -> TokenState | NoAnswer:
        self.asked.append(token)
        says = self.says
        await self.gate.wait()
        if isinstance(says, Exception):
            raise says
        return says


class World:
    def __init__(self, cache_seconds: float = 60.0, timeout_seconds: float = 60.0) -> None:
        self.issuer = Issuer()
        self.now, self.steady = NOW, 1000.0
        self.metrics = IntrospectionMetrics()
        self.metrics.expect("idp")
        self.questions = Questions(
            "idp",
            self.issuer,
            AnswerMemory(cache_seconds),
            self.metrics,
            timeout_seconds=timeout_seconds,
            wall=lambda: self.now,
            steady=lambda: self.steady,
        )

    async def ask(self, token: bytes = b"t") -> TokenAnswer | None:
        return await self.questions.ask(token)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def counted(self) -> dict[str, int]:
        return {word: count for (_, word), count in self.metrics.questions.items() if count}


async def test_an_answer_is_remembered_as_long_as_it_counts() -> None:
    """7662.4."""
    world = World()
    first = await world.ask()
    world.pass_time(59.9)
    second = await world.ask()
    world.pass_time(0.1)
    third = await world.ask()

    assert first == TokenAnswer(ALICE, NOW, NOW + 60)
    assert second is first
    assert third is not first
    assert world.issuer.asked == [b"t", b"t"]
    assert world.counted() == {"active": 2, "cached": 1}


async def test_without_a_cache_each_request_asks() -> None:
    world = World(cache_seconds=0.0)
    await world.ask()
    await world.ask()

    assert world.issuer.asked == [b"t", b"t"]


async def test_requests_with_one_token_share_one_question() -> None:
    world = World(cache_seconds=0.0)
    world.issuer.gate.clear()
    asking = [asyncio.create_task(world.ask()) for _ in range(100)]
    other = asyncio.create_task(world.ask(b"other"))
    await until(lambda: len(world.issuer.asked) == 2)
    world.issuer.gate.set()

    answers = await asyncio.gather(*asking)

    assert len(set(map(id, answers))) == 1
    assert await other is not None
    assert sorted(world.issuer.asked) == [b"other", b"t"]


async def test_a_client_that_leaves_takes_no_answer_from_others() -> None:
    world = World()
    world.issuer.gate.clear()
    leaving, staying = (asyncio.create_task(world.ask()) for _ in range(2))
    await until(lambda: world.issuer.asked == [b"t"])
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    world.issuer.gate.set()

    assert await staying is not None


async def test_a_flood_of_made_up_tokens_is_no_flood_at_the_issuer() -> None:
    world = World()
    world.issuer.says = TokenState(False)
    world.issuer.gate.clear()
    flood = [asyncio.create_task(world.ask(b"%d" % number)) for number in range(2000)]
    await until(lambda: world.counted().get("overload", 0) > 0)

    assert len(world.issuer.asked) == MOST_IN_FLIGHT
    assert world.counted()["overload"] == 2000 - MOST_IN_FLIGHT - MOST_TOKENS_WAITING
    world.issuer.gate.set()
    answers = await asyncio.gather(*flood)
    assert sum(one is not None for one in answers) == MOST_IN_FLIGHT + MOST_TOKENS_WAITING


async def test_so_many_requests_wait_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS_WAITING", 3)
    world = World()
    world.issuer.gate.clear()
    waiting = [asyncio.create_task(world.ask()) for _ in range(3)]
    await until(lambda: world.issuer.asked == [b"t"])

    assert await world.ask() is None
    assert world.counted() == {"overload": 1}
    world.issuer.gate.set()
    assert None not in await asyncio.gather(*waiting)


async def test_no_request_waits_longer_than_the_timeout() -> None:
    world = World(timeout_seconds=0.01)
    world.issuer.gate.clear()
    tokens = [b"%d" % number for number in range(MOST_IN_FLIGHT + 5)]

    answers = await asyncio.gather(*map(world.ask, tokens))

    assert set(answers) == {None}
    assert world.counted().keys() <= {"failed", "overload"}
    assert sum(world.counted().values()) == len(tokens)


@pytest.mark.parametrize(
    "says",
    [NoAnswer("no JSON"), SILENCE, RuntimeError("a bug")],
    ids=["malformed", "silent", "bug"],
)
async def test_what_is_no_answer_is_never_remembered(
    says: NoAnswer | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """7662.3."""
    world = World()
    world.issuer.says = says
    assert await world.ask() is None
    world.issuer.says = TokenState(True, ALICE)

    assert await world.ask() is not None
    assert world.counted() == {"failed": 1, "active": 1}
    assert any(one.levelno >= logging.ERROR for one in caplog.records)


async def test_a_token_that_becomes_somebody_elses_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(cache_seconds=0.0)
    await world.ask()
    world.issuer.says = TokenState(True, {"active": True, "sub": "bob"})

    assert await world.ask() is None
    assert "another sub than before" in caplog.text
    assert "bob" not in caplog.text
    world.issuer.says = TokenState(True, ALICE)
    assert await world.ask() is not None


async def test_an_issuer_that_does_not_respond_is_left_alone_for_a_while() -> None:
    world = World()
    world.issuer.says = SILENCE
    for number in range(5):
        assert await world.ask(b"%d" % number) is None
    world.issuer.says = TokenState(True, ALICE)

    assert await world.ask() is None
    assert len(world.issuer.asked) == 5
    assert world.counted() == {"failed": 5, "paused": 1}
    world.pass_time(1.0)
    assert await world.ask() is not None


async def test_answers_at_hand_count_meanwhile() -> None:
    world = World()
    held = await world.ask(b"known")
    world.issuer.says = SILENCE
    for number in range(6):
        await world.ask(b"%d" % number)

    assert await world.ask(b"known") is held


async def test_one_token_that_an_issuer_fails_on_stops_no_other() -> None:
    world = World(cache_seconds=0.0)
    for _ in range(20):
        world.issuer.says = SILENCE
        assert await world.ask(b"poison") is None
        world.issuer.says = TokenState(True, ALICE)
        assert await world.ask() is not None


async def test_an_issuer_may_say_when_to_ask_again() -> None:
    world = World()
    world.issuer.says = NoAnswer("status 429", is_silent=True, pause_seconds=7200.0)
    await world.ask()
    world.issuer.says = TokenState(True, ALICE)

    world.pass_time(59.9)
    assert await world.ask() is None
    world.pass_time(0.1)
    assert await world.ask() is not None


async def test_a_fault_is_logged_once_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    world.issuer.says = NoAnswer("no JSON")
    for number in range(50):
        await world.ask(b"%d" % number)
    assert len(caplog.records) == 1
    assert world.questions.last_error == "no JSON"

    world.pass_time(60.0)
    await world.ask()
    assert len(caplog.records) == 2
    world.issuer.says = TokenState(False)
    await world.ask()
    assert caplog.records[-1].getMessage() == "issuer idp: answers about tokens again"
    assert world.questions.last_error is None


@pytest.mark.parametrize("end", ["finish", "close"])
async def test_questions_in_flight_are_finished_or_have_no_answer(end: str) -> None:
    world = World()
    world.issuer.gate.clear()
    asking = asyncio.create_task(world.ask())
    await until(lambda: world.issuer.asked == [b"t"])
    questions = world.questions
    stopping = asyncio.create_task(questions.finish() if end == "finish" else questions.close())
    await asyncio.sleep(0)
    if end == "finish":
        world.issuer.gate.set()

    answer = await asking

    await stopping
    assert (answer is not None) is (end == "finish")
