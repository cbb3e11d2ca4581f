"""Tell somebody at a terminal that work goes on."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

from gateway.cli.output import escape

# Nobody wonders about less.
_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.5


@contextmanager
def show_progress(
    what: str, stream: TextIO | None = None, after_seconds: float = _AFTER_SECONDS
) -> Iterator[None]:
    """Show *what* goes on, and for how long, from *after_seconds* on until it is done.

    On a line of *stream*, stderr by default, which is erased in the end; nowhere if that is no
    terminal.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield
        return
    is_done = Event()
    # A daemon: a terminal that takes no text must not keep the program from its end.
    args = (escape(what), stream, after_seconds, is_done)
    thread = Thread(target=_show, args=args, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _show(what: str, stream: TextIO, after_seconds: float, is_done: Event) -> None:
    begun_at, line = time.monotonic(), ""
    while not is_done.wait(_EVERY_SECONDS if line else after_seconds):
        line = _fit(f"{what} ({time.monotonic() - begun_at:.0f} s)", stream)
        stream.write(f"\r{line}")
        stream.flush()
    if line:
        stream.write(f"\r{' ' * len(line)}\r")
        stream.flush()


def _fit(text: str, stream: TextIO) -> str:
    """Return the end of *text* that fits on one line: of two, only one could be erased."""
    columns = os.get_terminal_size(stream.fileno()).columns
    return text[-(columns - 1) :] if columns > 1 else text
