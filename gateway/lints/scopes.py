"""Find scopes that are spelled like another one, or that no route asks for."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.places import Places

_NUMBER = re.compile(r"[0-9]+")
_SIGNS = re.compile(r"[^A-Za-z0-9]+")
_SHORTEST_WORD = 4  # `a` and `b`, or `eu` and `us`, are two words and no slip
# Enough to find what was meant; a bound for files with thousands of near-alike scopes.
_COMPARED = 8


def find_unused_scopes(names: Sequence[str], places: Places) -> Iterator[Fault]:
    """Yield a warning for each scope that another grants, and no route of *names* asks for."""
    near = _Spellings(Counter(scope for scope, _ in _asked(names, places)))
    implies = places.main().child("scope_implies")
    granting = _keys(implies)
    for key in granting:
        for scope, part in _scopes(implies.child(key)):
            if scope in near.counts or scope in granting:
                continue
            other = near.find(scope)
            meant = "" if other is None else f": did you mean `{other}`?"
            message = f"`{key}` grants `{scope}`, and no route asks for that{meant}"
            yield part.warning(Code.SCOPE_UNUSED, message)


def find_suspect_scopes(names: Sequence[str], places: Places) -> Iterator[Fault]:
    """Yield a warning for each scope that stands in one place alone, near another one's spelling.

    Scopes are compared character by character, so with one letter too many nobody has it.
    """
    asked = list(_asked(names, places))
    implies = places.main().child("scope_implies")
    near = _Spellings(Counter(scope for scope, _ in asked))
    granted = {*_keys(implies), *(scope for scope, _ in _scopes(implies))}
    told: set[str] = set()
    for scope, part in asked:
        is_alone = near.counts[scope] == 1 and scope not in granted
        other = near.find(scope) if is_alone else None
        if other is None or other in told:
            continue
        told.add(scope)
        message = f"`{scope}` stands here alone: did you mean `{other}`?"
        yield part.warning(Code.SCOPE_SUSPECT, message)


def _asked(names: Sequence[str], places: Places) -> Iterator[tuple[str, Part]]:
    for name in names:
        yield from _scopes(places.route(name).child("require").child("scopes"))


def _scopes(part: Part) -> Iterator[tuple[str, Part]]:
    """Yield each scope in *part*, however deep, and where it stands."""
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
    """Scopes by what is left of each without one letter: what a slip and its model share."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self._by_form: dict[str, list[str]] = {}
        for scope in counts:
            for form in _forms(scope):
                self._by_form.setdefault(form, []).append(scope)

    def find(self, scope: str) -> str | None:
        """Return the scope that *scope* was probably meant to be: the one used most."""
        near = {
            other
            for form in _forms(scope)
            for other in self._by_form.get(form, ())[:_COMPARED]
            if other != scope and _is_slip(scope, other)
        }
        return max(near, key=lambda other: (self.counts[other], other), default=None)


def _forms(scope: str) -> set[str]:
    # Numbers tell scopes apart on purpose: of `v1` and `v2` neither is a slip.
    plain = _SIGNS.sub(":", _NUMBER.sub("0", scope.lower()))
    return {plain, *(plain[:at] + plain[at + 1 :] for at in range(len(plain)))}


def _is_slip(scope: str, other: str) -> bool:
    """Return whether one letter too many, too few, wrong or swapped is all that differs.

    Both are known to share a form. One whole word that differs may be another word.
    """
    words, others = (_SIGNS.split(text.lower()) for text in (scope, other))
    if words == others:
        return True
    differing = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    if len(words) != len(others) or len(differing) != 1:
        return False
    word, changed = differing[0]
    is_number = _NUMBER.sub("0", word) == _NUMBER.sub("0", changed)
    return not is_number and min(len(word), len(changed)) >= _SHORTEST_WORD
