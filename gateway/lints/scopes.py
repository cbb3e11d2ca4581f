"""Warn about scopes that look misspelt, or that no route requires."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.scalars import shorten

_NUMBER = re.compile(r"[0-9]+")
_SIGNS = re.compile(r"[^A-Za-z0-9]+")
_SHORTEST_WORD = 4  # `a` and `b`, or `eu` and `us`, are two words and no slip
# For a hash without accidental collisions: a Mersenne prime, and any number below it.
_MODULUS = 2**61 - 1
_BASE = 0x1B873593CC9E2D51 % _MODULUS
_BASE_INVERSE = pow(_BASE, -1, _MODULUS)
# Enough for a suggestion; a bound for files with thousands of similar scopes.
_COMPARED = 8


def find_unused_scopes(names: Sequence[str], places: Places) -> Iterator[Fault]:
    """Yield a warning for each implied scope that no route of *names* requires."""
    near = _Spellings(Counter(scope for scope, _ in _asked(names, places)))
    implies = places.main().child("scope_implies")
    granting = _keys(implies)
    for key in granting:
        for scope, part in _scopes(implies.child(key)):
            if scope in near.counts or scope in granting:
                continue
            other = near.find(scope)
            meant = "" if other is None else f": did you mean `{other}`?"
            message = f"`{key}` implies `{scope}`, which no route requires{meant}"
            yield part.warning(Code.SCOPE_UNUSED, message)


def find_suspect_scopes(names: Sequence[str], places: Places) -> Iterator[Fault]:
    """Yield a warning for each scope that occurs once and is spelled like another one.

    Scopes are compared character by character, so nobody has a misspelt one.
    """
    asked = list(_asked(names, places))
    implies = places.main().child("scope_implies")
    near = _Spellings(Counter(scope for scope, _ in asked))
    granted = {*_keys(implies), *(scope for scope, _ in _scopes(implies))}
    reported: set[str] = set()
    for scope, part in asked:
        is_alone = near.counts[scope] == 1 and scope not in granted
        other = near.find(scope) if is_alone else None
        if other is None or other in reported:
            continue
        reported.add(scope)
        message = f"`{scope}` is used only here: did you mean `{other}`?"
        yield part.warning(Code.SCOPE_SUSPECT, message)


def find_scope_patterns(names: Sequence[str], places: Places) -> Iterator[Fault]:
    """Yield a warning for each scope of *names* with a star or a `!`: a scope is no pattern.

    Some issuers do grant `orders:*`. Then `scope_implies` says what it stands for.
    """
    known = {*_keys(places.main().child("scope_implies"))}
    for scope, part in _asked(names, places):
        if scope[:1] == "!" and scope not in known:
            other = "…" if part.document.is_filled(part.path) else shorten(scope[1:])
            message = f"this is a scope that begins with `!`: write `scopes: {{none: [{other}]}}`"
            yield part.warning(Code.PATTERN_MISREAD, message)
            continue
        if "*" not in scope or scope in known:
            continue
        if scope == "*":
            message = (
                "`*` is the scope of this name, which issuers do not grant: for tokens with any"
                " scopes, remove `scopes`, as in `require: {}`"
            )
        else:
            one = "…" if part.document.is_filled(part.path) else scope.replace("*", "read")
            message = (
                f"`{shorten(scope)}` is the scope of this name, and no pattern: list scopes, as in"
                f" `scopes: {{any: [{shorten(one)}, …]}}`; if tokens have it as it is, write what"
                f' it stands for: `scope_implies: {{"{shorten(scope)}": [{shorten(one)}, …]}}`'
            )
        yield part.warning(Code.PATTERN_MISREAD, message)


def _asked(names: Sequence[str], places: Places) -> Iterator[tuple[str, Part]]:
    for name in names:
        yield from _scopes(places.route(name).child("require").child("scopes"))


def _scopes(part: Part) -> Iterator[tuple[str, Part]]:
    """Yield each scope in *part*, however deep, with its part."""
    raw = part.raw
    if isinstance(raw, str):
        yield raw, part
    elif isinstance(raw, list):
        for index in range(len(raw)):
            yield from _scopes(part.child(index))
    elif isinstance(raw, dict):
        for key in raw:
            yield from _scopes(part.child(key))


def _keys(part: Part) -> Mapping[str, object]:
    return part.raw if isinstance(part.raw, dict) else {}


class _Spellings:
    """Scopes indexed by their forms without one letter, which a typo shares with its original."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self._by_form: dict[int, list[str]] = {}  # built at the first look-up
        self._words: dict[str, list[str]] = {}

    def find(self, scope: str) -> str | None:
        """Return the scope that *scope* was probably meant to be: the most used one."""
        if not self._by_form:
            self._sort()
        near: set[str] = set()
        for form in _forms(scope):
            near.update(self._by_form.get(form, ())[:_COMPARED])
        near.discard(scope)
        slips = (other for other in near if self._is_slip(scope, other))
        return max(slips, key=lambda other: (self.counts[other], other), default=None)

    def _sort(self) -> None:
        for scope in self.counts:
            for form in _forms(scope):
                self._by_form.setdefault(form, []).append(scope)

    def _is_slip(self, scope: str, other: str) -> bool:
        """Return whether only one letter is extra, missing, wrong or swapped.

        Both are known to share a form. A short word that differs may be another word.
        """
        words, others = self._split(scope), self._split(other)
        if words == others:
            return True
        if len(words) != len(others):
            return False
        differing = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
        if len(differing) != 1:
            return False
        word, changed = differing[0]
        is_number = _NUMBER.sub("0", word) == _NUMBER.sub("0", changed)
        return not is_number and min(len(word), len(changed)) >= _SHORTEST_WORD

    def _split(self, scope: str) -> list[str]:
        words = self._words.get(scope)
        if words is None:
            words = self._words[scope] = _SIGNS.split(scope.lower())
        return words


def _forms(scope: str) -> set[int]:
    """Return the hash of *scope* in its compared form, and of that without each of its letters.

    Texts instead of hashes would take quadratic space. The hash is a polynomial in the letters:
    those after the one left out move down by one power.
    """
    # Numbers distinguish scopes on purpose: neither `v1` nor `v2` is a typo.
    plain = _SIGNS.sub(":", _NUMBER.sub("0", scope.lower()))
    beginnings, power = [0], 1
    for letter in plain.encode("ascii"):
        beginnings.append(beginnings[-1] + letter * power)
        power = power * _BASE % _MODULUS
    whole = beginnings[-1]
    without = (
        (front + (whole - behind) * _BASE_INVERSE) % _MODULUS
        for front, behind in pairwise(beginnings)
    )
    return {whole % _MODULUS, *without}
