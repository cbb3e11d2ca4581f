"""Find a text that fits some patterns and none of others, or prove that there is none.

Patterns are run as automata, all in step, over the characters that they name and one that none of
them does: to each of them, all others are the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from gateway.decision.rules.glob import ANY_CHARACTER

# Some tenths of a second; a pair of patterns with twenty characters each takes a few hundred.
_MAX_STATES: Final = 20_000

# For what a pattern leaves open: readable, and part of every syntax.
_OTHERS: Final = "xyzabcdefghijklmnopqrstuvwuXYZ0123456789"


class Pattern(NamedTuple):
    """The texts that are the first of *pieces*, anything, the next of them, and so on to the end.

    In a piece, ``ANY_CHARACTER`` stands for any one. With *at_signs*, the text has exactly so many
    `@`. If it *is_word*, the pieces are found in the text with a space before and after it.
    """

    pieces: tuple[str, ...]
    at_signs: int | None = None
    is_word: bool = False


class Undecided:
    """What is returned if neither a text nor a proof was found."""


UNDECIDED: Final = Undecided()


class _Automaton:
    """One pattern: a state is a set of places in it, as bits."""

    __slots__ = ("_end", "_fits", "_is_word", "_stay", "at_signs", "start")

    def __init__(self, pattern: Pattern) -> None:
        steps: list[str] = []
        self._stay = 0  # places at which anything may follow
        for number, piece in enumerate(pattern.pieces):
            if number:
                self._stay |= 1 << len(steps)
            steps += piece
        self._end = 1 << len(steps)
        anything = sum(1 << at for at, wanted in enumerate(steps) if wanted == ANY_CHARACTER)
        self._fits = {"": anything}
        for at, wanted in enumerate(steps):
            self._fits[wanted] = self._fits.get(wanted, anything) | 1 << at
        self.at_signs = pattern.at_signs
        self._is_word = pattern.is_word
        self.start = self.step(1, " ") if pattern.is_word else 1

    def step(self, state: int, character: str) -> int:
        """Return the state after *character*."""
        fits = self._fits.get(character)
        if fits is None:
            fits = self._fits[""]
        return (state & fits) << 1 | state & self._stay

    def accepts(self, state: int, at_signs: int) -> bool:
        """Return whether the text that led to *state*, with so many `@`, fits the pattern."""
        if self.at_signs is not None and self.at_signs != at_signs:
            return False
        return bool((self.step(state, " ") if self._is_word else state) & self._end)


def find_texts(wanted: Sequence[Pattern], unwanted: Sequence[Pattern]) -> Iterator[str | Undecided]:
    """Yield texts that fit all *wanted* patterns and no *unwanted* one, the shortest first.

    There are none if the iterator ends without one. Texts that differ only in characters that no
    pattern names, or that no pattern can tell apart by their beginnings, count as one. UNDECIDED is
    yielded last if the search took too long.
    """
    automata = [_Automaton(one) for one in (*wanted, *unwanted)]
    signs = [True] * len(wanted) + [False] * len(unwanted)
    alphabet = _alphabet((*wanted, *unwanted))
    most_signs = max((one.at_signs or 0 for one in automata), default=0) + 1
    start = (0, *(one.start for one in automata))
    texts = {start: ""}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if all(
            one.accepts(own, state[0]) is sign
            for one, own, sign in zip(automata, state[1:], signs, strict=True)
        ):
            yield texts[state]
        for character in alphabet:
            count = min(state[0] + (character == "@"), most_signs)
            steps = zip(automata, state[1:], strict=True)
            following = (count, *(one.step(own, character) for one, own in steps))
            if following in texts or _is_lost(following[1:], len(wanted)):
                continue
            if len(texts) >= _MAX_STATES:
                yield UNDECIDED
                return
            texts[following] = texts[state] + character
            waiting.append(following)


def _is_lost(states: Sequence[int], wanted: int) -> bool:
    """Return whether some wanted pattern fits no continuation any more."""
    return not all(states[:wanted])


def _alphabet(patterns: Iterable[Pattern]) -> str:
    named = dict.fromkeys(
        character
        for one in patterns
        for character in (*"".join(one.pieces), *(" " if one.is_word else ""))
        if character != ANY_CHARACTER
    )
    if any(one.at_signs is not None for one in patterns):
        named["@"] = None
    other = next((one for one in _OTHERS if one not in named), None)
    if other is None:  # patterns name them all: any other one will do
        other = next(chr(code) for code in range(0x100, 0x10000) if chr(code) not in named)
    return "".join((other, *sorted(named)))
