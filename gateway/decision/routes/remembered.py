"""Remember what strangers name, where a hit must cost one look-up: a dictionary that evicts."""

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(dict[K, V]):
    """The values of *lasting*, never evicted, and at most *capacity* others, those in use longest.

    Two generations, as in ``generations``, of which the young one is the dictionary itself, for
    good: a bound ``get`` finds what is young without asking whether a generation ended. A miss
    asks ``recall``, which keeps what is in use. So a flood of made-up keys evicts keys that
    nobody asks for, and costs a key in use one more look-up for each generation.
    """

    __slots__ = ("_full", "_lasting", "_old")

    def __init__(self, capacity: int, lasting: Mapping[K, V] | None = None) -> None:
        super().__init__(lasting or {})
        self._lasting = dict(self)
        self._full = len(self) + max(1, capacity // 2)
        self._old: dict[K, V] = {}

    @property
    def evictable(self) -> int:
        """Count the values of both generations, those that last left out."""
        return len(self) + len(self._old) - len(self._lasting)

    def recall(self, key: K) -> V | None:
        """Return the value of *key* in the old generation, and keep it again; else None."""
        value = self._old.pop(key, None)
        if value is not None:
            self.keep(key, value)
        return value

    def keep(self, key: K, value: V) -> None:
        """Put *value* into the young generation, which becomes the old one where it is full."""
        if len(self) >= self._full:
            lasting = self._lasting
            self._old = {key: value for key, value in self.items() if key not in lasting}
            self.clear()
            self.update(lasting)
        self[key] = value
