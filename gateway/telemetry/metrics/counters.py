"""Counts that add up over processes: by name, and by size."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Plain counts, one for each of *bounds* and one above them, and the sum of all observed.

    A value counts in the first bucket whose bound it does not exceed. For one thread alone.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count *value*."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: "Histogram") -> None:
        """Count what *other*, of the same bounds, counted, too."""
        pairs = zip(self.counts, other.counts, strict=True)
        self.counts = [ours + theirs for ours, theirs in pairs]
        self.total += other.total


def add_counts(ours: dict[str, int], theirs: dict[str, int]) -> None:
    """Add *theirs* to *ours*; safe in any thread."""
    for name, count in theirs.copy().items():
        ours[name] = ours.get(name, 0) + count
