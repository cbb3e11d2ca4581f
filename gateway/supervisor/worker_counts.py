"""Add up the counts of all workers, including those that have exited."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from gateway.settings.values.configuration import Settings
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.supervisor.worker_slot import WorkerSlot
from gateway.telemetry.metrics.counts import Metrics

_log = logging.getLogger(__name__)


class WorkerCounts:
    """The counts of the workers in *slots*, by the routes and upstreams of the live *settings*."""

    def __init__(
        self, slots: Sequence[WorkerSlot], settings: Settings, timeouts: WorkerTimeouts
    ) -> None:
        self._slots = slots
        self._timeouts = timeouts
        self._exited = Metrics()  # the counts of workers that have exited
        self._counting: asyncio.Task[None] | None = None
        for slot in slots:
            slot.on_exit = self._add_exited
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Use the routes and upstreams of *settings* from now on."""
        self._routes = [route.name for route in settings.policy.routes.routes]
        self._upstreams = list(settings.upstreams)
        self._exited.use(self._routes, self._upstreams)

    def _add_exited(self, slot: WorkerSlot) -> None:
        counts, slot.last_counts = slot.last_counts, Metrics()
        counts.settle()
        self._exited.add(counts)

    def start(self) -> None:
        """Ask the workers for their counts at intervals, until ``stop``."""
        self._counting = asyncio.get_running_loop().create_task(self._count_each())

    def stop(self) -> None:
        """Stop asking."""
        if self._counting is not None:
            self._counting.cancel()

    async def _count_each(self) -> None:
        while True:
            await asyncio.sleep(self._timeouts.count_interval_seconds)
            outcomes = await asyncio.gather(*map(_count, self._slots), return_exceptions=True)
            for error in outcomes:
                if isinstance(error, BaseException):
                    _log.error("internal error while collecting counts", exc_info=error)

    async def total(self) -> Metrics:
        """Return all counts; for a worker that does not answer, its last ones."""
        await asyncio.gather(*map(_count, self._slots))
        total = Metrics()
        total.use(self._routes, self._upstreams)
        total.add(self._exited)
        for slot in self._slots:
            total.add(slot.last_counts)
        return total


async def _count(slot: WorkerSlot) -> None:
    with suppress(TimeoutError):
        await slot.count()
