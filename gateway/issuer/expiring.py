"""A table whose entries expire, and which strangers cannot fill."""

from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class ExpiringTable(Generic[_Key, _Value]):
    """At most *capacity* entries; *clock* returns seconds.

    An entry too many takes the place of the one that was put in first.
    """

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._clock = clock
        self._entries: dict[_Key, tuple[float, _Value]] = {}

    def put(self, key: _Key, value: _Value, lifetime_seconds: float) -> None:
        """Keep *value* for *lifetime_seconds*, instead of any other of *key*."""
        now = self._clock()
        self._entries.pop(key, None)
        if len(self._entries) >= self._capacity:
            self._evict(now)
        self._entries[key] = (now + lifetime_seconds, value)

    def replace(self, key: _Key, value: _Value) -> None:
        """Put *value* in the place of the one of *key*, for the rest of its time."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = (entry[0], value)

    def get(self, key: _Key) -> _Value | None:
        """Return the value of *key*, unless its time is over."""
        entry = self._entries.get(key)
        return None if entry is None or entry[0] <= self._clock() else entry[1]

    def pop(self, key: _Key) -> _Value | None:
        """Return the value of *key* as ``get`` does, and forget it."""
        value = self.get(key)
        self._entries.pop(key, None)
        return value

    def values(self) -> list[_Value]:
        """Return all values whose time is not over, oldest first."""
        now = self._clock()
        return [value for ends, value in self._entries.values() if ends > now]

    def _evict(self, now: float) -> None:
        ended = [key for key, (ends, _) in self._entries.items() if ends <= now]
        for key in ended or [next(iter(self._entries))]:
            del self._entries[key]
