"""Keep one worker running on its sockets, whatever it dies of."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from gateway.supervisor.child import Child, spawn
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.restarts import Restarts
from gateway.supervisor.sockets import Sockets
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)


class WorkerFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A worker could not be started; the text says which, and why."""


class Slot:
    """One place for a worker: its sockets, the worker that serves there, and those that died.

    *serve* makes a new worker serve under the configuration that is live, *answer* is for
    whatever workers ask. *changing* is held while that configuration changes: nobody starts then.
    """

    def __init__(
        self,
        index: int,
        sockets: Sockets,
        serve: Callable[[Child], Awaitable[None]],
        answer: Callable[[Any], Awaitable[object]],
        changing: asyncio.Lock,
    ) -> None:
        self.index = index
        self.sockets = sockets
        self.child: Child | None = None  # only one that serves
        self.restarts = Restarts()
        self.last_counts = Metrics()  # what the worker said last
        self._serve = serve
        self._answer = answer
        self._changing = changing
        self._starting: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.on_death: Callable[[Slot], None] = lambda _slot: None

    @property
    def hearer(self) -> Child | None:
        """Return whoever is to hear news: the worker that serves, or that is about to."""
        return self.child or self._starting

    @property
    def name(self) -> str:
        """Return what the worker is called in a log: its number, from 1."""
        return f"worker {self.index + 1}"

    async def start(self) -> None:
        """Have a worker serve, for the first time; raises WorkerFailed and OSError."""
        await self._start()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=self.name)

    async def _start(self) -> None:
        child = self._starting = await spawn(self.sockets, self._answer)
        dying = asyncio.ensure_future(child.wait())
        serving = asyncio.ensure_future(self._serve(child))
        try:
            await asyncio.wait({dying, serving}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done() or serving.exception() is not None:
                raise WorkerFailed(await self._why(child, serving, dying))
            self.child = child
        except BaseException:
            child.kill()
            raise
        finally:
            self._starting = None
            serving.cancel()
            if not dying.done():
                dying.cancel()

    async def _why(
        self, child: Child, serving: asyncio.Future[None], dying: asyncio.Future[str]
    ) -> str:
        refusal = serving.exception() if serving.done() else None
        if isinstance(refusal, Refused):
            child.kill()
            return f"{self.name} cannot serve: {refusal}"
        return f"{self.name} (pid {child.pid}) ended before it served: {await dying}"

    async def _keep(self) -> None:
        while self.child is not None:
            child = self.child
            how = await child.wait()
            served_seconds = time.time() - child.started_at
            self.child = None
            self.on_death(self)
            delay_seconds = self.restarts.after_death(served_seconds)
            _log.error("%s (pid %d) ended: %s; another one is started", self.name, child.pid, how)
            await self._start_again(delay_seconds)

    async def _start_again(self, delay_seconds: float) -> None:
        while self.child is None:
            await asyncio.sleep(delay_seconds)
            try:
                async with self._changing:
                    await self._start()
            except (WorkerFailed, OSError) as failure:
                delay_seconds = self.restarts.after_death(0.0)
                _log.error("%s; it is tried again", failure)
            else:
                assert self.child is not None  # noqa: S101 - it was started
                _log.warning("%s serves again (pid %d)", self.name, self.child.pid)

    async def count(self, question: object, timeout_seconds: float) -> None:
        """Have the worker say its counts; where it cannot, those it said last stand."""
        child = self.child
        if child is None:
            return
        with suppress(PeerGone, Refused, TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                counts: Metrics = await child.ask(question)
            if self.child is child:
                self.last_counts = counts

    def stop_keeping(self) -> None:
        """Start no other worker when this one ends."""
        if self._keeper is not None:
            self._keeper.cancel()

    def kill(self) -> None:
        """End the worker at once."""
        for child in (self.child, self._starting):
            if child is not None:
                child.kill()

    def status(self) -> Mapping[str, object]:
        """Return what ``/status`` shows of the worker."""
        counts, child = self.last_counts, self.child
        return {
            "number": self.index + 1,
            "pid": None if child is None else child.pid,
            "started_at": None if child is None else child.started_at,
            "restarts": self.restarts.total,
            "connections_open": 0 if child is None else counts.connections_open,
            "connections_total": counts.connections_total,
            "requests_in_flight": 0 if child is None else counts.requests_in_flight,
        }
