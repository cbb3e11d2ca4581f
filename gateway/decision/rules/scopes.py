"""Expressions over scopes, compiled to one test."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never

# RFC 6749 §3.3. Anything else could never be granted, and would break the quoted `scope` of a
# challenge (RFC 6750 §3).
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple["ScopeExpression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["ScopeExpression", ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No part holds."""

    parts: tuple["ScopeExpression", ...]


ScopeExpression = str | AllOf | AnyOf | NoneOf
_Test = Callable[[frozenset[str]], bool]


@dataclass(frozen=True, slots=True, eq=False)
class ScopeRule:
    """A route's rule over granted scopes; *wanted* are all scopes named positively.

    *expression* is the source of the rule.
    """

    holds: _Test
    wanted: tuple[str, ...]
    text: str  # for people: "all of a, (any of b, c)"
    expression: ScopeExpression


def compile_scopes(expression: ScopeExpression) -> ScopeRule:
    """Compile *expression*; raises ValueError for an empty list or a malformed scope.

    An empty list is refused because it would hold for every token, or for none.
    """
    for scope, _ in _walk(expression, True):
        if not _SCOPE.fullmatch(scope):
            raise ValueError(f'{scope!r} is not a scope: printable ASCII without space, " and \\')
    wanted = dict.fromkeys(scope for scope, positive in _walk(expression, True) if positive)
    return ScopeRule(_compile(expression), tuple(wanted), _text(expression), expression)


def _walk(expression: ScopeExpression, positive: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(expression, str):
        yield expression, positive
        return
    if not expression.parts:
        raise ValueError("a list of scopes must not be empty")
    inner = positive != isinstance(expression, NoneOf)
    for part in expression.parts:
        yield from _walk(part, inner)


def _compile(expression: ScopeExpression) -> _Test:
    if isinstance(expression, str):
        return frozenset((expression,)).issubset
    names = frozenset(part for part in expression.parts if isinstance(part, str))
    nested = [_compile(part) for part in expression.parts if not isinstance(part, str)]
    match expression:
        case AllOf():
            return _all_of(names, nested)
        case AnyOf():
            return _any_of(names, nested)
        case NoneOf():
            holds = _any_of(names, nested)
            return lambda granted: not holds(granted)
        case _:
            assert_never(expression)


def _all_of(names: frozenset[str], nested: list[_Test]) -> _Test:
    if not nested:
        return names.issubset  # the common case costs one call into C
    return lambda granted: names <= granted and all(holds(granted) for holds in nested)


def _any_of(names: frozenset[str], nested: list[_Test]) -> _Test:
    return lambda granted: not names.isdisjoint(granted) or any(holds(granted) for holds in nested)


def _text(expression: ScopeExpression) -> str:
    if isinstance(expression, str):
        return expression
    words = {AllOf: "all of", AnyOf: "any of", NoneOf: "none of"}[type(expression)]
    if len(expression.parts) == 1 and not isinstance(expression, NoneOf):
        return _text(expression.parts[0])
    parts = (part if isinstance(part, str) else f"({_text(part)})" for part in expression.parts)
    return f"{words} {', '.join(parts)}"
