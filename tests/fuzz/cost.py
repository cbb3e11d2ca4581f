"""What one input may cost: a millisecond of CPU for each KiB of it, and no less than one."""

import time
from collections.abc import Callable

SECONDS_PER_KIB = 0.001
# What disturbs a measurement does not do so as often as this.
_REPEATS = 7

Work = Callable[[bytes], object]
Clock = Callable[[], float]  # the CPU seconds that this thread has had


class TooSlowError(Exception):
    """An input costs more than it may."""


def check_cost(work: Work, data: bytes, clock: Clock = time.thread_time) -> None:
    """Raise where even the quickest of several runs of *work* costs too much for *data*."""
    allowed = SECONDS_PER_KIB * max(1.0, len(data) / 1024)
    quickest = allowed
    for _ in range(_REPEATS):
        begun = clock()
        work(data)
        quickest = clock() - begun
        if quickest <= allowed:
            return
    raise TooSlowError(f"{quickest * 1000:.2f} ms for {len(data)} bytes")
