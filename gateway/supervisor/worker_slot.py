"""Keep one worker running on its sockets, and restart it when it crashes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from gateway.supervisor.child import Child, spawn
from gateway.supervisor.messages import Count
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.sockets import WorkerSockets
from gateway.supervisor.starting import Restarts, StartGate
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.telemetry.metrics.counts import Metrics

_log = logging.getLogger(__name__)

# A process exits almost immediately after its connection is closed.
_END_SECONDS = 2.0


class WorkerFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A worker could not be started; the message says which, and why."""


class WorkerSlot:
    """The slot of one worker: its sockets, the current worker, and the crashes so far.

    *serve* makes a new worker serve with the live configuration, *answer* answers questions of
    workers. *start_gate* is closed while the configuration changes.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place
        self,
        index: int,
        sockets: WorkerSockets,
        serve: Callable[["WorkerSlot", Child], Awaitable[None]],
        answer: Callable[[Any], Awaitable[object]],
        start_gate: StartGate,
        timeouts: WorkerTimeouts,
    ) -> None:
        self.index = index
        self.sockets = sockets
        self.child: Child | None = None  # only if it serves
        self.restarts = Restarts()
        self.last_counts = Metrics()  # as the worker last reported them
        self._serve = serve
        self._answer = answer
        self._start_gate = start_gate
        self._timeouts = timeouts
        self._starting: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._back: asyncio.Future[None] | None = None  # done once a worker serves again
        self.on_exit: Callable[[WorkerSlot], None] = lambda _slot: None

    @property
    def receiver(self) -> Child | None:
        """Return the worker that receives updates: the one that serves, or that is starting."""
        return self.child or self._starting

    @property
    def name(self) -> str:
        """Return the name of the worker in log lines: its number, from 1."""
        return f"worker {self.index + 1}"

    @property
    def keeps_crashing(self) -> bool:
        """Return whether workers keep crashing here."""
        return self.restarts.keeps_crashing(0.0 if self.child is None else self.child.age_seconds)

    # --- start and restart

    async def start(self) -> None:
        """Start the first worker; raise WorkerFailed or OSError."""
        await self._start()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=self.name)

    async def _start(self) -> None:
        child = self._starting = await spawn(self.sockets, self._answer)
        serving = asyncio.ensure_future(self._serve(self, child))
        exiting = asyncio.ensure_future(child.wait())
        try:
            await asyncio.wait(
                {exiting, serving},
                timeout=self._timeouts.start_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            why = await self._why_not(child, serving, exiting)
            if why is not None:
                raise WorkerFailed(f"{self.name} {why}")
            self.child = child
        except BaseException:
            await child.end()
            raise
        finally:
            self._starting = None
            for task in (serving, exiting):
                task.cancel()

    async def _why_not(
        self, child: Child, serving: asyncio.Future[None], exiting: asyncio.Future[str]
    ) -> str | None:
        """Return why *child* does not serve; None if it does."""
        if serving.done() and not exiting.done():
            match serving.exception():
                case None:
                    return None
                case Refused() as refusal:
                    return f"cannot serve: {refusal}"
                case PeerGone():
                    await asyncio.wait({exiting}, timeout=_END_SECONDS)
                case error:
                    raise error
        if exiting.done():
            return f"(pid {child.pid}) exited before it served: {exiting.result()}"
        return f"(pid {child.pid}) did not start in time"

    async def _keep(self) -> None:
        while self.child is not None:
            child = self.child
            how = await child.wait()
            self.child = None
            self._back = asyncio.get_running_loop().create_future()
            self.on_exit(self)
            delay_seconds = self.restarts.after_crash(child.age_seconds)
            _log.error("%s (pid %d) exited: %s; restarting", self.name, child.pid, how)
            await self._start_again(delay_seconds)
            self._back.set_result(None)

    async def _start_again(self, delay_seconds: float) -> None:
        while self.child is None:
            await asyncio.sleep(delay_seconds)
            try:
                async with self._start_gate:
                    await self._start()
            except (WorkerFailed, OSError) as failure:
                delay_seconds = self.restarts.after_crash(0.0)
                _log.error("%s; retrying", failure)
            except Exception:  # an internal error must not leave the sockets without a worker
                delay_seconds = self.restarts.after_crash(0.0)
                _log.exception("internal error while starting %s; retrying", self.name)
            else:
                _log.warning("%s serves again (pid %d)", self.name, self._pid)

    @property
    def _pid(self) -> int | None:
        return None if self.child is None else self.child.pid

    # --- counts

    async def count(self) -> None:
        """Ask the worker for its counts; if it does not answer, keep its last ones."""
        child = self.child
        if child is None:
            return
        with suppress(PeerGone, Refused):
            async with asyncio.timeout(self._timeouts.count_seconds):
                counts: Metrics = await child.ask(Count())
            if self.child is child:
                self.last_counts = counts

    # --- stop

    async def retire(self) -> None:
        """Restart no worker from now on.

        Wait briefly for a restart in progress, because connections wait for it.
        """
        if self._back is not None and not self._back.done():
            await asyncio.wait({self._back}, timeout=self._timeouts.settle_seconds)
        await self.stop_keeping()

    async def stop_keeping(self) -> None:
        """Restart no worker from now on; kill one that does not serve yet."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    def kill(self) -> None:
        """Kill the worker."""
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
