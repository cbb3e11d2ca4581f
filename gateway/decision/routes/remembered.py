"""A dictionary that evicts: a bounded cache whose hits cost one look-up."""

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(dict[K, V]):
    """The values of *lasting*, which are never evicted, and at most *capacity* others.

    Two generations, as in ``generations``; the young one is always this dictionary itself, so a
    bound ``get`` finds young values at the cost of one look-up. After a miss, ``recall`` looks into
    the old generation, and keeps what it finds. So a flood of made-up keys evicts unused keys, and
    costs a key in use one more look-up per generation.
    """

    __slots__ = ("_full", "_lasting", "_old")

    def __init__(self, capacity: int, lasting: Mapping[K, V] | None = None) -> None:
        super().__init__(lasting or {})
        self._lasting = dict(self)
        self._full = len(self) + max(1, capacity // 2)
        self._old: dict[K, V] = {}

    @property
    def evictable(self) -> int:
        """Return the number of values in both generations, without the lasting ones."""
        return len(self) + len(self._old) - len(self._lasting)

    def recall(self, key: K) -> V | None:
        """Return the value of *key* from the old generation, and keep it again; else None."""
        value = self._old.pop(key, None)
        if value is not None:
            self.keep(key, value)
        return value

    def keep(self, key: K, value: V) -> None:
        """Put *value* into the young generation, which becomes the old one when it is full."""
        if len(self) >= self._full:
            lasting = self._lasting
            self._old = {key: value for key, value in self.items() if key not in lasting}
            self.clear()
            self.update(lasting)
        self[key] = value
