"""Choose values for the variable segments of a path: so many that no other one could matter.

Rules compare claims with segments of the path. Two values of a segment are the same to them unless
a rule about such a claim names one of them, or a pattern tells them apart.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Final, NamedTuple

from gateway.decision.routes.routing import Match
from gateway.decision.rules.claim_tests import ClaimRule, all_tests
from gateway.decision.rules.operands import path_variables
from gateway.suites.symbolic.access import Access
from gateway.suites.symbolic.formula import (
    All,
    Atom,
    Formula,
    Literal,
    all_of,
    any_of,
    atoms_of,
    negate,
    passes,
)
from gateway.suites.symbolic.sameness import positions_of
from gateway.suites.symbolic.text_values import Pattern, find_texts

Binding = Mapping[int, str]
"""Values of segments, by position."""

Variables = Mapping[str, str]

_MAX_BINDINGS: Final = 256
_MAX_PATTERNS: Final = 3  # about one claim, whose combinations are all tried
_ALIKE: Final = (
    2  # values of a list that are all the same to the rules: one for each of two segments
)

_PLACEHOLDER = re.compile("\x01([0-9]+)\x02")
# See decision.routes.segments.
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)(?:[^/\\;?#%\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2}))+")


class Bindings(NamedTuple):
    """Values to try, and whether that *is_complete*: no other could make a difference."""

    tried: Sequence[Binding]
    is_complete: bool


def placeholders(*sides: Access) -> Binding:
    """Return a placeholder for each segment that a rule of *sides* compares with a claim.

    Segments that all requests have in common are none of them, and in paths that can be read in
    several ways none is.
    """
    found: dict[int, str] = {}
    for side in sides:
        match = side.match
        if match is None or match.other_variables:
            continue
        used = path_variables([one.operand for one in all_tests(_rules(match))])
        for name, position in positions_of(match.route).items():
            if name in used and position not in side.literals:
                found[position] = f"\x01{position}\x02"
    return found


def has_fixed_variables(*sides: Access) -> bool:
    """Return whether rules compare claims with a path that can be read in several ways.

    Its variables are those of the one request, whatever others have.
    """
    return any(
        bool(path_variables([one.operand for one in all_tests(_rules(side.match))]))
        for side in sides
        if side.match is not None and side.match.other_variables
    )


def own_values(positions: Iterable[int], *sides: Access) -> Binding:
    """Return the segments of the request itself at these *positions*."""
    found: dict[int, str] = {}
    for side in sides:
        if side.match is not None:
            for name, position in positions_of(side.match.route).items():
                if position in positions:
                    found[position] = side.match.variables[name]
    return found


def without_segments(formula: Formula) -> Formula:
    """Return *formula* with a claim of its own in place of each test against a segment.

    Of that claim nothing is known. So what satisfies *formula*, whatever the segments are,
    satisfies the returned one.
    """
    if isinstance(formula, Literal):
        atom = formula.atom
        if not _has_placeholder(atom.operand):
            return formula
        own = passes((f"\0{atom.path} {atom.operator} {atom.key}",), "equals", True)
        return own if formula.positive else negate(own)
    parts = map(without_segments, formula.parts)
    return all_of(parts) if isinstance(formula, All) else any_of(parts)


def readings_of(match: Match, binding: Binding) -> tuple[Variables, ...]:
    """Return the variables of each reading of the path, with the segments of *binding*."""
    if match.other_variables or not binding:
        return (match.variables, *match.other_variables)
    positions = positions_of(match.route)
    return ({name: binding.get(positions[name], value) for name, value in match.variables.items()},)


def _rules(match: Match) -> tuple[ClaimRule, ...]:
    sources = match.route.sources
    second = None if sources is None else sources.second
    return match.route.claims if second is None else (*match.route.claims, *second.claims)


@dataclass(slots=True)
class _Claim:
    """What the rules say about one claim, and below it."""

    forms: set[tuple[str, str]] = field(default_factory=set)  # what is around a segment
    own: dict[Atom, None] = field(default_factory=dict)  # tests against a segment
    texts: dict[str, set[object]] = field(default_factory=dict)  # and what they are part of
    patterns: dict[Pattern, None] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)
    is_plain: bool = True  # each test is against a whole segment, perhaps with text around it


def find_bindings(own: Binding, formulas: Iterable[Formula]) -> Bindings:
    """Return values for the segments of *own*, its own first, that *formulas* may tell apart.

    In *formulas*, the segments are placeholders.
    """
    if not own:
        return Bindings([own], True)
    every_formula = list(formulas)
    atoms = (atom for formula in every_formula for atom in atoms_of(formula))
    claims = {atom.path[0]: _Claim() for atom in atoms if _has_placeholder(atom.operand)}
    for formula in every_formula:
        _read(formula, id(formula), claims)
    candidates = {position: {value: None} for position, value in own.items()}
    is_complete = True
    for claim in claims.values():
        if len(claim.own) == 1 and not claim.texts and not claim.patterns:
            continue
        is_complete = is_complete and _is_simple(claim)
        values = dict.fromkeys((*own.values(), "other-segment", *_values(claim)))
        for position in claim.positions:
            candidates[position].update(values)
    every = product(*candidates.values())
    tried = [dict(zip(candidates, one, strict=True)) for one in islice(every, _MAX_BINDINGS + 1)]
    return Bindings(tried[:_MAX_BINDINGS], is_complete and len(tried) <= _MAX_BINDINGS)


def _is_simple(claim: _Claim) -> bool:
    return claim.is_plain and len(claim.forms) == 1 and len(claim.patterns) <= _MAX_PATTERNS


def _read(formula: Formula, group: int, claims: dict[str, _Claim]) -> None:
    """Note what *formula* says about claims; *group* is what its tests are part of."""
    if not isinstance(formula, Literal):
        for part in formula.parts:
            _read(part, id(formula), claims)
        return
    atom = formula.atom
    claim = claims.get(atom.path[0])
    if claim is None or atom.operator == "type":  # its operand is no value of the claim
        return
    texts = _texts_in(atom.operand)
    found = [one for text in texts for one in _PLACEHOLDER.findall(text)]
    if found:
        claim.own[atom] = None
        claim.positions.update(map(int, found))
        claim.is_plain = claim.is_plain and atom.operator in {"equals", "contains"}
    if isinstance(atom.operand, Pattern):
        if not found:
            claim.patterns[atom.operand] = None
        return
    for text in _texts_in(atom.operand):
        before, *placed = _PLACEHOLDER.split(text)
        if len(placed) == 2:
            claim.forms.add((before, placed[1]))
        elif placed:
            claim.is_plain = False
        else:
            is_whole = text == atom.operand
            part_of = (group, atom.path, atom.operator, formula.positive)
            claim.texts.setdefault(text, set()).add(part_of if is_whole else (part_of, text))


def _has_placeholder(operand: object) -> bool:
    return any(_PLACEHOLDER.search(text) for text in _texts_in(operand))


def _texts_in(operand: object) -> Iterator[str]:
    if isinstance(operand, str):
        yield operand
    elif isinstance(operand, Pattern):
        yield from operand.pieces
    elif isinstance(operand, list | tuple):
        for one in operand:
            yield from _texts_in(one)
    elif isinstance(operand, dict):
        for one in operand.values():
            yield from _texts_in(one)


def _values(claim: _Claim) -> Iterator[str]:
    """Yield segments that make a test against them one against a text that rules tell apart."""
    alike: dict[frozenset[object], int] = {}
    for text, parts in claim.texts.items():
        inside, kind = list(_inside(claim, text)), frozenset(parts)
        alike[kind] = alike.get(kind, 0) + (1 if inside else 0)
        if alike[kind] <= _ALIKE:
            yield from inside
    patterns = list(claim.patterns)[:_MAX_PATTERNS]
    for before, after in sorted(claim.forms):
        for signs in product((True, False), repeat=len(patterns)):
            wanted = [one for one, sign in zip(patterns, signs, strict=True) if sign]
            unwanted = [one for one, sign in zip(patterns, signs, strict=True) if not sign]
            found = find_texts([*wanted, Pattern((before, after))], unwanted)
            for text in islice((one for one in found if isinstance(one, str)), 2):
                yield from _inside(claim, text)


def _inside(claim: _Claim, text: str) -> Iterator[str]:
    for before, after in sorted(claim.forms):
        segment = text[len(before) : len(text) - len(after)]
        if before + segment + after == text and _SEGMENT.fullmatch(segment):
            yield segment
