"""Start one worker process, and exchange messages with it."""

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
    """One worker process from its start to its end; ``spawn`` starts it.

    *descriptors* are those of its listening *sockets*.
    """

    def __init__(self, process: Process, peer: Peer, sockets: WorkerSockets) -> None:
        self._process = process
        self.peer = peer
        self.descriptors = tuple(
            tuple(one.fileno() for one in of_address) for of_address in sockets
        )
        self.is_hung = False  # and was killed for it
        # Questions that may block its event loop for seconds until they are answered.
        self._loading: set[asyncio.Task[Any]] = set()
        self._switching: set[asyncio.Task[Any]] = set()
        self.started_at = time.time()
        self._began = time.monotonic()
        self._listening = asyncio.get_running_loop().create_task(peer.listen())

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        """Return the time since its start."""
        return time.monotonic() - self._began

    @property
    def is_loading(self) -> bool:
        """Return whether it loads a configuration, even one that was discarded meanwhile."""
        return bool(self._loading)

    @property
    def is_switching(self) -> bool:
        """Return whether it switches to another configuration right now."""
        return bool(self._switching)

    async def ask(self, question: object) -> Any:
        """Return its answer to *question*; raise PeerGone or Refused."""
        match question:
            case Prepare():
                pending = self._loading
            case Commit():
                pending = self._switching
            case _:
                return await self.peer.ask(question)
        # The worker goes on with it even if the caller is cancelled.
        asking = asyncio.ensure_future(self.peer.ask(question))
        pending.add(asking)
        asking.add_done_callback(partial(_forget, pending))
        return await asyncio.shield(asking)

    async def wait(self) -> str:
        """Wait for its end; return how it ended."""
        code = await self._process.wait()
        # Its last messages are received before its end is reported. Waited for, not awaited: if
        # this caller is cancelled, listening goes on for the others.
        await asyncio.wait({self._listening})
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def kill(self) -> None:
        """Kill it, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Kill it and wait for its end, even if cancelled."""
        self.kill()
        ending = asyncio.ensure_future(self.wait())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise


def _forget(pending: set[asyncio.Task[Any]], asking: asyncio.Task[Any]) -> None:
    pending.discard(asking)
    if not asking.cancelled():
        asking.exception()  # retrieved, or asyncio would log it if no caller waits


async def spawn(sockets: WorkerSockets, answer: Callable[[Any], Awaitable[object]]) -> Child:
    """Start a worker with *sockets* whose questions go to *answer*.

    It is a fresh interpreter, not a fork: this process has threads, and a fork would copy their
    locks in whatever state they are. Raise OSError if no process can be started.
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
    return Child(process, Peer(reader, writer, _receive_nothing, answer), sockets)


async def _create(theirs: socket.socket, sockets: WorkerSockets) -> Process:
    creating = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _PROGRAM, str(theirs.fileno())),
            pass_fds=(theirs.fileno(), *(one.fileno() for some in sockets for one in some)),
            stdin=asyncio.subprocess.DEVNULL,
            # A terminal's Ctrl-C is for the supervisor, which drains its workers.
            start_new_session=True,
            env=dict(os.environ),
        )
    )
    try:
        return await asyncio.shield(creating)
    except asyncio.CancelledError:
        # Cancelled half-way, it would leave a process that no one knows.
        with suppress(OSError):
            await _discard(await creating)
        raise


async def _discard(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _receive_nothing(message: object) -> None:
    raise TypeError(f"a worker sends only questions: {type(message).__name__}")


async def ask_all(children: list[Child], question: object, timeout_seconds: float) -> list[Any]:
    """Return the answers of all *children* in their order, or the exception of one without.

    That is PeerGone, Refused, or TimeoutError after *timeout_seconds*.
    """

    async def ask(child: Child) -> Any:
        async with asyncio.timeout(timeout_seconds):
            return await child.ask(question)

    return await asyncio.gather(*map(ask, children), return_exceptions=True)


def describe_failure(answer: BaseException) -> str:
    """Describe why a worker gave no answer to ``ask_all``."""
    match answer:
        case Refused():
            return f"rejected it: {answer}"
        case TimeoutError():
            return "timed out"
        case _:
            return "exited meanwhile"
