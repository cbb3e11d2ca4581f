"""Read small documents from files, or fail with a reason for the log."""

import asyncio
import os
import stat
from collections.abc import Callable
from functools import partial

from gateway.fetching.document import MAX_DOCUMENT_BYTES, FetchFailed
from gateway.fetching.thread import start_thread

ReadStart = Callable[[str, int], bytes]


def read_start(name: str, count: int) -> bytes:
    """Return the first *count* bytes of a regular file; raises OSError, or FetchFailed."""
    with open(name, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FetchFailed(f"{name}: not a regular file")
        return file.read(count)


def _open_at_once(name: str, flags: int) -> int:
    # Opening a pipe in place of the file would block until somebody writes to it.
    return os.open(name, flags | os.O_NONBLOCK)


class Files:
    """Reads files, each at most once at a time.

    A file may be on a network disk that hangs. A retry after a timeout waits for the same thread,
    so endless retries take only one thread per file. *read* has the signature of ``read_start``.
    """

    def __init__(self, read: ReadStart = read_start) -> None:
        self._read = read
        self._reading: dict[str, asyncio.Future[bytes]] = {}

    async def read(self, name: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the content of the file *name*, at most *max_bytes*.

        Raises FetchFailed if it is unreadable, larger, or not a regular file.
        """
        reading = self._reading.get(name) or self._start(name, max_bytes + 1)
        try:
            body = await asyncio.shield(reading)
        except OSError as error:
            raise FetchFailed(f"{name}: {error.strerror or type(error).__name__}") from None
        if len(body) > max_bytes:
            raise FetchFailed(f"{name}: larger than {max_bytes} bytes")
        return body

    def _start(self, name: str, count: int) -> asyncio.Future[bytes]:
        reading = start_thread(partial(self._read, name, count), f"reader of {name}")
        self._reading[name] = reading
        reading.add_done_callback(lambda _: self._reading.pop(name))
        return reading
