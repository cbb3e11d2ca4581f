"""Choose tests by words in their names: ``orders and not (boss or write)``."""

import re
from collections.abc import Callable

Selects = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<word>[^\s()\"']+))")
_MAX_DEPTH = 50  # far more than anyone writes; recursion must end


class BadSelectionError(ValueError):
    """What is wrong with an expression, in words for the person who wrote it."""


def select_all(_: str) -> bool:
    """Choose every test."""
    return True


def parse_selection(text: str) -> Selects:
    """Return what says of a name whether it is chosen; raises BadSelectionError.

    A word is chosen where it stands anywhere in the name, in any case of letters; words with
    blanks in them are quoted. `not` binds closest, then `and`, then `or`.
    """
    parser = _Parser(text)
    selects = parser.parse_or(0)
    if parser.next is not None:
        raise BadSelectionError(f"`{parser.next}` is not expected where it stands")
    return selects


class _Parser:
    """The words of an expression; *next* is the one that has not been taken."""

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
