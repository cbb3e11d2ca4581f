"""Claim tests, and groups of them, compiled to closures."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.decision.rules.claim_names import ABSENT, find_claim, format_claim_name
from gateway.decision.rules.glob import glob_matches, split_glob
from gateway.decision.rules.operands import (
    UnknownVariableError,
    compile_operand,
    fill_text,
    path_variables,
    split_text,
)

_Holds = Callable[[Mapping[str, object], Mapping[str, str]], bool]  # claims, path variables
_Test = Callable[[object, Mapping[str, str]], bool]  # a claim that is there, path variables


@dataclass(frozen=True, slots=True, eq=False)
class ClaimTest:
    """One test of one claim against a constant or a path variable.

    ``holds(claims, variables)`` never raises; a missing or null claim fails every test except
    ``exists: false``, as does a path variable that the route does not have. *path*, *operator* and
    *operand* are the source of the test.
    """

    claim: str
    text: str  # for people: "tenant equals {path.tenant}"
    holds: _Holds
    path: tuple[str, ...]
    operator: str
    operand: object

    @property
    def key(self) -> str:
        """Return what the test is written under."""
        return self.claim


@dataclass(frozen=True, slots=True, eq=False)
class ClaimGroup:
    """A group of claim rules: ``any`` or ``all`` of its *parts* hold, or, for ``not``, none does.

    A part holds if all its rules do. *text* and ``holds`` are as of a ClaimTest: it never raises,
    and a path variable that the route does not have fails the whole group.
    """

    kind: str
    text: str  # for people: "any of (roles contains reader; scp equals read and tid exists true)"
    holds: _Holds
    parts: tuple[tuple["ClaimRule", ...], ...]

    @property
    def key(self) -> str:
        """Return what the group is written under."""
        return self.kind


ClaimRule = ClaimTest | ClaimGroup


def all_tests(rules: Iterable[ClaimRule]) -> Iterator[ClaimTest]:
    """Yield every test in *rules*, those in groups too."""
    for rule in rules:
        if isinstance(rule, ClaimTest):
            yield rule
        else:
            for part in rule.parts:
                yield from all_tests(part)


def compile_claim_group(kind: str, parts: Sequence[Sequence[ClaimRule]]) -> ClaimGroup:
    """Compile one group; raises ValueError for an unknown kind, or if it or a part is empty.

    An empty group would hold for every token, or for none.
    """
    words = _KINDS.get(kind)
    if words is None:
        raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
    if not parts or not all(parts):
        raise ValueError("a group of claims and each of its parts must not be empty")
    said = "; ".join(" and ".join(rule.text for rule in part) for part in parts)
    kept = tuple(tuple(part) for part in parts)
    return ClaimGroup(kind, f"{words} ({said})", _compile_group(kind, kept), kept)


def _compile_group(kind: str, parts: tuple[tuple[ClaimRule, ...], ...]) -> _Holds:
    every = [[rule.holds for rule in part] for part in parts]

    def part_holds(
        part: list[_Holds], claims: Mapping[str, object], variables: Mapping[str, str]
    ) -> bool:
        return all(holds(claims, variables) for holds in part)

    if kind == "all":
        return lambda claims, variables: all(part_holds(one, claims, variables) for one in every)
    if kind == "any":
        return lambda claims, variables: any(part_holds(one, claims, variables) for one in every)
    # A test fails if its variable is unknown; without this, a group of kind `not` would hold then.
    needed = path_variables([test.operand for part in parts for test in all_tests(part)])
    return lambda claims, variables: (
        needed <= variables.keys() and not any(part_holds(one, claims, variables) for one in every)
    )


def compile_claim_test(path: tuple[str, ...], operator: str, operand: object) -> ClaimTest:
    """Compile one test; raises ValueError for an unknown operator or an unfit operand."""
    name = format_claim_name(path)
    text = f"{name} {operator} {_operand_text(operand)}"
    return ClaimTest(name, text, _compile(path, operator, operand), path, operator, operand)


def _compile(path: tuple[str, ...], operator: str, operand: object) -> _Holds:
    if operator == "exists":
        if not isinstance(operand, bool):
            raise ValueError("exists takes true or false")
        return lambda claims, _: (find_claim(claims, path) is not ABSENT) is operand
    compile_test = _OPERATORS.get(operator)
    if compile_test is None:
        raise ValueError(f"{operator!r} is none of {', '.join(OPERATORS)}")
    return _fail_closed(path, compile_test(operand))


def _fail_closed(path: tuple[str, ...], test: _Test) -> _Holds:
    def holds(claims: Mapping[str, object], variables: Mapping[str, str]) -> bool:
        claim = find_claim(claims, path)
        if claim is ABSENT:
            return False
        try:
            return test(claim, variables)
        except UnknownVariableError:
            return False

    return holds


def strictly_equal(left: object, right: object) -> bool:
    """Compare as JSON does: ``true`` is not 1, ``"1"`` is not 1, but 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(strictly_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            strictly_equal(left[name], right[name]) for name in left
        )
    return left == right


def _equals(operand: object) -> _Test:
    resolve = compile_operand(operand)
    return lambda claim, variables: strictly_equal(claim, resolve(variables))


def _not_equals(operand: object) -> _Test:
    resolve = compile_operand(operand)
    return lambda claim, variables: not strictly_equal(claim, resolve(variables))


def _in(operand: object) -> _Test:
    if not isinstance(operand, list | tuple) or not operand:
        raise ValueError("in takes a list that is not empty")
    choices = [compile_operand(choice) for choice in operand]
    return lambda claim, variables: any(
        strictly_equal(claim, choice(variables)) for choice in choices
    )


def _contains(operand: object) -> _Test:
    # Lists only: a substring search would find `admin` in `not-admin`.
    resolve = compile_operand(operand)

    def holds(claim: object, variables: Mapping[str, str]) -> bool:
        wanted = resolve(variables)
        return isinstance(claim, list) and any(strictly_equal(item, wanted) for item in claim)

    return holds


def _matches(operand: object) -> _Test:
    if not isinstance(operand, str):
        raise ValueError("matches takes a string")
    # The pattern is split at its stars before variables are inserted, so that a star in a
    # request's path is not a wildcard.
    pieces = [split_text(piece) for piece in split_glob(operand)]

    def holds(claim: object, variables: Mapping[str, str]) -> bool:
        filled = [fill_text(piece, variables) for piece in pieces]
        return (
            isinstance(claim, str) and _has_at_signs(filled, claim) and glob_matches(filled, claim)
        )

    return holds


def _has_at_signs(pieces: Sequence[str], claim: str) -> bool:
    # `*@example.com` is about an address: `x@evil.example@example.com` is none (CVE-2026-40574).
    wanted = sum(piece.count("@") for piece in pieces)
    return wanted == 0 or claim.count("@") == wanted


def _at_least(operand: object) -> _Test:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise ValueError("at_least takes a number")
    least = operand
    return lambda claim, _: (
        isinstance(claim, int | float) and not isinstance(claim, bool) and claim >= least
    )


_OPERATORS: Mapping[str, Callable[[object], _Test]] = {
    "equals": _equals,
    "not_equals": _not_equals,
    "in": _in,
    "contains": _contains,
    "matches": _matches,
    "at_least": _at_least,
}
OPERATORS = (*_OPERATORS, "exists")

_KINDS: Mapping[str, str] = {"any": "any of", "all": "all of", "not": "none of"}
KINDS = tuple(_KINDS)


def _operand_text(operand: object) -> str:
    return operand if isinstance(operand, str) else json.dumps(operand, ensure_ascii=False)
