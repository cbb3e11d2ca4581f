"""A bounded cache of two generations."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """At most *capacity* values, in a *young* generation and an *old* one.

    Two generations instead of an LRU list: a hit costs one dictionary look-up and moves nothing.
    A value in use survives, because callers keep it again when they find it in the old generation.
    An expired generation is freed one value at a time: freeing 25,000 at once would block requests
    for tens of milliseconds.
    """

    def __init__(self, capacity: int) -> None:
        self._generation_size = max(1, capacity // 2)
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}
        self._over: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def keep(self, key: K, value: V) -> None:
        """Put *value* into the young generation, replacing an earlier one."""
        if len(self.young) >= self._generation_size and key not in self.young:
            # One is freed for each one added, so that none is left by now.
            self._over = self.old
            self.old = self.young
            self.young = {}
        self.young[key] = value
        if self._over:
            self._over.popitem()

    def clear(self) -> None:
        """Remove everything at once."""
        self.young, self.old, self._over = {}, {}, {}
