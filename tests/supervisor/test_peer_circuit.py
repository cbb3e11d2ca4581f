"""A supervisor that hangs is not asked again until it sends a message."""

import asyncio
import logging

import pytest

from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from tests.keyring.peers import until
from tests.supervisor.pair import End, echo, refuse, two_ends


async def hang(_question: object) -> object:
    return await asyncio.Event().wait()


async def open_circuit(worker: End, supervisor: End) -> PeerCircuit:
    circuit, supervisor.reply = PeerCircuit(worker.peer), hang
    with pytest.raises(PeerGone):
        await circuit.ask("question", 0.01)
    return circuit


async def test_answers_and_refusals_come_through() -> None:
    async with two_ends() as (worker, supervisor):
        circuit, supervisor.reply = PeerCircuit(worker.peer), echo
        assert await circuit.ask(1, 60.0) == 1
        assert await circuit.ask_while_alive(2) == 2

        supervisor.reply = refuse
        with pytest.raises(Refused):
            await circuit.ask(3, 60.0)
        with pytest.raises(Refused):
            await circuit.ask_while_alive(4)
        assert not circuit.is_open()


async def test_while_it_is_open_nothing_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    async with two_ends() as (worker, supervisor):
        circuit = await open_circuit(worker, supervisor)

        for _ in range(100):
            with pytest.raises(PeerGone):
                await circuit.ask("another", 60.0)
            with pytest.raises(PeerGone):
                await circuit.ask_while_alive("another")

        assert supervisor.heard == ["question"]
    assert caplog.messages == ["the supervisor does not respond; serving without it until it does"]


async def test_anything_that_is_heard_closes_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with two_ends() as (worker, supervisor):
        circuit = await open_circuit(worker, supervisor)
        supervisor.peer.notify("update")
        await until(lambda: not circuit.is_open())

        supervisor.reply = echo
        assert await circuit.ask("again", 60.0) == "again"
    assert caplog.messages[1:] == ["the supervisor responds again"]


async def test_a_question_that_takes_long_is_waited_for_while_anything_is_heard() -> None:
    answered = asyncio.Event()

    async def late(question: object) -> object:
        await answered.wait()
        return question

    async with two_ends() as (worker, supervisor):
        supervisor.reply = late
        circuit = PeerCircuit(worker.peer, timeout_seconds=2.0)
        asking = asyncio.create_task(circuit.ask_while_alive("question"))
        for number in range(45):  # for longer than the silence
            supervisor.peer.notify(number)
            await asyncio.sleep(0.05)
        answered.set()
        assert await asking == "question"


async def test_and_no_longer() -> None:
    async with two_ends() as (worker, supervisor):
        supervisor.reply = hang
        circuit = PeerCircuit(worker.peer, timeout_seconds=0.05)
        with pytest.raises(PeerGone):
            await circuit.ask_while_alive("question")
        assert circuit.is_open()
