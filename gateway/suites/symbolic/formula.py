"""Formulas over what a token says, in negation normal form, compared by what they mean literally.

An atom is a test of one claim. Formulas are built with ``passes``, ``all_of``, ``any_of`` and
``negate``, which keep them small: constants vanish, equal parts count once, and groups of one are
their part.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, assert_never

ClaimPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """One test of the claim at *path*; ``claim_values.holds`` says what each *operator* means.

    *key* is the *operand* as a value that can be hashed, so that 1 is 1.0, but neither true nor
    "1".
    """

    path: ClaimPath
    operator: str
    key: object
    operand: object = field(compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.path, self.operator, self.key)))

    def __hash__(self) -> int:
        """Return what was computed once: formulas are looked up far more often than made."""
        return self._hash


@dataclass(frozen=True, slots=True)
class Literal:
    """That *atom* holds, or that it does not."""

    atom: Atom
    positive: bool
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.atom, self.positive)))

    def __hash__(self) -> int:
        """Return what was computed once."""
        return self._hash


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, it always does."""

    parts: tuple["Formula", ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((True, self.parts)))

    def __hash__(self) -> int:
        """Return what was computed once."""
        return self._hash


@dataclass(frozen=True, slots=True)
class Any:
    """Some part holds; without parts, it never does."""

    parts: tuple["Formula", ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((False, self.parts)))

    def __hash__(self) -> int:
        """Return what was computed once."""
        return self._hash


Formula = Literal | All | Any

TRUE: Final = All(())
FALSE: Final = Any(())


def passes(path: ClaimPath, operator: str, operand: object = None) -> Literal:
    """Return that the claim at *path* passes a test."""
    return Literal(Atom(path, operator, hashable(operand), operand), True)


def hashable(value: object) -> object:
    """Return *value*, of JSON, as one that can be hashed; two are equal if JSON has them equal."""
    if isinstance(value, list | tuple):
        return "list", *map(hashable, value)
    if isinstance(value, dict):
        return "table", frozenset((name, hashable(item)) for name, item in value.items())
    if isinstance(value, bool):
        return "boolean", value
    return ("number", value) if isinstance(value, int | float) else value


def all_of(parts: Iterable[Formula]) -> Formula:
    """Return that every one of *parts* holds."""
    flat: dict[Formula, None] = {}
    for part in parts:
        if isinstance(part, All):
            flat.update(dict.fromkeys(part.parts))
        elif part == FALSE:
            return FALSE
        else:
            flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else All(tuple(flat))


def any_of(parts: Iterable[Formula]) -> Formula:
    """Return that one of *parts* holds, or several."""
    flat: dict[Formula, None] = {}
    for part in parts:
        if isinstance(part, Any):
            flat.update(dict.fromkeys(part.parts))
        elif part == TRUE:
            return TRUE
        else:
            flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else Any(tuple(flat))


def negate(formula: Formula) -> Formula:
    """Return that *formula* does not hold."""
    match formula:
        case Literal():
            return Literal(formula.atom, not formula.positive)
        case All():
            return any_of(map(negate, formula.parts))
        case Any():
            return all_of(map(negate, formula.parts))
        case _:
            assert_never(formula)


def conjuncts(formula: Formula) -> tuple[Formula, ...]:
    """Return the formulas that must all hold so that *formula* does."""
    return formula.parts if isinstance(formula, All) else (formula,)


def atoms_of(formula: Formula) -> Iterator[Atom]:
    """Yield every atom in *formula*, perhaps more than once."""
    if isinstance(formula, Literal):
        yield formula.atom
    else:
        for part in formula.parts:
            yield from atoms_of(part)
