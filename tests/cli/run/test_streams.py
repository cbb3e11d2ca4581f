"""`gateway run` whose output nobody takes: a pipe that is full, a disk that is full, a reader
that went away (HOSTILE 93: full disk for logs). Requests are answered, and it ends in time.
"""

import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.cli.config_files import INVALID
from tests.cli.run.test_command import GATEWAY, address_in, config_of, status_of
from tests.hanging import LIMIT_SECONDS
from tests.telemetry.pipes import Pipe, fill, make_pipe

RELOADS = 5  # refused ones, of which each says three lines


@contextmanager
def running(path: Path, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([GATEWAY, "run", str(path)], **streams) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def listening_port(pid: int) -> int | None:
    """Return the port that process *pid* listens on, from what the kernel knows."""
    inodes: set[str] = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            inodes.add(link.readlink().name.removeprefix("socket:[").removesuffix("]"))
    for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A" and fields[9] in inodes:  # 0A: LISTEN
            return int(fields[1].partition(":")[2], 16)
    return None


def find_port(process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        port = listening_port(process.pid)
        if port is not None:
            return port
    raise AssertionError("the gateway ended")


def ask_often(address: tuple[str, int], times: int) -> set[bytes]:
    with socket.create_connection(address, timeout=LIMIT_SECONDS) as client:
        return {status_of(client) for _ in range(times)}


ANSWER = {b"HTTP/1.1 502 Bad Gateway"}  # it is let through, and there is no service


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with make_pipe() as pipe:
        yield pipe


def read_address(pipe: Pipe, mark: bytes = b"listening on ") -> tuple[str, int]:
    """Return the address behind *mark*, and nothing is left in the pipe but what follows later."""
    said = b""
    while mark not in said or not said.endswith(b"\n"):
        assert select.select([pipe.read_fd], [], [], LIMIT_SECONDS)[0], said
        said += os.read(pipe.read_fd, 65536)
    (line,) = [line for line in said.splitlines() if mark in line]
    return address_in(line.decode())


def refuse_reloads(process: subprocess.Popen[bytes], path: Path, address: tuple[str, int]) -> None:
    """Have *process* say more than is taken: it reloads a file with faults again and again."""
    path.write_text(INVALID)
    for _ in range(RELOADS):
        process.send_signal(signal.SIGHUP)
        assert ask_often(address, 20) == ANSWER


@pytest.mark.parametrize("workers", [1, 2])
def test_on_pipes_that_nobody_reads_it_serves_and_ends_in_time(
    tmp_path: Path, pipe: Pipe, workers: int
) -> None:
    path = config_of(tmp_path, admin=False, workers=workers)
    with (
        make_pipe() as log,
        running(path, stdout=log.write_fd, stderr=pipe.write_fd) as process,
    ):
        address = read_address(pipe)
        fill(log.write_fd)
        fill(pipe.write_fd)

        refuse_reloads(process, path, address)
        process.send_signal(signal.SIGTERM)

        assert process.wait(LIMIT_SECONDS) == 0


def test_once_somebody_reads_again_it_is_told_what_it_missed(tmp_path: Path, pipe: Pipe) -> None:
    path = config_of(tmp_path, drain="1s")
    with running(path, stdout=subprocess.DEVNULL, stderr=pipe.write_fd) as process:
        admin = read_address(pipe, b"admin on ")
        fill(pipe.write_fd)
        # Each fault is a line; all of them are more than we hold, and all are said by the answer.
        path.write_text("version: 1\n" + "".join(f"key-{n}: 1\n" for n in range(5000)))
        assert ask_to_reload(admin) == 409

        said = ""
        while " lines dropped" not in said:
            assert select.select([pipe.read_fd], [], [], LIMIT_SECONDS)[0], said
            said += os.read(pipe.read_fd, 65536).decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_SECONDS) == 0
    lost = int(said.partition(" lines dropped")[0].rpartition("gateway: ")[2])
    assert 0 < lost < 6000


def ask_to_reload(admin: tuple[str, int]) -> int:
    with closing(HTTPConnection(*admin, timeout=LIMIT_SECONDS)) as connection:
        connection.request("POST", "/reload", headers={"Content-Type": "application/json"})
        return connection.getresponse().status


@pytest.mark.parametrize("workers", [1, 2])
def test_on_a_full_disk_it_starts_serves_and_ends(tmp_path: Path, workers: int) -> None:
    path = config_of(tmp_path, admin=False, workers=workers)
    with (
        Path("/dev/full").open("wb") as full,
        running(path, stdout=full, stderr=full) as process,
    ):
        address = ("127.0.0.1", find_port(process))
        refuse_reloads(process, path, address)
        process.send_signal(signal.SIGTERM)

        assert process.wait(LIMIT_SECONDS) == 0


def test_readers_that_went_away_are_not_missed(tmp_path: Path, pipe: Pipe) -> None:
    path = config_of(tmp_path, admin=False)
    with (
        make_pipe() as log,
        running(path, stdout=log.write_fd, stderr=pipe.write_fd) as process,
    ):
        address = read_address(pipe)
        for one in (log, pipe):
            one.close_all()

        refuse_reloads(process, path, address)
        process.send_signal(signal.SIGTERM)

        assert process.wait(LIMIT_SECONDS) == 0
