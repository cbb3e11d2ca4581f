"""Find the comments in a YAML text that address the gateway: ``# gateway: allow …``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from gateway.settings.text.fault import Place

_SPEAKS = re.compile(r"#[ \t]*gateway:[ \t]*allow\b")
# All line ends of YAML 1.1, so that line numbers agree with its parser.
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BEGINNING = re.compile(r"(?:^|(?<=[ \t]))#")
_ONLY_COMMENT = re.compile(r"[ \t]*#")

_Position = tuple[int, int]  # line and column, from 0


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and the line it *covers*: its own, or the next one that is not a comment."""

    place: Place
    text: str  # from its `#` to the end of the line
    covers: int


def split_lines(text: str) -> list[str]:
    """Return the lines of *text* as the YAML parser counts them, without line ends."""
    return _BREAK.split(text)


class Comments:
    """Where comments may begin in *text*; ``take_out`` removes places inside scalars.

    YAML's parser drops comments. A `#` begins one at the start of a line or after a blank,
    unless it is inside quoted text or a block scalar.
    """

    def __init__(self, text: str) -> None:
        self._lines = split_lines(text) if _SPEAKS.search(text) else []
        self._beginnings: list[_Position] = [
            (number, sign.start())
            for number, line in enumerate(self._lines)
            if _SPEAKS.search(line)
            for sign in _BEGINNING.finditer(line)
        ]
        self._seen = 0
        self._outside: list[_Position] = []

    @property
    def is_any_left(self) -> bool:
        """Return whether a comment may begin behind what was taken out."""
        return self._seen < len(self._beginnings)

    def take_out(self, scalar: yaml.ScalarEvent) -> None:
        """Note that no comment begins inside *scalar*; call it in the order of the text."""
        start, end = scalar.start_mark, scalar.end_mark
        if not self.is_any_left or start is None or end is None:
            return
        is_block = scalar.style in {"|", ">"}  # a comment may follow these indicators
        first = (start.line + 1, 0) if is_block else (start.line, start.column)
        self._pass_until(first, self._outside)
        self._pass_until((end.line, end.column), [])

    def _pass_until(self, position: _Position, into: list[_Position]) -> None:
        while self._seen < len(self._beginnings) and self._beginnings[self._seen] < position:
            into.append(self._beginnings[self._seen])
            self._seen += 1

    def found(self, file: str) -> Iterator[Comment]:
        """Yield the comments to the gateway, once every scalar has been taken out."""
        outside = (*self._outside, *self._beginnings[self._seen :])
        covered = self._covered() if outside else []
        # Only the first in a line: a `#` inside a comment begins nothing.
        for number, column in sorted(dict(reversed(outside)).items()):
            line = self._lines[number]
            if _SPEAKS.match(line, column):
                covers = number if line[:column].strip() else covered[number]
                yield Comment(Place(file, number + 1, column + 1), line[column:], covers + 1)

    def _covered(self) -> list[int]:
        """Return for each line the next one that is not a comment."""
        following = list(range(1, len(self._lines) + 1))
        for number in range(len(self._lines) - 2, -1, -1):
            if _ONLY_COMMENT.match(self._lines[number + 1]):
                following[number] = following[number + 1]
        return following
