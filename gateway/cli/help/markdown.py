"""Show Markdown as text, for a terminal or a pipe."""

import re
from collections.abc import Iterator, Sequence
from posixpath import dirname, join, normpath
from typing import Final

import click

from gateway.cli.columns import fit_table, wrap

_FENCE: Final = re.compile(r"^( *)(```|~~~)")
_HEADING: Final = re.compile(r"^(#{1,6}) (.+)$")
_ITEM: Final = re.compile(r"^( *)([-*]|\d+\.) +(.*)$")
_LINK: Final = re.compile(r"!?\[((?:`[^`]*`|[^\]`])+)\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`[^`]+`")
_CELL: Final = re.compile(r"(?<!\\)\|")
_COMMENT: Final = re.compile(r"<!--.*?-->\n?", re.DOTALL)

# Keeps a span of code on one line; no page has it.
_NO_BREAK: Final = "\x00"


def show_markdown(text: str, page: str, width: int) -> str:
    """Return *text*, which is of *page*, in lines of at most *width* columns, with colours.

    Links name the command that shows their target. Code and its lines stay as they are.
    """
    return "\n".join(_blocks(_COMMENT.sub("", text).splitlines(), page, width)).strip("\n")


def _blocks(lines: Sequence[str], page: str, width: int) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line, begun = lines[at], at
        fence = _FENCE.match(line)
        if fence is not None:
            at = _end_of_code(lines, at + 1, fence[2])
            yield from (f"    {one}".rstrip() for one in lines[begun + 1 : at])
            at += 1
        elif line.startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield from _table(lines[begun:at], page, width)
        elif (heading := _HEADING.match(line)) is not None:
            yield click.style(f"{heading[1]} {heading[2]}", bold=True)
            at += 1
        elif not line.strip():
            yield ""
            at += 1
        else:
            at += 1
            while at < len(lines) and _continues(lines[at]):
                at += 1
            yield from _paragraph(lines[begun:at], page, width)


def _end_of_code(lines: Sequence[str], at: int, fence: str) -> int:
    while at < len(lines) and not lines[at].lstrip().startswith(fence):
        at += 1
    return at


def _continues(line: str) -> bool:
    """Return whether *line* belongs to the paragraph or list item before it."""
    begins = (_FENCE, _HEADING, _ITEM)
    return (
        bool(line.strip())
        and not line.startswith("|")
        and not any(one.match(line) for one in begins)
    )


def _paragraph(lines: Sequence[str], page: str, width: int) -> Iterator[str]:
    """Yield a paragraph or a list item, its lines under its beginning."""
    item = _ITEM.match(lines[0])
    first = lines[0].lstrip() if item is None else item[3]
    indent = " " * (len(lines[0]) - len(lines[0].lstrip()))
    mark = "" if item is None else f"{item[2]} "
    text = _inline(" ".join([first, *(line.strip() for line in lines[1:])]), page)
    left = len(indent) + len(mark)
    for number, line in enumerate(_wrap(text, max(width - left, 20))):
        lead = indent + (mark if number == 0 else " " * len(mark))
        yield lead + _paint(line)


def _wrap(text: str, width: int) -> list[str]:
    kept = _CODE.sub(lambda code: code[0].replace(" ", _NO_BREAK), text)
    return [line.replace(_NO_BREAK, " ") for line in wrap(kept, width)]


def _paint(line: str) -> str:
    return _CODE.sub(lambda code: click.style(code[0], fg="cyan"), line)


def _inline(text: str, page: str) -> str:
    """Return *text* with links that a terminal can follow, and without emphasis."""
    linked = _LINK.sub(lambda link: _link(link[1], link[2], page), text)
    return re.sub(r"\*\*([^*]+)\*\*", r"\1", linked)


def _link(text: str, target: str, page: str) -> str:
    if ":" in target:
        return target if text == target else f"{text} ({target})"
    path, _, anchor = target.partition("#")
    if not path:
        return f"{text} (`gateway help {page}#{anchor}`)"
    if not path.endswith(".md"):
        return text
    linked = normpath(join(dirname(page), path.removesuffix(".md")))
    if linked.startswith(".."):  # a file of the repository that is no page
        return text
    return f"{text} (`gateway help {linked}{f'#{anchor}' if anchor else ''}`)"


def _table(lines: Sequence[str], page: str, width: int) -> Iterator[str]:
    rows = [
        [_inline(cell.strip().replace("\\|", "|"), page) for cell in _CELL.split(line)[1:-1]]
        for line in lines
    ]
    head = rows[0]
    # The second line only divides them. GitHub, too, cuts or fills a row of another length.
    rest = [[*row[: len(head)], *[""] * (len(head) - len(row))] for row in rows[2:]]
    yield from (_paint(line) for line in fit_table(head, rest, width, {}).splitlines())
