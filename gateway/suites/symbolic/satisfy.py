"""Find claims that satisfy formulas, or prove that there are none.

Formulas are taken apart as far as they leave no choice; then one choice after the other is tried,
the smallest first. Claims that no formula connects are looked for separately: so the number of
choices that are tried grows with their sum, not with their product.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.decision.rules.claim_names import ABSENT
from gateway.suites.symbolic.claim_values import NO_VALUE, find_value, holds
from gateway.suites.symbolic.formula import (
    FALSE,
    All,
    Any,
    Atom,
    Formula,
    Literal,
    atoms_of,
    conjuncts,
    negate,
)
from gateway.suites.symbolic.text_values import UNDECIDED, Undecided

# Of formulas: less than a second. A pair of large real rules takes a few hundred.
_MAX_STEPS: Final = 100_000

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Claims that satisfy formulas: *values* by name, ABSENT for those that must be missing.

    *chosen* are the tests that decide it, with whether they hold.
    """

    values: Claims
    chosen: Mapping[Atom, bool]


@dataclass(slots=True)
class _Branch:
    """What is decided on one way through the choices, and the choices that are *open*."""

    chosen: dict[Atom, bool]
    open: list[Any] = field(default_factory=list)


def satisfy(formulas: Iterable[Formula], preferred: Claims) -> Model | Undecided | None:
    """Return claims that satisfy all *formulas*, as *preferred* as possible, or None.

    UNDECIDED if it took too long to find out, or if the value of a claim is not known.
    """
    return _Search(preferred).run(_unsettled(formulas, preferred))


def _unsettled(formulas: Iterable[Formula], preferred: Claims) -> list[Formula]:
    """Return those of *formulas* that the preferred claims do not settle.

    The others hold whatever is chosen instead for the claims of these, so they can be left out.
    """
    waiting = [part for formula in formulas for part in conjuncts(formula)]
    changed: set[str] = set()
    found: list[Formula] = []
    while True:
        settled: list[Formula] = []
        broken: list[Formula] = []
        for one in waiting:
            (settled if _is_settled(one, preferred, changed) else broken).append(one)
        if not broken:
            return found
        found, waiting = found + broken, settled
        changed.update(atom.path[0] for one in broken for atom in atoms_of(one))


def _is_settled(formula: Formula, preferred: Claims, changed: Container[str]) -> bool:
    """Return whether *formula* holds for the preferred claims, whatever the *changed* ones are."""
    if isinstance(formula, Literal):
        path = formula.atom.path
        if path[0] in changed:
            return False
        value = preferred.get(path[0], ABSENT)
        for name in path[1:]:
            value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        return holds(formula.atom, value) is formula.positive
    settled = (_is_settled(part, preferred, changed) for part in formula.parts)
    return all(settled) if isinstance(formula, All) else any(settled)


class _Search:
    """One search, of no more than so many steps."""

    def __init__(self, preferred: Claims) -> None:
        self._preferred = preferred
        self._steps = 0
        self._values: dict[frozenset[Literal], object] = {}

    def run(self, formulas: Iterable[Formula]) -> Model | Undecided | None:
        found = self._search(tuple(formulas), {})
        if found is None or isinstance(found, Undecided):
            return found
        values: dict[str, object] = {}
        for name, literals in _by_claim(found.items()).items():
            values[name] = self._value_of(name, literals)
        return Model(values, found)

    def _search(
        self, goals: Sequence[Formula], chosen: Mapping[Atom, bool]
    ) -> dict[Atom, bool] | Undecided | None:
        self._steps += 1 + len(goals)
        if self._steps > _MAX_STEPS:
            return UNDECIDED
        branch = _take_apart(goals, chosen)
        if branch is None:
            return None
        doubt = self._doubt(branch.chosen, chosen)
        if doubt is None:
            return None
        found = dict(branch.chosen)
        for group in _separate(branch):
            one = self._choose(group, branch.chosen)
            if one is None:
                return None
            if isinstance(one, Undecided):
                doubt = True
            else:
                found.update(one)
        return UNDECIDED if doubt else found

    def _choose(
        self, group: Sequence[Any], chosen: Mapping[Atom, bool]
    ) -> dict[Atom, bool] | Undecided | None:
        """Return what is chosen if every one of *group* holds, in the first way that is found."""
        choice = min(group, key=lambda one: len(one.parts))
        rest = [one for one in group if one is not choice]
        result: Undecided | None = None
        excluded: list[Formula] = []
        for part in choice.parts:
            found = self._search((part, *excluded, *rest), chosen)
            if isinstance(found, dict):
                return found
            result = found or result
            if isinstance(part, Literal):  # the ways with it have been tried
                excluded.append(negate(part))
        return result

    def _doubt(self, chosen: Mapping[Atom, bool], before: Mapping[Atom, bool]) -> bool | None:
        """Return None if a claim can have no such value; else, whether one is not known."""
        changed = {atom.path[0] for atom in chosen if atom not in before}
        doubt = False
        for name, literals in _by_claim(chosen.items()).items():
            if name in changed:
                value = self._value_of(name, literals)
                if value is NO_VALUE:
                    return None
                doubt = doubt or value is UNDECIDED
        return doubt

    def _value_of(self, name: str, literals: Sequence[Literal]) -> object:
        key = frozenset(literals)
        if key not in self._values:
            self._values[key] = find_value(literals, self._preferred.get(name, ABSENT))
        return self._values[key]


def _by_claim(chosen: Iterable[tuple[Atom, bool]]) -> dict[str, list[Literal]]:
    found: dict[str, list[Literal]] = {}
    for atom, positive in chosen:
        found.setdefault(atom.path[0], []).append(Literal(atom, positive))
    return found


def _take_apart(goals: Iterable[Formula], chosen: Mapping[Atom, bool]) -> _Branch | None:
    """Return what *goals* leave no choice about, with *chosen*; None if they contradict it."""
    branch = _Branch(dict(chosen))
    waiting, decided = list(goals)[::-1], -1
    while waiting:
        goal = waiting.pop()
        if isinstance(goal, Literal):
            if branch.chosen.setdefault(goal.atom, goal.positive) is not goal.positive:
                return None
        elif isinstance(goal, All):
            waiting.extend(reversed(goal.parts))
        else:
            branch.open.append(goal)
        if not waiting and len(branch.chosen) != decided:
            decided = len(branch.chosen)
            waiting = [_simplify(one, branch.chosen) for one in reversed(branch.open)]
            branch.open = []
            if FALSE in waiting:
                return None
    return branch


def _simplify(choice: Any, chosen: Mapping[Atom, bool]) -> Formula:
    parts: list[Formula] = []
    for part in choice.parts:
        known = chosen.get(part.atom) if isinstance(part, Literal) else None
        if known is None:
            parts.append(part)
        elif isinstance(part, Literal) and known is part.positive:
            return All(())
    return parts[0] if len(parts) == 1 else Any(tuple(parts))


def _separate(branch: _Branch) -> Iterator[Sequence[Any]]:
    """Yield the open choices, in groups that have no claim in common."""
    groups: list[tuple[set[str], list[Any]]] = []
    for choice in branch.open:
        names = {atom.path[0] for atom in atoms_of(choice)}
        joined, apart = [choice], list[tuple[set[str], list[Any]]]()
        for known, choices in groups:
            if known.isdisjoint(names):
                apart.append((known, choices))
            else:
                names |= known
                joined += choices
        groups = [*apart, (names, joined)]
    yield from (choices for _, choices in groups)
