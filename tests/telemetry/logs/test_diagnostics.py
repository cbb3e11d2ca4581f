"""What is said on standard error makes nobody wait, and is told of where it is lost."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import datetime, timedelta

import click
import pytest

from gateway.telemetry.logs.diagnostics import Diagnostics
from tests.hanging import LIMIT_SECONDS
from tests.telemetry.pipes import Pipe, fill, make_pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with make_pipe() as pipe:
        yield pipe


def read_rest(pipe: Pipe) -> list[str]:
    pipe.close(pipe.write_fd)
    return pipe.read_all().lstrip(b"x").decode().splitlines()


def test_lines_come_out_as_they_were_written(pipe: Pipe) -> None:
    stream = Diagnostics(pipe.write_fd)

    print("one", "piece", "after", "another", file=stream)
    stream.write("two\nthree\nfour")
    stream.finish(LIMIT_SECONDS)

    assert read_rest(pipe) == ["one piece after another", "two", "three", "four"]


def test_lines_are_objects_for_who_wants_json(pipe: Pipe) -> None:
    stream = Diagnostics(pipe.write_fd, as_json=True)

    print("one 'quoted' \u2713", "piece", file=stream)
    stream.finish(LIMIT_SECONDS)

    (line,) = map(json.loads, read_rest(pipe))
    assert line["message"] == "one 'quoted' \u2713 piece"
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)


def test_whatever_writes_to_standard_error_writes_here(pipe: Pipe) -> None:
    stream = Diagnostics(pipe.write_fd)
    with redirect_stderr(stream):
        click.echo(click.style("said \u2713", fg="red"), err=True)
        record = logging.LogRecord("x", logging.ERROR, "", 0, "logged \ud800", None, None)
        logging.lastResort.handle(record)  # type: ignore[union-attr]
        sys.stderr.writelines(["written ", "in pieces\n"])
    stream.finish(LIMIT_SECONDS)

    assert read_rest(pipe) == ["said \u2713", "logged \\ud800", "written in pieces"]


def test_it_is_what_it_stands_for(pipe: Pipe) -> None:
    stream = Diagnostics(pipe.write_fd)

    assert (stream.fileno(), stream.isatty(), stream.writable()) == (pipe.write_fd, False, True)
    stream.finish(LIMIT_SECONDS)


def test_a_reader_that_reads_nothing_holds_up_no_writer_and_is_told_what_it_missed(
    pipe: Pipe,
) -> None:
    filled = fill(pipe.write_fd)
    stream = Diagnostics(pipe.write_fd, capacity_bytes=1000)

    stream.write("the first\n")
    for number in range(1000):
        stream.write(f"line {number:04}\n")
        stream.flush()
    assert len(os.read(pipe.read_fd, filled)) == filled
    stream.finish(LIMIT_SECONDS)

    lines = read_rest(pipe)
    lost = [line for line in lines if "lines dropped" in line]
    told = sum(int(line.split()[1]) for line in lost)
    assert lines[0] == "the first"
    assert 0 < told < 1000
    assert len(lines) - len(lost) + told == 1001


def test_a_full_disk_costs_lines_and_raises_nothing() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        stream = Diagnostics(full)
        for _ in range(3):
            stream.write("a line\n")
        stream.finish(LIMIT_SECONDS)
    finally:
        os.close(full)


def test_a_reader_that_went_away_costs_lines_and_raises_nothing(pipe: Pipe) -> None:
    pipe.close(pipe.read_fd)

    stream = Diagnostics(pipe.write_fd)
    stream.write("a line\n")
    stream.finish(LIMIT_SECONDS)


IN_THE_MIDDLE = """
import fcntl, os, sys
fcntl.lockf(1, fcntl.LOCK_EX)
os.write(1, b"a line of ")
print("begun", file=sys.stderr, flush=True)
sys.stdin.readline()
os.write(1, b"a worker\\n")
"""


def test_what_is_said_stands_behind_the_line_that_a_worker_has_begun(pipe: Pipe) -> None:
    """Its access log may be in the same pipe, and its lines longer than a pipe takes whole."""
    worker = subprocess.Popen(
        [sys.executable, "-c", IN_THE_MIDDLE],
        stdin=subprocess.PIPE,
        stdout=pipe.write_fd,
        stderr=subprocess.PIPE,
    )
    assert worker.stderr is not None
    assert worker.stderr.readline() == b"begun\n"
    stream = Diagnostics(pipe.write_fd)
    stream.write("said\n")
    time.sleep(0.05)  # for one that would not wait

    worker.communicate(b"go on\n", timeout=LIMIT_SECONDS)
    stream.finish(LIMIT_SECONDS)

    assert read_rest(pipe) == ["a line of a worker", "said"]


def test_the_end_does_not_wait_for_a_reader_that_reads_nothing(pipe: Pipe) -> None:
    filled = fill(pipe.write_fd)
    stream = Diagnostics(pipe.write_fd)
    stream.write("a line\n")

    stream.finish(0.05)
    stream.write("too late\n")

    assert len(os.read(pipe.read_fd, filled)) == filled
    stream.finish(LIMIT_SECONDS)
    assert read_rest(pipe)[0] == "a line"


def test_a_line_without_an_end_does_not_fill_the_memory(pipe: Pipe) -> None:
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_all()))
    reader.start()
    stream = Diagnostics(pipe.write_fd)
    for _ in range(100):
        stream.write("x" * 1000)
    stream.finish(LIMIT_SECONDS)

    pipe.close(pipe.write_fd)
    reader.join()
    assert [len(line) for line in received[0].splitlines()] == [66_000, 34_000]


DYING = """
from gateway.telemetry.logs.diagnostics import divert_stderr

divert_stderr()
raise ValueError("at the end")
"""


def test_the_traceback_that_ends_a_process_is_still_written() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: at the end"


ON_NO_DESCRIPTOR = """
import io, sys
from gateway.telemetry.logs.diagnostics import divert_stderr

sys.stderr = stream = io.StringIO()
divert_stderr()
assert sys.stderr is stream
"""


def test_a_stream_without_a_descriptor_stays_as_it_is() -> None:
    subprocess.run([sys.executable, "-c", ON_NO_DESCRIPTOR], check=True, timeout=60)


LEAVING = """
import sys, threading, time
from gateway.telemetry.logs.diagnostics import divert_stderr, leave

divert_stderr()
sys.stderr.write("the last line\\n")
threading.Thread(target=time.sleep, args=(600,)).start()
leave(3)
"""


def test_a_process_leaves_behind_its_last_line_whatever_its_threads_do() -> None:
    """Python itself would wait for the thread, or tear it down amid whatever it does."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr) == (3, "the last line\n")
