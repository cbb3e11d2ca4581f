"""Operands of claim tests: constants, and strings with path variables."""

import re
from collections.abc import Callable, Mapping

Resolve = Callable[[Mapping[str, str]], object]

_VARIABLE = re.compile(r"\{path\.([A-Za-z_][A-Za-z0-9_]*)\}")


class UnknownVariableError(Exception):
    """A path variable that the matched route does not have."""


def path_variables(operand: object) -> frozenset[str]:
    """Return the names of all path variables in *operand*, for validation."""
    if isinstance(operand, str):
        return frozenset(_VARIABLE.findall(operand))
    if isinstance(operand, list | tuple):
        return frozenset[str]().union(*map(path_variables, operand))
    return frozenset()


def compile_operand(operand: object) -> Resolve:
    """Return a function from a request's path variables to the operand's value.

    Raises ValueError for null, and for braces that are not of the form ``{path.name}``: a misspelt
    variable must not become a constant.
    """
    if operand is None:
        raise ValueError("a claim cannot be compared with null; use exists")
    if isinstance(operand, str):
        return _compile_text(operand)
    if isinstance(operand, list | tuple):
        parts = [compile_operand(part) for part in operand]
        if path_variables(operand):
            return lambda variables: [part(variables) for part in parts]
        constant = [part({}) for part in parts]
        return lambda _: constant
    return lambda _: operand


def split_text(text: str) -> list[str]:
    """Return literals at even places and names of path variables at odd ones."""
    pieces = _VARIABLE.split(text)
    if any("{" in literal or "}" in literal for literal in pieces[::2]):
        raise ValueError(f"{text!r}: braces must be of the form {{path.name}}")
    return pieces


def fill_text(pieces: list[str], variables: Mapping[str, str]) -> str:
    """Insert the variables' values into the *pieces* of ``split_text``."""
    return "".join(
        _value(piece, variables) if place % 2 else piece for place, piece in enumerate(pieces)
    )


def _compile_text(text: str) -> Resolve:
    pieces = split_text(text)
    if len(pieces) == 1:
        return lambda _: text
    return lambda variables: fill_text(pieces, variables)


def _value(name: str, variables: Mapping[str, str]) -> str:
    value = variables.get(name)
    if value is None:
        raise UnknownVariableError
    return value
