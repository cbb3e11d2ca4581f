"""Start one worker process, and talk to it."""

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.supervisor.messages import Commit, Prepare
from gateway.supervisor.peer import Peer, Refused
from gateway.supervisor.sockets import WorkerSockets

_PROGRAM = "gateway.supervisor"


class Child:
    """One worker process from its start to its end; ``spawn`` makes it.

    *descriptors* are those of its listening *sockets*.
    """

    def __init__(self, process: Process, peer: Peer, sockets: WorkerSockets) -> None:
        self._process = process
        self.peer = peer
        self.descriptors = tuple(
            tuple(one.fileno() for one in of_address) for of_address in sockets
        )
        self.is_hung = False  # and so it was killed
        # What may keep its event loop for seconds, until it answers.
        self._loading: set[asyncio.Task[Any]] = set()
        self._switching: set[asyncio.Task[Any]] = set()
        self.started_at = time.time()
        self._began = time.monotonic()
        self._listening = asyncio.get_running_loop().create_task(peer.listen())

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        """Return how long ago it was started."""
        return time.monotonic() - self._began

    @property
    def is_loading(self) -> bool:
        """Say whether it reads a configuration, be it one that is not wanted any more."""
        return bool(self._loading)

    @property
    def is_switching(self) -> bool:
        """Say whether it goes on under another configuration just now."""
        return bool(self._switching)

    async def ask(self, question: object) -> Any:
        """Return its answer to *question*; raises PeerGone and Refused."""
        match question:
            case Prepare():
                under_way = self._loading
            case Commit():
                under_way = self._switching
            case _:
                return await self.peer.ask(question)
        # Whoever does not wait for the answer any more does not keep it from working on it.
        asking = asyncio.ensure_future(self.peer.ask(question))
        under_way.add(asking)
        asking.add_done_callback(partial(_forget, under_way))
        return await asyncio.shield(asking)

    async def wait(self) -> str:
        """Return how it ended, in words, once it has."""
        code = await self._process.wait()
        # What it said last is heard before its end. Waited for, not awaited: whoever is
        # cancelled in here leaves it to others to listen.
        await asyncio.wait({self._listening})
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def kill(self) -> None:
        """End it at once, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """End it at once, and wait until it has, even where that is cancelled."""
        self.kill()
        ending = asyncio.ensure_future(self.wait())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise


def _forget(under_way: set[asyncio.Task[Any]], asking: asyncio.Task[Any]) -> None:
    under_way.discard(asking)
    if not asking.cancelled():
        asking.exception()  # nobody may be there any more to be told of it


async def spawn(sockets: WorkerSockets, answer: Callable[[Any], Awaitable[object]]) -> Child:
    """Start a worker that has *sockets*, and whose questions go to *answer*.

    A fresh interpreter, not a fork: this process has threads, and a fork would have their locks
    as they were just then. Raises OSError where no process can be had.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await _create(theirs, sockets)
    except BaseException:
        ours.close()
        raise
    try:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        ours.close()
        await _discard(process)
        raise
    return Child(process, Peer(reader, writer, _hear_nothing, answer), sockets)


async def _create(theirs: socket.socket, sockets: WorkerSockets) -> Process:
    creating = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _PROGRAM, str(theirs.fileno())),
            pass_fds=(theirs.fileno(), *(one.fileno() for some in sockets for one in some)),
            stdin=asyncio.subprocess.DEVNULL,
            # A terminal's Ctrl-C is for the supervisor, which ends its workers in order.
            start_new_session=True,
            env=dict(os.environ),
        )
    )
    try:
        return await asyncio.shield(creating)
    except asyncio.CancelledError:
        # Cancelled in the middle, it would leave a process that nobody knows.
        with suppress(OSError):
            await _discard(await creating)
        raise


async def _discard(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _hear_nothing(news: object) -> None:
    raise TypeError(f"a worker tells nothing, only asks: {type(news).__name__}")


async def ask_all(children: list[Child], question: object, timeout_seconds: float) -> list[Any]:
    """Return the answers of all *children* in their order: an exception where there is none.

    That is PeerGone, Refused, or TimeoutError behind *timeout_seconds*.
    """

    async def ask(child: Child) -> Any:
        async with asyncio.timeout(timeout_seconds):
            return await child.ask(question)

    return await asyncio.gather(*map(ask, children), return_exceptions=True)


def describe_failure(answer: BaseException) -> str:
    """Return what became of a worker that was asked (``ask_all``) and gave no answer."""
    match answer:
        case Refused():
            return f"cannot have it: {answer}"
        case TimeoutError():
            return "did not answer in time"
        case _:
            return "ended meanwhile"
