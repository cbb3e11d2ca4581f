"""Suggest the name that someone may have meant to write."""

from bisect import bisect
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

# Of more names, only those are compared that begin or end like the wrong one: a typo in the
# middle leaves both ends. So a suggestion costs the same however many names there are.
_COMPARED = 64

# Nobody would read a longer one, and a comparison is quadratic in the length.
_MAX_CHARACTERS = 200


class Names(Collection[str]):
    """Known names, indexed once for many suggestions."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self._by_beginning: list[tuple[str, str]] | None = None  # as it is compared, and the name
        self._by_end: list[tuple[str, str]] = []

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def near(self, wrong: str) -> Iterable[str]:
        """Return the names worth comparing with *wrong*, which is in lower case."""
        if len(self._names) <= _COMPARED:
            return self._names
        if self._by_beginning is None:
            self._by_beginning = sorted((name.lower(), name) for name in self._names)
            self._by_end = sorted((name.lower()[::-1], name) for name in self._names)
        sides = ((self._by_beginning, wrong), (self._by_end, wrong[::-1]))
        return dict.fromkeys(name for names, text in sides for name in _around(names, text))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ``: did you mean x?`` for the nearest of *known*, or nothing."""
    wrong = wrong.lower()
    if len(wrong) > _MAX_CHARACTERS:
        return ""
    names = known if isinstance(known, Names) else Names(known)
    spelt: dict[str, str] = {}
    for name in names.near(wrong):
        if len(name) <= _MAX_CHARACTERS:
            spelt.setdefault(name.lower(), name)
    near = get_close_matches(wrong, spelt, 1, 0.6)
    return f": did you mean `{spelt[near[0]]}`?" if near else ""


def _around(names: list[tuple[str, str]], text: str) -> Iterator[str]:
    """Yield the names around *text* in the sorted list *names*."""
    at, reach = bisect(names, (text, "")), _COMPARED // 4
    return (name for _, name in names[max(at - reach, 0) : at + reach])
