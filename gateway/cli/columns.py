"""Lay out tables and text for a terminal of a given width."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import click

_GAP: Final = "  "
_ELLIPSIS: Final = "…"

# Of a column that has to shrink: fewer would not show a word.
_LEAST: Final = 8

# Before the second line of a text, and of each that follows.
_HANGING: Final = "    "
_WORDS: Final = re.compile(r"(\s*)((?:`[^`]*`|[^\s`]|`)+)")

# Where a long word may go on in the next line: a URL, a list of methods, a path, a name.
_PIECES: Final = re.compile(r"[^/,;&:._-]*[/,;&:._-]+|[^/,;&:._-]+")


def fit_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    colours: Mapping[str, str],
) -> str:
    """Return *rows* under *head*, at most *width* columns wide; None for as wide as they are.

    Cells are wrapped, and a word that is wider than its column is cut in the middle. Cells whose
    text is in *colours* have that colour.
    """
    columns = zip(head, *rows, strict=True)
    widths = _share([max(map(columns_of, column)) for column in columns], width)
    lines: list[str] = []
    for row in (head, *rows):
        cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        wanted = [colours.get(cell) for cell in row]
        lines += (_line(one, widths, wanted) for one in zip_longest(*cells, fillvalue=""))
    return "\n".join(lines)


def _line(pieces: Sequence[str], widths: Sequence[int], wanted: Sequence[str | None]) -> str:
    shown = []
    last = max((at for at, piece in enumerate(pieces) if piece), default=-1)
    for at, piece in enumerate(pieces[: last + 1]):
        styled = click.style(piece, fg=wanted[at]) if wanted[at] and piece else piece
        padding = "" if at == last else " " * (widths[at] - columns_of(piece))
        shown.append(styled + padding)
    return _GAP.join(shown)


def _share(natural: Sequence[int], width: int | None) -> list[int]:
    """Return the widths of columns that together are at most *width*: the widest give first."""
    if width is None or not natural:
        return list(natural)
    room = width - len(_GAP) * (len(natural) - 1)
    least = min(_LEAST, max(room // len(natural), 1))
    widths = [min(one, least) for one in natural]
    left = room - sum(widths)
    while left > 0:
        growing = [at for at, one in enumerate(widths) if one < natural[at]]
        if not growing:
            break
        each = max(left // len(growing), 1)
        for at in growing[:left]:
            more = min(each, natural[at] - widths[at], left)
            widths[at] += more
            left -= more
    return widths


def fold(line: str, width: int) -> str:
    """Return *line*, which may have colours, broken at spaces so that it fits *width* columns.

    Words stay whole, and so does what is quoted in backticks: both are there to be copied.
    """
    hanging = _HANGING + " " * (len(line) - len(line.lstrip(" ")))
    lines, current, used = [], "", 0
    for gap, word in _WORDS.findall(line):
        columns = columns_of(click.unstyle(word))
        start = gap
        if current and used + len(gap) + columns > width:
            lines.append(current)
            current, used, start = "", 0, hanging
        current += start + word
        used += len(start) + columns
    return "\n".join((*lines, current))


def wrap(text: str, width: int) -> list[str]:
    """Return *text* in lines of at most *width* columns: broken between words, else within."""
    if columns_of(text) <= width:
        return [text]
    lines, line = [], ""
    for piece, has_space in _pieces(text, width):
        longer = f"{line} {piece}" if has_space and line else line + piece
        if columns_of(longer) <= width:
            line = longer
        else:
            lines.append(line)
            line = piece
    return [one for one in (*lines, line) if one]


def _pieces(text: str, width: int) -> Iterator[tuple[str, bool]]:
    """Yield the parts that stay whole, and whether a space comes before each."""
    for word in text.split(" "):
        if columns_of(word) <= width:
            yield word, True
            continue
        for index, match in enumerate(_PIECES.finditer(word)):
            yield cut(match[0], width), index == 0


def cut(text: str, width: int) -> str:
    """Return *text*, without its middle if it is wider than *width* columns."""
    if columns_of(text) <= width:
        return text
    room = max(width - 1, 0)
    begin, end = _first(text, room - room // 2), _first(text[::-1], room // 2)[::-1]
    return f"{begin}{_ELLIPSIS}{end}"


def _first(text: str, width: int) -> str:
    """Return the longest beginning of *text* that has at most *width* columns."""
    used = 0
    for at, sign in enumerate(text):
        used += columns_of(sign)
        if used > width:
            return text[:at]
    return text


def columns_of(text: str) -> int:
    """Return how many columns of a terminal *text* takes (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
