"""Keep Python's garbage collector from holding up requests."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# New objects before a collection, and collections before a deeper one. Requests leave no
# cycles behind, and a new token makes a dozen objects that stay: Python's own 700 would have
# it look for garbage every few milliseconds, through all remembered tokens in the end.
_COLLECT_AFTER = (10_000, 10, 10)


def settle_memory() -> None:
    """Keep what was built at the start out of the collector's sight.

    It lives as long as the process, and looking through all of it for garbage, again and
    again, would hold up requests. Not after a reload: connections would be frozen too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: for work that builds much, and leaves next to no cycles.

    Of the time that it takes to load 10,000 routes, the collector would have a third.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
