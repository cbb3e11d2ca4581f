"""Let requests wait for a connection, so many and so long."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.settings.values.balancing import QueueLimits

W = TypeVar("W")


class WaitingLine(Generic[W]):
    """Those who wait, first come, first served; each leaves exactly once."""

    __slots__ = ("_limits", "_places")

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._places: deque[tuple[W, float]] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._places)

    def join(self, waiter: W, now: float) -> bool:
        """Return whether there is room for *waiter*, who waits from now on if so."""
        if len(self._places) >= self._limits.size:
            return False
        self._places.append((waiter, now + self._limits.timeout_seconds))
        return True

    def next(self) -> W | None:
        """Return who has waited longest, and waits no more."""
        return self._places.popleft()[0] if self._places else None

    def drop(self, is_gone: Callable[[W], bool]) -> list[W]:
        """Return those who are gone; the others wait on, in the order they came."""
        gone = [waiter for waiter, _ in self._places if is_gone(waiter)]
        if gone:
            self._places = deque(place for place in self._places if not is_gone(place[0]))
        return gone

    def late(self, now: float) -> list[W]:
        """Return those whose time is over; they wait no more."""
        late: list[W] = []
        while self._places and self._places[0][1] <= now:
            late.append(self._places.popleft()[0])
        return late
