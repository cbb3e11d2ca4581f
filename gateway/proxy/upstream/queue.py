"""Requests that wait for a connection, while each server has as many as it may."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Generic, TypeVar

from gateway.balancing.waiting_line import WaitingLine
from gateway.decision.reason import Reason
from gateway.settings.values.balancing import QueueLimits
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

R = TypeVar("R")
IsWanted = Callable[[], bool]

_GONE: Final = "nobody waits for the answer any more"


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter(Generic[R]):
    """Whoever waits for *served*, as long as it is *wanted*."""

    served: asyncio.Future[R]
    is_wanted: IsWanted

    def is_gone(self) -> bool:
        """Return whether nobody waits here any more."""
        return self.served.done() or not self.is_wanted()

    def refuse(self, detail: str) -> None:
        """Wait no more."""
        if not self.served.done():
            self.served.set_exception(NoServer(Reason.OVERLOADED, detail))


class Line(Generic[R]):
    """First come, first served, by whichever server is free first.

    What they are served with is a connection, or the pool where one may be opened.
    """

    def __init__(self, limits: QueueLimits, counts: UpstreamMetrics) -> None:
        self._limits = limits
        self._counts = counts
        self._waiting: WaitingLine[_Waiter[R]] = WaitingLine(limits)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    async def wait(self, is_wanted: IsWanted) -> R:
        """Return what there is to be had; raises NoServer where there is no room, or too late.

        Who does not want it any more makes room for others.
        """
        waiter: _Waiter[R] = _Waiter(asyncio.get_running_loop().create_future(), is_wanted)
        now = monotonic()
        if not self._waiting.join(waiter, now):
            self._drop()
            if not self._waiting.join(waiter, now):
                self._counts.queue_full += 1
                size = self._limits.size
                detail = f"all connections are in use, and {size} requests wait for one"
                raise NoServer(Reason.OVERLOADED, detail)
        return await waiter.served

    def serve(self, what: R) -> bool:
        """Return whether somebody waited, who has it now."""
        while (waiter := self._waiting.next()) is not None:
            if not waiter.is_gone():
                waiter.served.set_result(what)
                return True
            waiter.refuse(_GONE)
        return False

    def _drop(self) -> None:
        for waiter in self._waiting.drop(_Waiter.is_gone):
            waiter.refuse(_GONE)

    def expire(self, now: float) -> None:
        """Refuse those who have waited for too long."""
        if not len(self._waiting):
            return
        self._drop()
        for waiter in self._waiting.late(now):
            self._counts.queue_late += 1
            waiter.refuse(f"no connection was free within {self._limits.timeout_seconds:g} s")


class NoServer(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """Nothing of a request was sent, and nothing will be; the text says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class MachineFault(Exception):  # noqa: N818 - what went wrong is its cause
    """A connection could not be opened for want of something on this machine.

    That says nothing about the server, and is no OSError, as which it would count against it.
    """
