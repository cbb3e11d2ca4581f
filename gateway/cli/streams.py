"""The three standard streams, even if the parent process closed them or a reader goes away."""

import errno
import io
import os
import sys
from typing import Final, TextIO

import click

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_standard_streams() -> None:
    """Open the null device for each closed stream, and outlive the readers of the others.

    Otherwise the next socket would get its descriptor, and receive whatever is printed; and a
    reader that goes away, as in `gateway routes | head -1`, would be an error.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        stream = getattr(sys, name)
        if stream is None:
            _open_null(number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
        elif mode == "w":
            setattr(sys, name, _outlive_reader(stream))


_TAKEN: Final = "gateway.cli.streams.stdin"


class _Outlet(io.FileIO):
    """A descriptor; once its reader is gone, the rest is discarded."""

    def write(self, octets: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Write *octets*, or drop them: the exit code is still that of the whole work."""
        try:
            return super().write(octets)
        except BrokenPipeError:
            _open_null(self.fileno())
            return memoryview(octets).nbytes


def _outlive_reader(stream: TextIO) -> TextIO:
    outlet: io.RawIOBase = _Outlet(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(stream.line_buffering),
    )


def give_up(error: OSError) -> str:
    """Return the message of *error*, once nothing is left in the buffer of stdout."""
    if error.errno in {errno.ENOSPC, errno.EIO, errno.EBADF}:
        # What the interpreter still buffers would fail again when it exits.
        _open_null(sys.stdout.fileno())
    return error.strerror or str(error)


def _open_null(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def claim_stdin(what: str) -> None:
    """Note that *what*, an argument of this command line, comes from stdin.

    Raise UsageError if another one does: it would be empty.
    """
    context = click.get_current_context(silent=True)
    taken = what if context is None else context.meta.setdefault(_TAKEN, what)
    if taken != what:
        raise click.UsageError(f"stdin (-) is {taken} already: pass {what} in a file")
