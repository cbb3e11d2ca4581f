"""A worker process inherits only its sockets, and its end is described."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from gateway.supervisor.child import ask_all, spawn
from gateway.supervisor.messages import Commit, Count
from gateway.supervisor.peer import PeerGone, Refused
from tests.supervisor.pair import refuse


def inodes_of(pid: int) -> list[int]:
    """Return what a process has open."""
    return [one.stat().st_ino for one in Path(f"/proc/{pid}/fd").iterdir()]


async def test_it_has_what_it_needs_answers_and_ends_with_us() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_server(("127.0.0.1", 0)) as others,
    ):
        child = await spawn(((ours,),), refuse)
        with pytest.raises(Refused, match="does not serve yet"):  # so it is up
            await child.ask(Count())

        wanted = os.stat(ours.fileno()).st_ino
        unwanted = os.stat(others.fileno()).st_ino
        inodes = inodes_of(child.pid)
        assert inodes.count(wanted) == 1
        assert unwanted not in inodes
        assert child.descriptors == ((ours.fileno(),),)
        assert os.getsid(child.pid) == child.pid  # a terminal's Ctrl-C is not for it

        child.peer.close()  # as when we end
        assert await child.wait() == "exit code 0"


async def test_its_end_is_put_in_words_for_whoever_asks_however_many_and_whoever_leaves() -> None:
    child = await spawn((), refuse)
    leaving = asyncio.create_task(child.wait())
    staying = [asyncio.create_task(child.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait({leaving})
    os.kill(child.pid, signal.SIGSEGV)

    assert await asyncio.gather(*staying) == ["signal SIGSEGV"] * 2
    assert await child.wait() == "signal SIGSEGV"
    child.kill()  # which is nobody any more
    with pytest.raises(PeerGone):
        await child.ask(Count())
    assert child.age_seconds > 0


async def test_all_are_asked_at_once_and_each_answer_stands_for_itself() -> None:
    children = [await spawn((), refuse) for _ in range(3)]
    try:
        with pytest.raises(Refused):
            await children[1].ask(Count())
        await children[0].end()
        with pytest.raises(Refused):
            await children[2].ask(Count())
        os.kill(children[2].pid, signal.SIGSTOP)

        gone, refused, late = await ask_all(children, Commit(1), 1.0)

        assert isinstance(gone, PeerGone)
        assert isinstance(refused, Refused)
        assert isinstance(late, TimeoutError)
        assert await ask_all([], Count(), 1.0) == []
    finally:
        for child in children:
            await child.end()


async def test_whoever_is_cancelled_while_a_worker_ends_leaves_behind_none_that_runs() -> None:
    """Two that do not start end at the same time, and the one cancels the other."""
    child = await spawn((), refuse)
    ending = asyncio.create_task(child.end())
    await asyncio.sleep(0)  # it has been killed, and is waited for
    ending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await ending

    assert str(child.pid) not in os.listdir("/proc")
