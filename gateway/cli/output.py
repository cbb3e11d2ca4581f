"""Print for people: faults, tables and progress."""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
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
        _echo(line, err=True)  # without colours if they are not wanted


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


def print_painted(lines: Iterable[str], colours: Mapping[str, str], *, err: bool = False) -> None:
    """Print *lines* to stdout or stderr, escaped, with the words of *colours* in their colour.

    A word has it where it says what the line means: at the beginning, after a count, after the
    name of a file, or in brackets at the end.
    """
    has_colours = _has_colours(sys.stderr if err else sys.stdout)
    for line in lines:
        shown = escape(line)
        _echo(_paint(shown, colours) if has_colours else shown, err=err)


def _echo(line: str, *, err: bool) -> None:
    """Print *line*; on a terminal, so that it breaks between words. What is piped stays one."""
    columns = terminal_columns(sys.stderr if err else sys.stdout)
    if columns is not None:
        # Imported here: for people only.
        from gateway.cli.columns import fold  # noqa: PLC0415

        line = fold(line, columns)
    click.echo(line, err=err)


def _has_colours(stream: TextIO) -> bool:
    """Return whether *stream* has colours: by an option, by the environment, or as a terminal."""
    context = click.get_current_context(silent=True)
    wanted = None if context is None else context.color
    return stream.isatty() if wanted is None else wanted


def _paint(line: str, colours: Mapping[str, str]) -> str:
    for pattern in _patterns(tuple(colours)):
        line = pattern.sub(
            lambda found: found[1] + click.style(found[2], fg=colours[found["word"]]), line
        )
    return line


@cache
def _patterns(words: tuple[str, ...]) -> tuple["re.Pattern[str]", ...]:
    word = f"(?P<word>{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})(?![\\w-])"
    return (
        re.compile(rf"^( *|\S+: )({word})"),
        re.compile(rf"((?:^|[ (]))([1-9][\d,]* {word})"),
        re.compile(rf"((?<= )\[|(?<=[a-z]), )({word})(?=[a-z, ]*\]$)"),
    )


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print *rows* under *head* to stdout; on a terminal, so that they fit its width.

    *colours* has the colours of cells, by their text. What is piped is never cut or wrapped. Cells
    are escaped: the operand of a claim may have any character.
    """
    rows = [[escape(cell) for cell in row] for row in rows]
    if not (sys.stdout.isatty() or _has_colours(sys.stdout)):
        click.echo(format_table(head, rows))
        return
    # Imported here: for people only.
    from gateway.cli.columns import fit_table  # noqa: PLC0415

    click.echo(fit_table(head, rows, terminal_columns(sys.stdout), colours or {}))


def terminal_columns(stream: TextIO) -> int | None:
    """Return the width of the terminal that *stream* is; None if it is none."""
    if not stream.isatty():
        return None
    return shutil.get_terminal_size(fallback=os.get_terminal_size(stream.fileno())).columns or None


# Shorter waits need no explanation.
_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.5

_BAR_COLUMNS = 20


@dataclass(slots=True)
class Progress:
    """How much of some work is *done*, of a *total* that is 0 until it is known."""

    total: int = 0
    done: int = 0

    def advance(self) -> None:
        """Note that one more part is done."""
        self.done += 1

    def show(self) -> str:
        """Return a bar with a percentage; nothing without a total."""
        if self.total <= 0:
            return ""
        share = min(self.done / self.total, 1.0)
        bar = "#" * int(share * _BAR_COLUMNS)
        return f" [{bar:.<{_BAR_COLUMNS}}] {int(share * 100)} %"


@contextmanager
def show_progress(
    what: str, stream: TextIO | None = None, after_seconds: float = _AFTER_SECONDS
) -> Iterator[Progress]:
    """Show *what* is in progress, how much of it, and for how long, until the block ends.

    It is a line on *stream* (stderr by default), from *after_seconds* on, that is erased at the
    end; nothing is shown if *stream* is not a terminal. The block gets a `Progress` to advance.
    """
    stream = stream or sys.stderr
    progress = Progress()
    if not stream.isatty():
        yield progress
        return
    is_done = Event()
    # A daemon: a terminal that accepts no output must not keep the program from exiting.
    args = (escape(what), progress, stream, after_seconds, is_done)
    thread = Thread(target=_show, args=args, name="progress", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        is_done.set()
        thread.join()


def _show(
    what: str, progress: Progress, stream: TextIO, after_seconds: float, is_done: Event
) -> None:
    begun_at, line = time.monotonic(), ""
    while not is_done.wait(_EVERY_SECONDS if line else after_seconds):
        text = f"{what}{progress.show()} ({time.monotonic() - begun_at:.0f} s)"
        former, line = line, _fit(text, stream)
        stream.write(f"\r{line}{' ' * (len(former) - len(line))}")
        stream.flush()
    if line:
        stream.write(f"\r{' ' * len(line)}\r")
        stream.flush()


def _fit(text: str, stream: TextIO) -> str:
    """Return the end of *text* that fits on one line, because only one line can be erased."""
    columns = os.get_terminal_size(stream.fileno()).columns
    return text[-(columns - 1) :] if columns > 1 else text
