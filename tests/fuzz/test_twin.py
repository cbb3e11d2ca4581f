"""What seems dear to a fuzzer is judged by a process that is not instrumented."""

import time
from collections.abc import Iterator

import pytest

from tests.fuzz.twin import Twin, judge


@pytest.fixture
def twin() -> Iterator[Twin]:
    made = Twin("keys")
    yield made
    made.close()


def test_one_after_the_other_is_judged(twin: Twin) -> None:
    for document in (b"", b'{"keys": []}', b'{"keys": [' + b"{}," * 150 + b"{}]}"):
        twin.check(document)


def test_one_that_has_ended_has_found_nothing_good(twin: Twin) -> None:
    twin.close()

    with pytest.raises((AssertionError, ValueError, OSError)):
        twin.check(b"")


def test_what_is_dear_is_said() -> None:
    def work(data: bytes) -> None:
        begun = time.thread_time()
        while time.thread_time() - begun < 0.002:
            pass

    assert judge(work, b"dear".hex()).endswith("ms for 4 bytes")
    assert judge(len, b"cheap".hex() + "\n") == ""
