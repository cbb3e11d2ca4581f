"""Objects from the start are excluded from collections, which are rare."""

import gc
import subprocess
import sys

import pytest

from gateway.gc_settings import no_collection

# In a process of its own: the collector is the whole process's.
_LOOK = """
import gc, weakref
from gateway.gc_settings import settle_memory

class Node:
    pass

garbage, kept = Node(), Node()
garbage.itself, gone = garbage, weakref.ref(garbage)
del garbage
settle_memory()
assert gone() is None, "garbage of the start is kept for good"
assert gc.get_freeze_count() > 1000, "the collector still sees what was built"
assert not any(one is kept for one in gc.get_objects()), "the collector still sees an object"
assert gc.isenabled()
assert gc.get_threshold()[0] >= 10_000, gc.get_threshold()

later = Node()
later.itself, gone = later, weakref.ref(later)
del later
gc.collect()
assert gone() is None, "garbage that comes later is never found"
"""


def test_what_was_built_is_not_looked_at_again_and_what_comes_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], capture_output=True, text=True, check=False, timeout=30
    )

    assert (done.returncode, done.stderr) == (0, "")


_IMPORT = """
import gc, sys, weakref
from gateway.gc_settings import import_settled, settle_memory

class Node:
    pass

garbage = Node()
garbage.itself, gone = garbage, weakref.ref(garbage)
del garbage
module = import_settled("json.tool")
assert module is sys.modules["json.tool"]
assert gc.get_freeze_count() > 1000, "the collector still sees what was imported"
assert gc.isenabled()

kept = Node()
assert import_settled("json.tool") is module
assert any(one is kept for one in gc.get_objects()), "what came after the import is excluded"

gc.collect()
assert gone() is not None, "not even excluded"
settle_memory()
assert gone() is None, "garbage from before an import is kept for good"
"""


def test_what_is_imported_is_not_looked_at_again_until_memory_settles() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=False, timeout=30
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_meanwhile_nothing_is_collected_and_behind_it_as_before() -> None:
    def fail() -> None:
        with no_collection():
            assert not gc.isenabled()
            with no_collection():
                pass
            assert not gc.isenabled()
            raise ValueError

    assert gc.isenabled()
    with pytest.raises(ValueError, match=r"\A\Z"):
        fail()
    assert gc.isenabled()
