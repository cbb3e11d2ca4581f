"""Keep Python's garbage collector from delaying requests."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# New objects before a collection, and collections before a deeper one. Requests leave no cycles
# behind, and a new token makes a dozen objects that stay: with Python's default of 700 it would
# collect every few milliseconds, and finally walk through all cached tokens.
_COLLECT_AFTER = (10_000, 10, 10)


def settle_memory() -> None:
    """Exclude everything built so far from collections.

    It lives as long as the process, and walking through it at every collection would delay
    requests. Not after a reload, which would exclude connections, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


@contextmanager
def no_collection() -> Iterator[None]:
    """Disable the collector within the block, for work that builds much and leaves few cycles.

    It would take a third of the time that loading 10,000 routes takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
