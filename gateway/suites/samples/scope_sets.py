"""Find sets of scopes that satisfy a route, and sets that narrowly fail."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, product

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.suites.samples.meaning import Implies, grant, named_scopes, scopes_hold

# An expression of a few lines can have millions of ways to be true.
_MAX_WAYS = 64
_MAX_PRODUCTS = 4096  # most of which may contradict themselves

_Way = tuple[frozenset[str], frozenset[str]]  # required scopes, forbidden scopes


def enough(expression: ScopeExpression, implies: Implies) -> Iterator[frozenset[str]]:
    """Yield minimal sets of scopes that satisfy *expression*.

    One for each way to satisfy it, up to 64 of them, then those in which a scope is replaced by one
    that implies it. None if the expression contradicts itself.
    """
    direct = [wanted for wanted, _ in islice(_ways(expression, True), _MAX_WAYS)]
    indirect = (
        (wanted - {scope}) | {above}
        for wanted in direct
        for scope in sorted(wanted)
        for above in sorted(implies)
        if scope in implies[above]
    )
    seen: set[frozenset[str]] = set()
    for wanted in (*direct, *islice(indirect, _MAX_WAYS)):
        if not scopes_hold(expression, grant(wanted, implies)):
            continue
        least = reduce(expression, wanted, implies)
        if least not in seen:
            seen.add(least)
            yield least


def reduce(expression: ScopeExpression, scopes: frozenset[str], implies: Implies) -> frozenset[str]:
    """Return *scopes*, which satisfy *expression*, without those that are not needed."""
    for scope in sorted(scopes):
        rest = scopes - {scope}
        if scopes_hold(expression, grant(rest, implies)):
            # Removing this one may have made another one removable.
            return reduce(expression, rest, implies)
    return scopes


def too_few(
    expression: ScopeExpression, scopes: frozenset[str], implies: Implies
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield a scope, and *scopes* without it and without all that grants it, which fail.

    If *expression* still holds because of other scopes, these are removed as well. *scopes* satisfy
    *expression*; there is one pair for each scope that it names and they grant.
    """
    for scope in sorted(named_scopes(expression) & grant(scopes, implies)):
        rest = _without(scope, scopes, implies)
        for other in sorted(rest):
            if not scopes_hold(expression, grant(rest, implies)):
                break
            rest = _without(other, rest, implies)
        if not scopes_hold(expression, grant(rest, implies)):
            yield scope, rest


def too_many(
    expression: ScopeExpression, scopes: frozenset[str], implies: Implies
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each scope that *expression* forbids, and *scopes* with it."""
    for scope in sorted(named_scopes(expression)):
        more = scopes | {scope}
        if not scopes_hold(expression, grant(more, implies)):
            yield scope, more


def _without(scope: str, scopes: frozenset[str], implies: Implies) -> frozenset[str]:
    return frozenset(one for one in scopes if one != scope and scope not in implies.get(one, ()))


def _ways(expression: ScopeExpression, positive: bool) -> Iterator[_Way]:
    """Yield the ways in which *expression* is true, or false, in any order."""
    if isinstance(expression, str):
        alone = frozenset({expression})
        yield (alone, frozenset()) if positive else (frozenset(), alone)
        return
    inner = positive != isinstance(expression, NoneOf)
    each = [list(islice(_ways(part, inner), _MAX_WAYS)) for part in expression.parts]
    if isinstance(expression, AllOf | NoneOf if positive else AnyOf):
        yield from _together(each)
    else:
        yield from chain.from_iterable(each)


def _together(each: Sequence[Sequence[_Way]]) -> Iterator[_Way]:
    for ways in islice(product(*each), _MAX_PRODUCTS):
        wanted = frozenset[str]().union(*(way[0] for way in ways))
        unwanted = frozenset[str]().union(*(way[1] for way in ways))
        if wanted.isdisjoint(unwanted):
            yield wanted, unwanted
