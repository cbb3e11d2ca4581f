"""Requests that wait for a connection, while each server has as many as it may."""

import asyncio
from time import monotonic
from typing import Generic, TypeVar

from gateway.balancing.waiting_line import WaitingLine
from gateway.decision.reason import Reason
from gateway.proxy.no_server import NoServer
from gateway.settings.balancing_values import QueueLimits
from gateway.telemetry.upstream_metrics import UpstreamMetrics

R = TypeVar("R")


class Line(Generic[R]):
    """First come, first served, by whichever server is free first.

    What they are served with is a connection, or the pool where one may be opened.
    """

    def __init__(self, limits: QueueLimits, counts: UpstreamMetrics) -> None:
        self._limits = limits
        self._counts = counts
        self._waiting: WaitingLine[asyncio.Future[R]] = WaitingLine(limits)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    async def wait(self) -> R:
        """Return what there is to be had; raises NoServer where there is no room, or too late."""
        waiter: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if not self._waiting.join(waiter, monotonic()):
            self._counts.queue_full += 1
            size = self._limits.size
            raise NoServer(
                Reason.OVERLOADED, f"all connections are in use, and {size} requests wait for one"
            )
        return await waiter

    def serve(self, what: R) -> bool:
        """Return whether somebody waited, who has it now."""
        while (waiter := self._waiting.next()) is not None:
            if not waiter.done():
                waiter.set_result(what)
                return True
        return False

    def expire(self, now: float) -> None:
        """Refuse those who have waited for too long."""
        for waiter in self._waiting.late(now):
            if not waiter.done():
                self._counts.queue_late += 1
                seconds = self._limits.timeout_seconds
                detail = f"no connection was free within {seconds:g} s"
                waiter.set_exception(NoServer(Reason.OVERLOADED, detail))
