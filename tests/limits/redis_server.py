"""A real Redis for tests, which can be stopped for a while, killed and brought back."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hanging import LIMIT_SECONDS

PROGRAM = shutil.which("redis-server")


class RedisServer:
    """A server on a socket in *directory*, and on a port where *port* is not 0."""

    def __init__(self, directory: Path, port: int = 0, password: str = "") -> None:
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.port = port
        self._directory = directory
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once it takes connections."""
        assert PROGRAM is not None
        words = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        words += ["--unixsocket", str(self.socket), "--dir", str(self._directory)]
        if self._password:
            words += ["--requirepass", self._password]
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + LIMIT_SECONDS
        while not self._answers():
            assert self._process.poll() is None
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return bool(client.recv(16))
            except OSError:
                return False

    def kill(self) -> None:
        """End it at once: all connections break, and it forgets everything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT_SECONDS)
            self._process = None

    def stall(self) -> None:
        """Let it do nothing until ``go_on``; connections to it are still taken."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def running_redis(directory: Path, password: str = "") -> Iterator[RedisServer]:
    """Yield a server; it is killed in the end."""
    if PROGRAM is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(directory, password=password)
    try:
        server.start()
        yield server
    finally:
        server.kill()
