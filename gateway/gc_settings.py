"""Keep Python's garbage collector from delaying requests."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

# New objects before a collection, and collections before a deeper one. Requests leave no cycles
# behind, and a new token makes a dozen objects that stay: with Python's default of 700 it would
# collect every few milliseconds, and finally walk through all cached tokens.
_COLLECT_AFTER = (10_000, 10, 10)


def settle_memory() -> None:
    """Exclude everything built so far from collections.

    It lives as long as the process, and walking through it at every collection would delay
    requests. Not after a reload, which would exclude connections, too.
    """
    gc.unfreeze()  # imports leave garbage behind, see `import_settled`
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def import_settled(name: str) -> ModuleType:
    """Import the module *name*, and exclude all objects so far from collections.

    Modules live as long as the process: to collect while they are imported, and to walk through
    them at the end of the process, would take a third of the time of most commands.
    """
    if name in sys.modules:  # so that nothing is excluded that came after it
        return sys.modules[name]
    with no_collection():
        module = import_module(name)
        gc.freeze()
    return module


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
