"""Find sets of scopes that are enough for a route, and such as just fail to be."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, product

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.suites.samples.meaning import Implies, grant, named_scopes, scopes_hold

# An expression of a few lines can have millions of ways to be true. Nobody reads that many.
_MAX_WAYS = 64
_MAX_PRODUCTS = 4096  # most of which may contradict themselves

_Way = tuple[frozenset[str], frozenset[str]]  # scopes that are needed, scopes that must not be


def enough(expression: ScopeExpression, implies: Implies) -> Iterator[frozenset[str]]:
    """Yield sets of scopes for which *expression* holds, each without anything to spare.

    One for each way to satisfy it, up to 64 of them, and then those in which a scope that implies
    another one stands for it. None where it contradicts itself.
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
    """Return *scopes*, which satisfy *expression*, without those that it can do without."""
    for scope in sorted(scopes):
        rest = scopes - {scope}
        if scopes_hold(expression, grant(rest, implies)):
            # What could not be missed before may have been forbidden without this one.
            return reduce(expression, rest, implies)
    return scopes


def too_few(
    expression: ScopeExpression, scopes: frozenset[str], implies: Implies
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield a scope, and *scopes* without it and all that grants it, for which nothing holds.

    Where *expression* still holds then, by other scopes, these are taken away as well. *scopes*
    satisfy *expression*; each scope that it names and they grant comes in its turn.
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
    """Yield a scope, and *scopes* with it, where *expression* forbids it."""
    for scope in sorted(named_scopes(expression)):
        more = scopes | {scope}
        if not scopes_hold(expression, grant(more, implies)):
            yield scope, more


def _without(scope: str, scopes: frozenset[str], implies: Implies) -> frozenset[str]:
    return frozenset(one for one in scopes if one != scope and scope not in implies.get(one, ()))


def _ways(expression: ScopeExpression, positive: bool) -> Iterator[_Way]:
    """Yield the ways in which *expression* is true, or false, in no order of merit."""
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
