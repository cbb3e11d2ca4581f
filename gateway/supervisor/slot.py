"""Keep one worker running on its sockets, whatever it dies of."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from gateway.supervisor.child import Child, spawn
from gateway.supervisor.messages import Count
from gateway.supervisor.patience import Patience
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.restarts import Restarts
from gateway.supervisor.sockets import WorkerSockets
from gateway.supervisor.starts import Starts
from gateway.telemetry.metrics.counts import Metrics

_log = logging.getLogger(__name__)

# Between the end of what a process says and its own end there is next to nothing.
_END_SECONDS = 2.0


class WorkerFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A worker could not be started; the text says which, and why."""


class Slot:
    """One place for a worker: its sockets, the worker that serves there, and those that died.

    *serve* makes a new worker serve under the configuration that is live, *answer* is for
    whatever workers ask. *starts* is held while that configuration changes: nobody starts then.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place
        self,
        index: int,
        sockets: WorkerSockets,
        serve: Callable[["Slot", Child], Awaitable[None]],
        answer: Callable[[Any], Awaitable[object]],
        starts: Starts,
        patience: Patience,
    ) -> None:
        self.index = index
        self.sockets = sockets
        self.child: Child | None = None  # only one that serves
        self.restarts = Restarts()
        self.last_counts = Metrics()  # what the worker said last
        self._serve = serve
        self._answer = answer
        self._starts = starts
        self._patience = patience
        self._starting: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._back: asyncio.Future[None] | None = None  # done once a worker serves again
        self.on_death: Callable[[Slot], None] = lambda _slot: None

    @property
    def hearer(self) -> Child | None:
        """Return whoever is to hear news: the worker that serves, or that is about to."""
        return self.child or self._starting

    @property
    def name(self) -> str:
        """Return what the worker is called in a log: its number, from 1."""
        return f"worker {self.index + 1}"

    @property
    def is_hopeless(self) -> bool:
        """Say whether workers die here again and again."""
        return self.restarts.is_hopeless(0.0 if self.child is None else self.child.age_seconds)

    # --- its workers

    async def start(self) -> None:
        """Have a worker serve, for the first time; raises WorkerFailed and OSError."""
        await self._start()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=self.name)

    async def _start(self) -> None:
        child = self._starting = await spawn(self.sockets, self._answer)
        serving = asyncio.ensure_future(self._serve(self, child))
        dying = asyncio.ensure_future(child.wait())
        try:
            await asyncio.wait(
                {dying, serving},
                timeout=self._patience.start_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            why = await self._why_not(child, serving, dying)
            if why is not None:
                raise WorkerFailed(f"{self.name} {why}")
            self.child = child
        except BaseException:
            await child.end()
            raise
        finally:
            self._starting = None
            for task in (serving, dying):
                task.cancel()

    async def _why_not(
        self, child: Child, serving: asyncio.Future[None], dying: asyncio.Future[str]
    ) -> str | None:
        """Return why *child* does not serve; None where it does."""
        if serving.done() and not dying.done():
            match serving.exception():
                case None:
                    return None
                case Refused() as refusal:
                    return f"cannot serve: {refusal}"
                case PeerGone():
                    await asyncio.wait({dying}, timeout=_END_SECONDS)
                case bug:
                    raise bug
        if dying.done():
            return f"(pid {child.pid}) ended before it served: {dying.result()}"
        return f"(pid {child.pid}) did not serve in time"

    async def _keep(self) -> None:
        while self.child is not None:
            child = self.child
            how = await child.wait()
            self.child = None
            self._back = asyncio.get_running_loop().create_future()
            self.on_death(self)
            delay_seconds = self.restarts.after_death(child.age_seconds)
            _log.error("%s (pid %d) ended: %s; another one is started", self.name, child.pid, how)
            await self._start_again(delay_seconds)
            self._back.set_result(None)

    async def _start_again(self, delay_seconds: float) -> None:
        while self.child is None:
            await asyncio.sleep(delay_seconds)
            try:
                async with self._starts:
                    await self._start()
            except (WorkerFailed, OSError) as failure:
                delay_seconds = self.restarts.after_death(0.0)
                _log.error("%s; it is tried again", failure)
            except Exception:  # a bug of ours must not leave the sockets without a worker
                delay_seconds = self.restarts.after_death(0.0)
                _log.exception("%s was not started; it is tried again", self.name)
            else:
                _log.warning("%s serves again (pid %d)", self.name, self._pid)

    @property
    def _pid(self) -> int | None:
        return None if self.child is None else self.child.pid

    # --- what it counts

    async def count(self) -> None:
        """Have the worker say its counts; where it cannot, those it said last stand."""
        child = self.child
        if child is None:
            return
        with suppress(PeerGone, Refused):
            async with asyncio.timeout(self._patience.count_seconds):
                counts: Metrics = await child.ask(Count())
            if self.child is child:
                self.last_counts = counts

    # --- its end

    async def retire(self) -> None:
        """Start no other worker from now on.

        One that is being started in place of another may serve first, if that does not take
        long: connections wait for it.
        """
        if self._back is not None and not self._back.done():
            await asyncio.wait({self._back}, timeout=self._patience.settle_seconds)
        await self.stop_keeping()

    async def stop_keeping(self) -> None:
        """Start no other worker from now on; one that does not serve yet is ended."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

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
            "pid": self._pid,
            "started_at": None if child is None else child.started_at,
            "restarts": self.restarts.total,
            "connections_open": 0 if child is None else counts.connections_open,
            "connections_total": counts.connections_total,
            "requests_in_flight": 0 if child is None else counts.requests_in_flight,
        }
