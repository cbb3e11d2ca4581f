"""Write what people read: faults on stderr, tables on stdout."""

import os
import sys
from collections.abc import Sequence

import click

from gateway.settings.text.fault import Fault, Severity


def print_faults(faults: Sequence[Fault]) -> None:
    """Write one line per fault to stderr: ``file:line:column: code: message``.

    Files are found in folders, and whoever named one must not steer a terminal, or make a line.
    """
    for fault in faults:
        colour = "red" if fault.severity is Severity.ERROR else "yellow"
        code = click.style(fault.code.value, fg=colour, bold=True)
        line = escape(str(fault))
        if _wants_colour():
            line = line.replace(f" {fault.code.value}: ", f" {code}: ", 1)
        click.echo(line, err=True)


def escape(line: str) -> str:
    """Return *line* with everything escaped that could steer a terminal, or split the line."""
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


def _wants_colour() -> bool:
    # https://no-color.org: set and not empty, whatever the value.
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
