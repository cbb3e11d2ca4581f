"""Claim tests, compiled to closures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.decision.rules.claim_names import ABSENT, find_claim, format_claim_name
from gateway.decision.rules.glob import glob_matches, split_glob
from gateway.decision.rules.operands import (
    UnknownVariableError,
    compile_operand,
    fill_text,
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


def _operand_text(operand: object) -> str:
    return operand if isinstance(operand, str) else json.dumps(operand, ensure_ascii=False)
