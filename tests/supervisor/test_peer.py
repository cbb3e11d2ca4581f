"""Two processes exchange messages in order, and survive a peer that is gone or broken."""

import asyncio
import logging
import pickle
import socket
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.peer import PeerGone, Refused
from tests.hanging import LIMIT_SECONDS
from tests.keyring.peers import until
from tests.supervisor.pair import echo, one_end, two_ends


async def test_what_is_told_before_a_question_is_heard_before_it() -> None:
    async with two_ends() as (left, right):
        right.reply = echo
        for number in range(100):
            left.peer.notify(("update", number))
            assert await left.peer.ask(number) == number

    assert right.heard == [one for number in range(100) for one in (("update", number), number)]


async def test_what_is_told_before_an_answer_is_heard_before_whoever_asked_goes_on() -> None:
    async with two_ends() as (left, right):

        async def tell_first(question: object) -> object:
            right.peer.notify("update")
            return question

        right.reply = tell_first
        await left.peer.ask("question")

        assert left.heard == ["update"]


async def test_both_may_ask_at_the_same_time_and_answers_come_as_they_are_ready() -> None:
    async with two_ends() as (left, right):
        free = asyncio.Event()

        async def wait(question: object) -> object:
            if question == "slow":
                await free.wait()
            return question

        left.reply, right.reply = echo, wait
        slow = asyncio.create_task(left.peer.ask("slow"))
        quick = [left.peer.ask(number) for number in range(20)]
        other = [right.peer.ask(number) for number in range(20)]

        assert await asyncio.gather(*quick, *other) == [*range(20), *range(20)]
        assert not slow.done()
        free.set()
        assert await slow == "slow"


async def test_a_refusal_says_why() -> None:
    async with two_ends() as (left, _):
        with pytest.raises(Refused, match="nobody answers 'x'"):
            await left.peer.ask("x")


async def test_what_the_system_does_not_allow_is_a_refusal_in_its_words() -> None:
    async def fail(_question: object) -> object:
        raise OSError(98, "Address already in use")

    async with two_ends() as (left, right):
        right.reply = fail
        with pytest.raises(Refused, match=r"^Address already in use$"):
            await left.peer.ask("x")


async def test_a_bug_in_the_answer_is_a_refusal_and_stands_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(question: object) -> object:
        raise KeyError(question)

    async with two_ends() as (left, right):
        right.reply = fail
        with pytest.raises(Refused, match=r"^internal error \(KeyError\); see the log$"):
            await left.peer.ask("x")
        right.reply = echo
        assert await left.peer.ask("y") == "y"

    assert "KeyError: 'x'" in caplog.text


async def test_an_answer_that_cannot_be_carried_over_is_a_bug_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def strange(_question: object) -> object:
        return lambda: None

    async with two_ends() as (left, right):
        right.reply = strange
        with pytest.raises(Refused, match="internal error"):
            await left.peer.ask("x")

    assert "pickle" in caplog.text.lower()


async def test_a_question_that_cannot_be_carried_over_is_the_fault_of_whoever_asks() -> None:
    async with two_ends() as (left, right):
        right.reply = echo
        with pytest.raises((AttributeError, pickle.PicklingError)):
            await left.peer.ask(lambda: None)
        assert await left.peer.ask("y") == "y"


async def test_a_bug_in_hearing_stands_in_the_log_and_the_next_word_is_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with two_ends() as (left, right):
        right.reply, right.bug = echo, ValueError("strange update")
        left.peer.notify("update")
        assert await left.peer.ask("question") == "question"

    assert right.heard == ["update", "question"]
    assert "ValueError: strange update" in caplog.text


async def test_whoever_waits_for_an_answer_hears_that_the_other_is_gone() -> None:
    async with two_ends() as (left, right):

        async def never(_question: object) -> object:
            await asyncio.Event().wait()
            raise AssertionError

        right.reply = never
        asking = asyncio.create_task(left.peer.ask("x"))
        await until(lambda: right.heard == ["x"])

        right.peer.close()

        with pytest.raises(PeerGone):
            await asking
        await left.listening  # it ends by itself
        with pytest.raises(PeerGone):
            await left.peer.ask("y")
        left.peer.notify("nothing comes of it")


async def test_what_is_being_answered_ends_with_the_peer() -> None:
    async with two_ends() as (left, right):
        ended = asyncio.Event()

        async def never(_question: object) -> object:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

        right.reply = never
        asking = asyncio.create_task(left.peer.ask("x"))
        await until(lambda: right.heard == ["x"])
        left.peer.close()

        await ended.wait()
        with pytest.raises(PeerGone):
            await asking


async def test_an_answer_that_nobody_waits_for_any_more_is_nobodys() -> None:
    async with two_ends() as (left, right):
        free = asyncio.Event()

        async def wait(question: object) -> object:
            await free.wait()
            return question

        right.reply = wait
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await left.peer.ask("x")
        free.set()
        assert await left.peer.ask("y") == "y"


async def test_a_large_message_comes_whole() -> None:
    octets = bytes(range(256)) * (64 * 1024)  # 16 MiB
    async with two_ends() as (left, right):
        right.reply = echo
        assert await left.peer.ask(octets) == octets


HELLO = pickle.dumps((0, 0, "hello"))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\xff" * 64, id="a length that nothing has"),
        pytest.param(pack("!Q", (1 << 30) + 1), id="a length that we never say"),
        pytest.param(pack("!Q", 5) + b"hello", id="no pickle"),
        pytest.param(pack("!Q", 0), id="nothing"),
        pytest.param(pack("!Q", len(HELLO) - 3) + HELLO, id="half a pickle"),
        pytest.param(pack("!Q", 4) + pickle.dumps(7)[:4], id="a short one"),
        pytest.param(pack("!Q", len(pickle.dumps([1]))) + pickle.dumps([1]), id="another shape"),
    ],
)
async def test_what_makes_no_sense_ends_the_talk_and_stands_in_the_log(
    octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with one_end() as (end, other):
        asking = asyncio.create_task(end.peer.ask("x"))
        await asyncio.get_running_loop().sock_sendall(other, octets)

        with pytest.raises(PeerGone):
            await asking
        await end.listening

    assert "invalid message from another process" in caplog.text


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 8 + len(HELLO) - 1])
async def test_a_peer_that_ends_in_the_middle_of_a_word_is_gone_and_no_fault(
    cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with one_end() as (end, other):
        whole = pack("!Q", len(HELLO)) + HELLO
        await asyncio.get_running_loop().sock_sendall(other, whole + whole[:cut])
        other.shutdown(socket.SHUT_WR)
        await end.listening

    assert end.heard == ["hello"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@given(st.binary(max_size=200))
def test_no_octets_raise_or_are_taken_for_something_they_are_not(octets: bytes) -> None:
    async def talk() -> None:
        logging.disable(logging.CRITICAL)
        try:
            async with one_end() as (end, other):
                await asyncio.get_running_loop().sock_sendall(other, octets)
                other.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(LIMIT_SECONDS):
                    await end.listening
        finally:
            logging.disable(logging.NOTSET)

    asyncio.run(talk())
