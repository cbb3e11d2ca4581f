"""Requests that wait for a connection while each server has as many as it may."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Generic, TypeVar

from gateway.decision.reason import Reason
from gateway.settings.values.balancing import QueueLimits
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

R = TypeVar("R")
W = TypeVar("W")
IsWanted = Callable[[], bool]

_GONE: Final = "the client is gone"


class NoServer(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """Nothing of a request was sent, and nothing will be; the text says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class BoundedQueue(Generic[W]):
    """First in, first out, with a limit of size and of time; each item leaves exactly once."""

    __slots__ = ("_items", "_limits")

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._items: deque[tuple[W, float]] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._items)

    def join(self, item: W, now: float) -> bool:
        """Return whether there is room for *item*, which waits from now on if so."""
        if len(self._items) >= self._limits.size:
            return False
        self._items.append((item, now + self._limits.timeout_seconds))
        return True

    def next(self) -> W | None:
        """Remove and return the item that has waited longest, or None."""
        return self._items.popleft()[0] if self._items else None

    def drop(self, is_gone: Callable[[W], bool]) -> list[W]:
        """Remove and return the items that are gone; the others keep their order."""
        gone = [item for item, _ in self._items if is_gone(item)]
        if gone:
            self._items = deque(entry for entry in self._items if not is_gone(entry[0]))
        return gone

    def late(self, now: float) -> list[W]:
        """Remove and return the items whose time is over."""
        late: list[W] = []
        while self._items and self._items[0][1] <= now:
            late.append(self._items.popleft()[0])
        return late


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter(Generic[R]):
    """A request that waits for *served*, as long as it is *wanted*."""

    served: asyncio.Future[R]
    is_wanted: IsWanted

    def is_gone(self) -> bool:
        """Return whether it waits no more."""
        return self.served.done() or not self.is_wanted()

    def refuse(self, detail: str) -> None:
        """End the wait without a connection."""
        if not self.served.done():
            self.served.set_exception(NoServer(Reason.OVERLOADED, detail))


class Queue(Generic[R]):
    """The requests that wait, whichever server serves them first.

    They are served with a connection, or with a pool in which they may open one.
    """

    def __init__(self, limits: QueueLimits, counts: UpstreamMetrics) -> None:
        self._limits = limits
        self._counts = counts
        self._waiting: BoundedQueue[_Waiter[R]] = BoundedQueue(limits)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    async def wait(self, is_wanted: IsWanted) -> R:
        """Return what the request is served with; raises NoServer if the queue is full, or late.

        A request that is not wanted any more makes room for others.
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
        """Give *what* to the request that has waited longest; return False if none waits."""
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
        """Refuse the requests that have waited too long."""
        if not len(self._waiting):
            return
        self._drop()
        for waiter in self._waiting.late(now):
            self._counts.queue_late += 1
            waiter.refuse(f"no connection was free within {self._limits.timeout_seconds:g} s")
