"""Print for people: faults, tables and progress."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

import click

from gateway.settings.text.fault import Fault, Severity


def print_faults(faults: Sequence[Fault]) -> None:
    """Write one line per fault to stderr: ``file:line:column: code: message``.

    File names come from folders, and must not control the terminal, or make a line of their own.
    """
    for fault in faults:
        colour = "red" if fault.severity is Severity.ERROR else "yellow"
        code = click.style(fault.code.value, fg=colour, bold=True)
        line = escape(str(fault)).replace(f" {fault.code.value}: ", f" {code}: ", 1)
        click.echo(line, err=True)  # without colours if they are not wanted


def escape(line: str) -> str:
    """Escape everything in *line* that could control a terminal, or split the line."""
    if line.isprintable():
        return line
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in line
    )


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* under *head* in columns, two spaces between."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
    return "\n".join(lines)


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print *rows* under *head* to stdout; on a terminal, so that they fit its width.

    *colours* has the colours of cells, by their text. What is piped is never cut or wrapped.
    """
    if not (sys.stdout.isatty() or colours):
        click.echo(format_table(head, rows))
        return
    # Imported here: for people only.
    from gateway.cli.columns import fit_table  # noqa: PLC0415

    click.echo(fit_table(head, rows, terminal_columns(), colours or {}))


def terminal_columns() -> int | None:
    """Return the width of the terminal that stdout is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


# Shorter waits need no explanation.
_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.5


@contextmanager
def show_progress(
    what: str, stream: TextIO | None = None, after_seconds: float = _AFTER_SECONDS
) -> Iterator[None]:
    """Show *what* is in progress, and for how long, from *after_seconds* until the block ends.

    It is a line on *stream* (stderr by default) that is erased at the end; nothing is shown if
    *stream* is not a terminal.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield
        return
    is_done = Event()
    # A daemon: a terminal that accepts no output must not keep the program from exiting.
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
    """Return the end of *text* that fits on one line, because only one line can be erased."""
    columns = os.get_terminal_size(stream.fileno()).columns
    return text[-(columns - 1) :] if columns > 1 else text
