"""What the gateway takes is what its processes take together."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gateway.telemetry.metrics.processes import process_families


@pytest.fixture
def child() -> Iterator[int]:
    program = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is up, and takes what it takes
        yield process.pid


def values(*pids: int) -> dict[str, float]:
    return {family.samples[0].name: family.samples[0].value for family in process_families(pids)}


def test_memory_and_descriptors_add_up(child: int) -> None:
    ours, theirs, together = values(os.getpid()), values(child), values(os.getpid(), child)

    for name in ("process_resident_memory_bytes", "process_virtual_memory_bytes"):
        assert theirs[name] > 0
        assert together[name] >= ours[name] + theirs[name] * 0.9
    assert together["process_open_fds"] >= ours["process_open_fds"] + 3


def test_the_gateway_began_with_its_first_process(child: int) -> None:
    together = values(child, os.getpid())

    assert (
        together["process_start_time_seconds"]
        == (values(os.getpid())["process_start_time_seconds"])
    )


def test_time_does_not_go_back_when_a_child_ends() -> None:
    program = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = values(os.getpid(), process.pid)["process_cpu_seconds_total"]
        process.communicate(b"\n")

    assert values(os.getpid(), process.pid)["process_cpu_seconds_total"] >= before


def test_a_process_that_is_gone_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert values(process.pid) == {}
