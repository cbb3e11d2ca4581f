"""A request for a reload receives the report of an attempt that began after it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.reloading.report import ReloadOutcome, ReloadReport
from gateway.reloading.requests import ReloadRequests
from tests.hanging import LIMIT_SECONDS
from tests.keyring.peers import until


class Reader:
    """Takes every turn, and numbers it; *may_end* lets the one under way end."""

    def __init__(self) -> None:
        self.requests = ReloadRequests()
        self.begun = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def run(self) -> None:
        with self.requests.serve():
            while True:
                turn = await self.requests.next()
                self.begun += 1
                report = ReloadReport(ReloadOutcome.APPLIED, str(self.begun))
                try:
                    await self.may_end.wait()
                except asyncio.CancelledError:
                    turn.finish(None)
                    raise
                turn.finish(report)

    async def ask(self) -> str | None:
        report = await self.requests.ask()
        return None if report is None else report.digest


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader()
    task = asyncio.create_task(reader.run())
    await until(lambda: reader.requests.is_served)
    yield reader
    task.cancel()
    await asyncio.wait({task})


async def test_who_asks_during_an_attempt_is_told_of_the_next_one(reader: Reader) -> None:
    """The one under way has read the files before that."""
    reader.may_end.clear()
    first = asyncio.create_task(reader.ask())
    await until(lambda: reader.begun == 1)

    later = [asyncio.create_task(reader.ask()) for _ in range(3)]
    await asyncio.sleep(0)
    reader.may_end.set()

    assert await first == "1"
    assert await asyncio.gather(*later) == ["2", "2", "2"]
    assert reader.begun == 2


async def test_however_often_it_is_told_during_an_attempt_one_more_follows(
    reader: Reader,
) -> None:
    reader.may_end.clear()
    reader.requests.request()
    await until(lambda: reader.begun == 1)
    for _ in range(5):
        reader.requests.request()
    reader.may_end.set()

    assert await reader.ask() == "2"
    assert reader.begun == 2


async def test_who_gives_up_waiting_keeps_nobody_else_from_being_told(reader: Reader) -> None:
    reader.may_end.clear()
    impatient, patient = (asyncio.create_task(reader.ask()) for _ in range(2))
    await until(lambda: reader.begun == 1)
    impatient.cancel()
    await asyncio.wait({impatient})

    reader.may_end.set()

    assert await patient == "1"


async def test_nobody_waits_for_what_will_not_come() -> None:
    reader = Reader()
    assert await reader.ask() is None
    task = asyncio.create_task(reader.run())
    await until(lambda: reader.requests.is_served)
    reader.may_end.clear()
    under_way = asyncio.create_task(reader.ask())
    await until(lambda: reader.begun == 1)
    waiting = asyncio.create_task(reader.ask())
    await asyncio.sleep(0)

    task.cancel()

    async with asyncio.timeout(LIMIT_SECONDS):
        assert list(await asyncio.gather(under_way, waiting)) == [None, None]
    assert await reader.ask() is None


async def test_a_turn_is_forced_if_one_who_waits_for_it_forces_it_and_no_later_one_is() -> None:
    """A HUP and a watch never force; whoever does so in the same moment has it done for all."""
    requests = ReloadRequests()
    forced = []
    with requests.serve():
        for forces in ([], [False], [False, True, False], [False]):
            requests.request()
            asking = [asyncio.create_task(requests.ask(force=force)) for force in forces]
            await asyncio.sleep(0)
            turn = await requests.next()
            turn.finish(ReloadReport(ReloadOutcome.APPLIED, "a"))
            await asyncio.gather(*asking)
            forced.append(turn.is_forced)

    assert forced == [False, False, True, False]
