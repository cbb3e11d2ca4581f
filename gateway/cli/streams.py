"""Open the three standard streams if the parent process closed them."""

import errno
import os
import sys
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_standard_streams() -> None:
    """Open the null device for each closed stream.

    Otherwise the next socket would get its descriptor, and receive whatever is printed.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            _open_null(number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


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
