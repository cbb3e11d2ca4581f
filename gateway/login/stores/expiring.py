"""A table whose entries are forgotten when their time is over, without a timer for each."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

_Value = TypeVar("_Value")

# How many keys may wait to be forgotten that are no longer there, besides as many as are there.
_SPARE: Final = 64


class Expiring(Generic[_Value]):
    """Values by key, each until a moment of *clock*, in seconds; in the order of their arrival.

    Each change also forgets what is over, and calls *forgotten* for it. To read costs O(1), to add
    O(log n). The moment of an entry may be put off at no cost: only when the former one has come
    is the later one waited for.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        forgotten: Callable[[bytes, _Value], None] | None = None,
    ) -> None:
        self._clock = clock
        self._forgotten = forgotten
        self._entries: dict[bytes, tuple[float, _Value]] = {}
        # Each key that is there is here at least once, with a moment that is not too late.
        self._moments: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> _Value | None:
        """Return what is kept for *key*, if its time is not over."""
        entry = self._entries.get(key)
        return None if entry is None or entry[0] <= self._clock() else entry[1]

    def put(self, key: bytes, value: _Value, until: float) -> None:
        """Keep *value*, instead of what is there."""
        self.forget()
        former = self._entries.get(key)
        self._entries[key] = (until, value)
        if former is None or until < former[0]:
            heappush(self._moments, (until, key))

    def pop(self, key: bytes) -> _Value | None:
        """Forget *key*; return what was kept for it, if its time was not over."""
        self.forget()
        entry = self._entries.pop(key, None)
        if len(self._moments) > 2 * len(self._entries) + _SPARE:
            self._moments = [(until, key) for key, (until, _) in self._entries.items()]
            heapify(self._moments)
        return None if entry is None else entry[1]

    def forget(self) -> None:
        """Forget all entries whose time is over."""
        now = self._clock()
        while self._moments and self._moments[0][0] <= now:
            _, key = heappop(self._moments)
            entry = self._entries.get(key)
            if entry is None:
                continue
            if entry[0] > now:
                heappush(self._moments, (entry[0], key))
                continue
            del self._entries[key]
            if self._forgotten is not None:
                self._forgotten(key, entry[1])

    def newest(self) -> Iterator[_Value]:
        """Yield all values whose time is not over, the last to arrive first."""
        now = self._clock()
        return (value for until, value in reversed(self._entries.values()) if until > now)

    def items(self) -> Iterator[tuple[bytes, _Value]]:
        """Yield all keys and values whose time is not over."""
        now = self._clock()
        return ((key, value) for key, (until, value) in self._entries.items() if until > now)

    def forget_first(self, count: int) -> list[_Value]:
        """Forget as many of those whose time is over first; return what was kept."""
        first = sorted((until, key) for key, (until, _) in self._entries.items())[:count]
        found = (self.pop(key) for _, key in first)
        return [value for value in found if value is not None]
