"""Judges: what a change of one setting means for who has access.

A judge is called with two values that differ, None for a side that lacks the facet. If it cannot
tell what the change means, it assumes the worst. Judges are made once: thousands of routes have
the same.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from functools import cache

from gateway.suites.differences.facet import Judge, Kind, Kinds

NOTHING: Kinds = frozenset()
CLOSED: Kinds = frozenset({Kind.CLOSED})


def by_requests(_old: object, _new: object) -> Kinds:
    """Return nothing: whom the change affects is decided for each request and each caller."""
    return NOTHING


def harmless(reason: str) -> Judge:
    """Return a judge of what cannot matter to access, for this *reason*."""
    if not reason:
        raise ValueError("say why it cannot matter")
    return by_requests


@cache
def always(*kinds: Kind) -> Judge:
    """Return a judge to whom every change is of these *kinds*."""
    every = frozenset(kinds)
    return lambda _old, _new: every


@cache
def part(judge: Judge) -> Judge:
    """Return *judge* for a part of something that is judged as a whole when it comes or goes."""
    return lambda old, new: NOTHING if old is None or new is None else judge(old, new)


def comes_and_goes(added: Kinds, removed: Kinds, judge: Judge) -> Judge:
    """Return a judge for what one side may lack, and by *judge* what both have."""

    def judge_any(old: object, new: object) -> Kinds:
        if old is None:
            return added
        return removed if new is None else judge(old, new)

    return judge_any


@cache
def rises(kind: Kind = Kind.LOOSENED) -> Judge:
    """Return a judge of numbers: more is of *kind*, less is stricter."""

    def judge(old: object, new: object) -> Kinds:
        if not isinstance(old, int | float) or not isinstance(new, int | float):
            return frozenset({kind})
        return frozenset({kind if new > old else Kind.CLOSED}) if new != old else NOTHING

    return judge


@cache
def falls(kind: Kind = Kind.LOOSENED) -> Judge:
    """Return a judge of numbers: less is of *kind*, more is stricter."""
    reverse = rises(kind)
    return lambda old, new: reverse(new, old)


@cache
def switches_on(kind: Kind) -> Judge:
    """Return a judge of a switch: on is of *kind*, off is stricter."""
    return lambda _old, new: frozenset({kind}) if new else CLOSED


@cache
def switches_off(kind: Kind) -> Judge:
    """Return a judge of a switch: off is of *kind*, on is stricter."""
    return lambda _old, new: CLOSED if new else frozenset({kind})


@cache
def grows(kind: Kind = Kind.OPENED) -> Judge:
    """Return a judge of sets: more members are of *kind*, fewer are stricter."""

    def judge(old: object, new: object) -> Kinds:
        before, after = _members(old), _members(new)
        found = {kind} if after - before else set()
        return frozenset(found | {Kind.CLOSED} if before - after else found)

    return judge


@cache
def shrinks(kind: Kind) -> Judge:
    """Return a judge of sets: fewer members are of *kind*, more are stricter."""
    reverse = grows(kind)
    return lambda old, new: reverse(new, old)


def _members(value: object) -> frozenset[Hashable]:
    return frozenset(value) if isinstance(value, Collection) else frozenset()


def weakens(strongest_first: Sequence[object], kind: Kind = Kind.LOOSENED) -> Judge:
    """Return a judge of words, given from the strongest to the weakest."""
    ranks = {word: rank for rank, word in enumerate(strongest_first)}
    by_rank = rises(kind)
    return lambda old, new: by_rank(ranks.get(old), ranks.get(new))


@cache
def on(read: Callable[[object], object], judge: Judge) -> Judge:
    """Return *judge* for what *read* makes of the values."""
    return lambda old, new: judge(read(old), read(new))
