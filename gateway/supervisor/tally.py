"""Add up what all workers count, those that have died, too."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from gateway.settings.values.configuration import Settings
from gateway.supervisor.patience import Patience
from gateway.supervisor.slot import Slot
from gateway.telemetry.metrics.counts import Metrics

_log = logging.getLogger(__name__)


class Tally:
    """The counts of the workers in *slots*, under the names of the live *settings*."""

    def __init__(self, slots: Sequence[Slot], settings: Settings, patience: Patience) -> None:
        self._slots = slots
        self._patience = patience
        self._dead = Metrics()  # what those counted that have died
        self._counting: asyncio.Task[None] | None = None
        for slot in slots:
            slot.on_death = self._bury
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Count for the routes and upstreams of *settings* from now on."""
        self._routes = [route.name for route in settings.policy.routes.routes]
        self._upstreams = list(settings.upstreams)
        self._dead.use(self._routes, self._upstreams)

    def _bury(self, slot: Slot) -> None:
        counts, slot.last_counts = slot.last_counts, Metrics()
        counts.settle()
        self._dead.add(counts)

    def start(self) -> None:
        """Have workers say what they count again and again, until ``stop``."""
        self._counting = asyncio.get_running_loop().create_task(self._count_each())

    def stop(self) -> None:
        """Ask no more."""
        if self._counting is not None:
            self._counting.cancel()

    async def _count_each(self) -> None:
        while True:
            await asyncio.sleep(self._patience.count_each_seconds)
            outcomes = await asyncio.gather(*map(_count, self._slots), return_exceptions=True)
            for bug in outcomes:
                if isinstance(bug, BaseException):
                    _log.error("a bug in what a worker counts", exc_info=bug)

    async def total(self) -> Metrics:
        """Return all counts as they stand; of a worker that does not answer, as they stood."""
        await asyncio.gather(*map(_count, self._slots))
        total = Metrics()
        total.use(self._routes, self._upstreams)
        total.add(self._dead)
        for slot in self._slots:
            total.add(slot.last_counts)
        return total


async def _count(slot: Slot) -> None:
    with suppress(TimeoutError):
        await slot.count()
