"""Select tests by words in their names: ``orders and not (boss or write)``."""

import re
from collections.abc import Callable

Selects = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<word>[^\s()\"']+))")
_MAX_DEPTH = 50  # far more than anyone writes; bounds the recursion


class BadSelectionError(ValueError):
    """The error in an expression, in words for the person who wrote it."""


def select_all(_: str) -> bool:
    """Select every test."""
    return True


def parse_selection(text: str) -> Selects:
    """Return a function that says whether a name is selected; raises BadSelectionError.

    A word selects names that contain it, ignoring case; words with spaces are quoted. `not` binds
    closest, then `and`, then `or`.
    """
    parser = _Parser(text)
    selects = parser.parse_or(0)
    if parser.next is not None:
        raise BadSelectionError(f"unexpected `{parser.next}`")
    return selects


class _Parser:
    """The words of an expression; *next* is the first that has not been taken."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._position = 0
        self.next: str | None = None
        self._take()

    def _take(self) -> str | None:
        taken = self.next
        if self._position == len(self._text):
            self.next = None
            return taken
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            raise BadSelectionError("a quote is not closed")
        self._position = match.end()
        self.next = match["sign"] or match["quoted"] or match["word"]
        return taken

    def parse_or(self, depth: int) -> Selects:
        parts = [self._parse_and(depth)]
        while self.next == "or":
            self._take()
            parts.append(self._parse_and(depth))
        return lambda name: any(part(name) for part in parts)

    def _parse_and(self, depth: int) -> Selects:
        parts = [self._parse_not(depth)]
        while self.next == "and":
            self._take()
            parts.append(self._parse_not(depth))
        return lambda name: all(part(name) for part in parts)

    def _parse_not(self, depth: int) -> Selects:
        if depth > _MAX_DEPTH:
            raise BadSelectionError("nested too deep")
        word = self._take()
        if word == "not":
            inner = self._parse_not(depth + 1)
            return lambda name: not inner(name)
        if word == "(":
            selects = self.parse_or(depth + 1)
            if self._take() != ")":
                raise BadSelectionError("a `(` is not closed")
            return selects
        if word is None or word in {")", "and", "or"}:
            where = f"before `{word}`" if word else "at the end"
            raise BadSelectionError(f"a word is missing {where}")
        wanted = word[1:-1].lower() if word[0] in "\"'" else word.lower()
        return lambda name: wanted in name.lower()
