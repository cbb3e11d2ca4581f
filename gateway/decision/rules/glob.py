"""Match text against a pattern with ``*`` and ``?``, without backtracking."""

from collections.abc import Sequence

# The placeholder for `?`. Neither a pattern nor a path variable can contain it: paths with encoded
# controls are refused.
ANY_CHARACTER = "\0"


def split_glob(pattern: str) -> tuple[str, ...]:
    """Return the pieces between the ``*`` of *pattern*, ``?`` replaced by ANY_CHARACTER."""
    if ANY_CHARACTER in pattern:
        raise ValueError("a pattern must not contain a NUL character")
    return tuple(pattern.replace("?", ANY_CHARACTER).split("*"))


def glob_matches(pieces: Sequence[str], text: str) -> bool:
    """Return whether *text* is the first piece, anything, the next piece, and so on to the end.

    Each inner piece is matched at its first occurrence, which is never worse than a later one; so
    one pass over the text suffices.
    """
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return len(text) == len(first) and _is_at(first, text, 0)
    end = len(text) - len(last)
    if end < len(first) or not _is_at(first, text, 0) or not _is_at(last, text, end):
        return False
    position = len(first)
    for piece in pieces[1:-1]:
        found = _find(piece, text, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _find(piece: str, text: str, start: int, end: int) -> int:
    if ANY_CHARACTER not in piece:
        return text.find(piece, start, end)
    # Shift-And: bit n of *begun* means that the first n + 1 characters of the piece end here. Each
    # character of the text takes one step.
    anything = sum(1 << place for place, wanted in enumerate(piece) if wanted == ANY_CHARACTER)
    fits: dict[str, int] = {}
    for place, wanted in enumerate(piece):
        fits[wanted] = fits.get(wanted, anything) | 1 << place
    whole = 1 << len(piece) - 1
    begun = 0
    for place in range(start, end):
        begun = (begun << 1 | 1) & fits.get(text[place], anything)
        if begun & whole:
            return place - len(piece) + 1
    return -1


def _is_at(piece: str, text: str, place: int) -> bool:
    if ANY_CHARACTER not in piece:
        return text.startswith(piece, place)
    return all(
        wanted in (ANY_CHARACTER, found)
        for wanted, found in zip(piece, text[place : place + len(piece)], strict=True)
    )
