"""Have three standard streams, whatever the process was started with."""

import errno
import os
import sys
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_standard_streams() -> None:
    """Open the null device for each stream that the parent closed.

    The next socket would get its number otherwise, and with it whatever is printed.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            _open_null(number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def give_up(error: OSError) -> str:
    """Return what went wrong outside, once nothing waits for being written any more."""
    if error.errno in {errno.ENOSPC, errno.EIO, errno.EBADF}:
        # What the interpreter still holds would fail again when it ends.
        _open_null(sys.stdout.fileno())
    return error.strerror or str(error)


def _open_null(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
