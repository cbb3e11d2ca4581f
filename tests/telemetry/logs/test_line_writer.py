import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.logs.line_writer import LineWriter
from tests.telemetry.pipes import Pipe, fill, make_pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with make_pipe() as pipe:
        yield pipe


def test_lines_go_out_as_they_are(pipe: Pipe) -> None:
    written = LineWriter(pipe.write_fd).write([b"one\n", b"two\n"])

    pipe.close(pipe.write_fd)
    assert written == 2
    assert pipe.read_all() == b"one\ntwo\n"


def test_a_reader_that_went_away_loses_the_lines_and_raises_nothing(pipe: Pipe) -> None:
    pipe.close(pipe.read_fd)

    assert LineWriter(pipe.write_fd).write([b"one\n", b"two\n"]) == 0


def test_a_full_disk_loses_the_lines_and_raises_nothing() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert LineWriter(full).write([b"one\n"]) == 0
    finally:
        os.close(full)


def test_a_descriptor_that_is_not_open_loses_the_lines_and_raises_nothing(pipe: Pipe) -> None:
    pipe.close(pipe.write_fd)

    assert LineWriter(pipe.write_fd).write([b"one\n"]) == 0


def test_more_than_a_pipe_holds_goes_out_whole_while_it_is_read(pipe: Pipe) -> None:
    lines = [b"%06d\n" % number for number in range(50_000)]
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_all()))
    reader.start()

    written = LineWriter(pipe.write_fd).write(lines)

    pipe.close(pipe.write_fd)
    reader.join()
    assert written == len(lines)
    assert received == [b"".join(lines)]


def test_a_descriptor_made_non_blocking_by_others_is_waited_for(pipe: Pipe) -> None:
    filled = fill(pipe.write_fd)
    os.set_blocking(pipe.write_fd, False)
    written: list[int] = []
    writer = threading.Thread(
        target=lambda: written.append(LineWriter(pipe.write_fd).write([b"one\n"]))
    )
    writer.start()

    received = b""
    while len(received) < filled + len(b"one\n"):
        received += os.read(pipe.read_fd, 65536)

    writer.join()
    assert written == [1]
    assert received.endswith(b"xone\n")


CUT_BY_A_SIZE_LIMIT = """
import os, resource, signal, sys
from gateway.telemetry.logs.line_writer import LineWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
writer = LineWriter(fd)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
first = writer.write([b"one\\n", b"two\\n", b"three\\n"])
lost = writer.write([b"four\\n"])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
last = writer.write([b"five\\n", b"six\\n"])
print(first, lost, last)
"""


def test_a_line_cut_by_a_full_disk_does_not_spoil_the_next(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk; it is the process's own, so ask one."""
    log = tmp_path / "access.log"

    done = subprocess.run(
        [sys.executable, "-c", CUT_BY_A_SIZE_LIMIT, str(log)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.split() == ["2", "0", "2"]
    assert log.read_bytes() == b"one\ntwo\nth\nfive\nsix\n"


LONG_LINES = """
import sys
from gateway.telemetry.logs.line_writer import LineWriter

writer = LineWriter(1, shared=True)
for _ in range(100):
    assert writer.write([sys.argv[1].encode() * 6000 + b"\\n", b"short\\n"]) == 2
"""


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_long_lines_of_several_processes_stay_whole_though_their_reader_is_slow(kind: str) -> None:
    """They are longer than what POSIX has a pipe take at once (PIPE_BUF)."""
    if kind == "pipe":
        ours, theirs = os.pipe()
    else:
        ours, theirs = (one.detach() for one in socket.socketpair())
    writers = [
        subprocess.Popen([sys.executable, "-c", LONG_LINES, mark], stdout=theirs) for mark in "abc"
    ]
    os.close(theirs)
    received = b"".join(iter(lambda: os.read(ours, 1000), b""))  # a little at a time
    os.close(ours)

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = received.splitlines()
    whole = [mark * 6000 for mark in (b"a", b"b", b"c")]
    assert [lines.count(line) for line in (*whole, b"short")] == [100, 100, 100, 300]


def test_lines_of_two_writers_of_one_process_stay_whole_though_their_reader_is_slow() -> None:
    """As where stdout and stderr are one pipe, and more waits than it takes at once."""
    ours, theirs = os.pipe()
    second = os.dup(theirs)
    lines = [[mark * 700 + b"\n"] * 400 for mark in (b"a", b"b")]
    writers = [
        threading.Thread(target=LineWriter(fd).write, args=(some,))
        for fd, some in zip((theirs, second), lines, strict=True)
    ]
    for writer in writers:
        writer.start()
    received = b""
    while len(received) < 2 * 400 * 701:
        received += os.read(ours, 1000)  # a little, while both write
    for writer in writers:
        writer.join(60)
    for fd in (ours, theirs, second):
        os.close(fd)

    assert sorted(set(received.splitlines())) == [b"a" * 700, b"b" * 700]


def test_writers_to_different_places_do_not_wait_for_each_other(pipe: Pipe) -> None:
    """Whoever does not read stdout keeps nothing from stderr."""
    fill(pipe.write_fd)
    stuck = threading.Thread(target=LineWriter(pipe.write_fd).write, args=([b"one\n"],))
    stuck.start()
    with make_pipe() as other:
        assert LineWriter(other.write_fd).write([b"two\n"]) == 1
    pipe.close(pipe.read_fd)
    stuck.join(60)


def test_a_descriptor_that_is_not_open_costs_the_lines_and_nothing_else() -> None:
    closed = os.dup(0)
    os.close(closed)

    assert LineWriter(closed, shared=True).write([b"one\n"]) == 0
