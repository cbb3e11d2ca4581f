"""Read small documents from files, or fail with a reason fit for a log."""

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
    # A pipe that stands where the file was would wait for somebody who writes into it.
    return os.open(name, flags | os.O_NONBLOCK)


class Files:
    """Files by name, each of which is read once at a time.

    A file may lie on a network disk that hangs. Whoever asks again, having lost patience, waits
    for the same thread: attempts without end take one thread for each file. *read* is called as
    ``read_start`` is.
    """

    def __init__(self, read: ReadStart = read_start) -> None:
        self._read = read
        self._reading: dict[str, asyncio.Future[bytes]] = {}

    async def read(self, name: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return what the file *name* holds, which is at most *max_bytes*.

        Raises FetchFailed where it cannot be read, is larger, or is a pipe or a device.
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
