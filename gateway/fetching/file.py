"""Read one small document from a file, or fail with a reason fit for a log."""

import asyncio
from pathlib import Path

from gateway.fetching.fetch import MAX_DOCUMENT_BYTES, FetchFailed


async def read_file(name: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return what the file *name* holds, which is at most *max_bytes*.

    Reads in a thread: a file may lie on a network disk that hangs. Raises FetchFailed where
    the file cannot be read or is larger.
    """
    try:
        body = await asyncio.to_thread(_read_start, Path(name), max_bytes + 1)
    except OSError as error:
        raise FetchFailed(f"{name}: {error.strerror or type(error).__name__}") from None
    if len(body) > max_bytes:
        raise FetchFailed(f"{name}: larger than {max_bytes} bytes")
    return body


def _read_start(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
