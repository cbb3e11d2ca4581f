"""Compare what two routes require."""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_tests import ClaimRule, ClaimTest
from gateway.decision.rules.scopes import ScopeExpression, ScopeRule

_VARIABLE = re.compile(r"\{path\.(\w+)\}")

# Up to so many scopes all sets are tried; beyond that, only rules with equal texts are equal.
_MAX_SCOPES = 10

Variables = Mapping[str, int]
"""The index of the segment that each variable is, as the service receives it."""


def asked_of(route: Route, own: Variables) -> Hashable:
    """Return a key of what *route* requires: routes with equal keys require the same.

    *own* are its variables.
    """
    scopes, step_up = route.scopes, route.step_up
    return (
        *(route.public, route.reports, route.optional, route.issuers, route.audiences),
        None if scopes is None else scopes.text,
        _rules(route.claims, own),
        None if step_up is None else (step_up.acr_values, step_up.max_age_seconds),
        _second_of(route, own),
    )


def _second_of(route: Route, own: Variables) -> Hashable:
    """Return a key of what *route* requires of a second token; None if it requires none."""
    second = None if route.sources is None else route.sources.second
    if second is None:
        return None
    scopes = None if second.scopes is None else second.scopes.text
    rules = (second.issuers, second.audiences, scopes, _rules(second.claims, own))
    return (second.field, *rules)


def asks_as_much(route: Route, other: Route, own: Variables, others: Variables) -> bool:
    """Return whether every request that passes *route* would pass *other* at the same path.

    False if that is not certain. *own* and *others* are the variables of the two.
    """
    if other.public or other.reports or (route.public and other.optional):
        return True  # a public route passes requests without identity, as an optional one does
    if route.public or route.reports or (route.optional and not other.optional):
        return False
    return (
        _is_within(route.issuers, other.issuers)
        and _is_within(route.audiences, other.audiences)
        and _scopes_imply(route.scopes, other.scopes)
        and _part_implies(_rules(route.claims, own), _rules(other.claims, others))
        and _steps_up_as_much(route, other)
        and _second_of(other, others) in (None, _second_of(route, own))
    )


def _is_within(own: frozenset[str] | None, wanted: frozenset[str] | None) -> bool:
    return wanted is None or (own is not None and own <= wanted)


def _scopes_imply(own: ScopeRule | None, wanted: ScopeRule | None) -> bool:
    if wanted is None:
        return True
    if own is None:
        # A rule that only forbids scopes holds without any, but not for all tokens.
        return False
    if own.text == wanted.text:
        return True
    named = {*_named(own.expression), *_named(wanted.expression)}
    if len(named) > _MAX_SCOPES:
        return False
    sets = chain.from_iterable(combinations(named, size) for size in range(len(named) + 1))
    return all(wanted.holds(granted) for granted in map(frozenset, sets) if own.holds(granted))


def _named(expression: ScopeExpression) -> Iterator[str]:
    if isinstance(expression, str):
        yield expression
        return
    for part in expression.parts:
        yield from _named(part)


@dataclass(frozen=True, slots=True)
class _Test:
    path: tuple[str, ...]
    operator: str
    operand: str


@dataclass(frozen=True, slots=True)
class _Group:
    kind: str
    parts: frozenset["_Part"]


_Part = frozenset[_Test | _Group]


def _rules(rules: tuple[ClaimRule, ...], places: Variables) -> _Part:
    """Return *rules* in a form in which equal ones are equal."""
    found: set[_Test | _Group] = set()
    for rule in rules:
        if isinstance(rule, ClaimTest):
            found.add(_Test(rule.path, rule.operator, _placed(rule.operand, places)))
            continue
        parts = frozenset(_rules(part, places) for part in rule.parts)
        if rule.kind == "all":
            found.update(*parts)
        else:
            found.add(_Group(rule.kind, parts))
    return frozenset(found)


def _part_implies(own: _Part, wanted: _Part) -> bool:
    """Return whether all claims that satisfy *own* satisfy *wanted*; False if not certain."""
    return all(_implies(own, rule) for rule in wanted)


def _implies(own: _Part, wanted: _Test | _Group) -> bool:
    if wanted in own:
        return True
    if isinstance(wanted, _Test):
        return False
    groups = [one for one in own if isinstance(one, _Group) and one.kind == wanted.kind]
    if wanted.kind == "any":
        return any(_part_implies(own, part) for part in wanted.parts) or any(
            all(any(_part_implies(one, part) for part in wanted.parts) for one in group.parts)
            for group in groups
        )
    forbidden = [part for group in groups for part in group.parts]
    return all(any(_part_implies(part, one) for one in forbidden) for part in wanted.parts)


def _placed(operand: object, places: Variables) -> str:
    """Return *operand* with each variable's name replaced by its segment index at the service.

    A variable that the service does not receive equals no other.
    """
    return _VARIABLE.sub(lambda match: f"{{path.{places.get(match[1], match[1])}}}", repr(operand))


def _steps_up_as_much(route: Route, other: Route) -> bool:
    wanted, own = other.step_up, route.step_up
    if wanted is None:
        return True
    if own is None:
        return False
    acr, age = own.acr_values, own.max_age_seconds
    if wanted.acr_values and not (acr and set(acr) <= set(wanted.acr_values)):
        return False
    most = wanted.max_age_seconds
    return most is None or (age is not None and age <= most)
