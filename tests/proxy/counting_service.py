"""A service in a process of its own, which can be killed, and remembers what it was asked.

``python -m tests.proxy.counting_service RECORD PORT`` prints its port, and writes the target of
each request to the file RECORD before it does anything about it.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_WORK_SECONDS = 0.002  # so that requests are under way whenever it is killed


async def _serve(record: int, port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                os.write(record, head.split(b" ")[1] + b"\n")
                await asyncio.sleep(_WORK_SECONDS)
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


class CountingService:
    """Starts the process, kills it, and starts it again at the same port."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        """Return what it was asked for, in all of its lives."""
        return self._record.read_text().split() if self._record.exists() else []

    def start(self) -> None:
        command = [sys.executable, "-m", __name__, str(self._record), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """End it as nothing can be prepared for; it is gone when this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@contextmanager
def counting_services(directory: Path, count: int) -> Iterator[list[CountingService]]:
    """Yield so many services in processes of their own."""
    services: list[CountingService] = []
    try:
        services.extend(CountingService(directory / f"record-{n}") for n in range(count))
        yield services
    finally:
        for service in services:
            service.kill()


if __name__ == "__main__":
    with open(sys.argv[1], "ab", buffering=0) as file:
        asyncio.run(_serve(file.fileno(), int(sys.argv[2])))
