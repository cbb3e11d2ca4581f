"""Read a file from stdin where a command line has ``-`` for it."""

import sys
from pathlib import Path
from typing import Final

import click

from gateway.cli.streams import claim_stdin
from gateway.settings.text.disk import MACHINE_DISK, Disk

# Its place in messages: `<stdin>:8:10: unknown_key: …`. Relative names in it are relative to the
# working directory.
STDIN: Final = Path("<stdin>")

_DASH: Final = "-"
_CONTENT: Final = "gateway.cli.stdin_file.content"


def file_or_stdin(path: Path, what: str) -> Path:
    """Return *path*, or `STDIN` if it is ``-``: then stdin is *what*, an argument.

    Raise UsageError if it is another argument already.
    """
    if str(path) != _DASH:
        return path
    claim_stdin(what)
    return STDIN


class StdinDisk:
    """A disk with one more file: `STDIN`, which is read once. All others are on *disk*."""

    def __init__(self, disk: Disk = MACHINE_DISK) -> None:
        self._disk = disk
        self.find = disk.find
        self.resolve = disk.resolve
        self.is_readable = disk.is_readable

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the first *most_bytes* of the file at *path*, or all if there are fewer."""
        if path != STDIN:
            return self._disk.read(path, most_bytes)
        known = click.get_current_context().meta
        content, is_whole = known.get(_CONTENT, (b"", False))
        missing = most_bytes - len(content)
        # A terminal would be asked again after its end.
        if missing > 0 and not is_whole:
            more = sys.stdin.buffer.read(missing)
            content, is_whole = content + more, len(more) < missing
            known[_CONTENT] = content, is_whole
        beginning: bytes = content[:most_bytes]
        return beginning
