import os
import select
import threading
from collections.abc import Iterator

import pytest

from gateway.telemetry.logs.access_log import AccessLog
from tests.telemetry.pipes import Pipe, fill, make_pipe

# Long enough for any machine: only a failing test ever waits for it.
PATIENCE_SECONDS = 60.0

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with make_pipe() as pipe:
        yield pipe


def read_some(pipe: Pipe) -> bytes:
    ready, _, _ = select.select([pipe.read_fd], [], [], PATIENCE_SECONDS)
    assert ready, "nothing arrived"
    return os.read(pipe.read_fd, 65536)


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)
    lines = [b"%d\n" % number for number in range(1000)]

    for line in lines:
        log.write(line)
    log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    assert pipe.read_all() == b"".join(lines)
    assert (log.written, log.dropped) == (1000, 0)


def test_a_line_arrives_without_a_further_one_or_a_close(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)

    for number in range(5):  # between two of them the thread goes to sleep
        log.write(b"%d\n" % number)
        assert read_some(pipe) == b"%d\n" % number
    log.close(PATIENCE_SECONDS)


def test_a_reader_that_never_reads_costs_lines_over_capacity_and_no_time(pipe: Pipe) -> None:
    """The loop goes on: were a write to wait for the pipe, this test would never end."""
    fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd, capacity_bytes=1000)

    for _ in range(25):
        log.write(LINE)

    assert (log.written, log.dropped) == (0, 15)
    log.close(0)
    assert (log.written, log.dropped) == (0, 25)


def test_close_ends_in_time_though_the_reader_never_reads(pipe: Pipe) -> None:
    fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd)
    log.write(LINE)

    log.close(0.01)
    log.close(0.01)

    assert (log.written, log.dropped) == (0, 1)


def test_lines_flow_again_when_the_reader_does(pipe: Pipe) -> None:
    filled = fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd, capacity_bytes=1000)
    for _ in range(25):
        log.write(LINE)

    received = b""
    while len(received) < filled + 10 * len(LINE):
        received += read_some(pipe)
    log.close(PATIENCE_SECONDS)

    assert received[filled:] == 10 * LINE
    assert (log.written, log.dropped) == (10, 15)


def test_a_reader_that_went_away_costs_every_line(pipe: Pipe) -> None:
    pipe.close(pipe.read_fd)
    log = AccessLog(pipe.write_fd)

    for _ in range(10):
        log.write(LINE)
    log.close(PATIENCE_SECONDS)

    assert (log.written, log.dropped) == (0, 10)


def test_a_full_disk_costs_every_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    log = AccessLog(full)

    log.write(LINE)
    log.close(PATIENCE_SECONDS)

    os.close(full)
    assert (log.written, log.dropped) == (0, 1)


def test_a_log_that_is_off_drops_nothing_and_writes_nothing() -> None:
    log = AccessLog(None)

    log.write(LINE)
    log.close(0)

    assert (log.enabled, log.written, log.dropped) == (False, 0, 0)


def test_a_line_after_close_is_dropped(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)
    log.close(PATIENCE_SECONDS)

    log.write(LINE)

    assert (log.written, log.dropped) == (0, 1)


def test_every_line_is_either_read_once_in_order_or_counted_as_dropped(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd, capacity_bytes=64 * 1024)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.extend(pipe.read_all().splitlines()))
    reader.start()

    for number in range(200_000):
        log.write(b"%07d\n" % number)
    log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    reader.join()
    assert len(received) == log.written
    assert log.written + log.dropped == 200_000
    assert received == sorted(set(received))
    assert all(len(line) == 7 for line in received)


def test_lines_of_two_processes_never_run_into_each_other_in_one_pipe(pipe: Pipe) -> None:
    """Two logs stand for two processes: a pipe takes writes over PIPE_BUF in parts (POSIX)."""
    logs = [AccessLog(pipe.write_fd, shared=True) for _ in range(2)]
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.extend(pipe.read_all().splitlines()))
    for log, mark in zip(logs, (b"a", b"b"), strict=True):
        for _ in range(5000):
            log.write(mark * 300 + b"\n")

    reader.start()
    for log in logs:
        log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    reader.join()
    assert sorted(received) == [b"a" * 300] * 5000 + [b"b" * 300] * 5000
