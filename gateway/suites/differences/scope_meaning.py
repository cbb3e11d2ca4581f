"""Compare two scope rules by the tokens that satisfy them, however they are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.suites.samples.meaning import Implies, grant, named_scopes, scopes_hold

# All sets of up to 12 scopes are tried, 4,096 of them; larger rules are compared as written.
_MAX_SCOPES = 12


@dataclass(frozen=True, slots=True, eq=False)
class ScopeMeaning:
    """The scope rule of a route (None: none), and which scopes imply which.

    Two are equal if the same tokens satisfy both.
    """

    expression: ScopeExpression | None
    implies: Implies

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScopeMeaning) and _same(self, other)

    def __hash__(self) -> int:
        return 0

    def holds(self, scopes: frozenset[str]) -> bool:
        """Return whether a token with *scopes* satisfies the rule."""
        if self.expression is None:
            return True
        return scopes_hold(self.expression, grant(scopes, self.implies))

    def mentioned(self) -> frozenset[str]:
        """Return every scope that matters: named, or implying one that is."""
        if self.expression is None:
            return frozenset()
        named = named_scopes(self.expression)
        return named.union(scope for scope, granted in self.implies.items() if named & granted)


def _same(one: ScopeMeaning, other: ScopeMeaning) -> bool:
    written = _canonical(one.expression) == _canonical(other.expression)
    scopes = sorted(one.mentioned() | other.mentioned())
    if written and _implied(one, scopes) == _implied(other, scopes):
        return True
    if len(scopes) > _MAX_SCOPES:
        return False
    return all(
        one.holds(frozenset(some)) is other.holds(frozenset(some))
        for size in range(len(scopes) + 1)
        for some in combinations(scopes, size)
    )


def _implied(meaning: ScopeMeaning, scopes: list[str]) -> Mapping[str, frozenset[str]]:
    relevant = frozenset(scopes)
    return {scope: meaning.implies.get(scope, frozenset()) & relevant for scope in scopes}


def _canonical(expression: ScopeExpression | None) -> object:
    """Return *expression* without the order of its parts, and without groups of one."""
    if expression is None or isinstance(expression, str):
        return expression
    parts = frozenset(map(_canonical, expression.parts))
    if len(parts) == 1 and isinstance(expression, AllOf | AnyOf):
        return next(iter(parts))
    return {AllOf: "all", AnyOf: "any", NoneOf: "none"}[type(expression)], parts
