"""What a change of one setting means, whatever the setting is."""

from math import inf

import pytest

from gateway.suites.differences.facet import Judge, Kind
from gateway.suites.differences.judges import (
    always,
    by_requests,
    comes_and_goes,
    falls,
    grows,
    harmless,
    on,
    part,
    rises,
    shrinks,
    switches_off,
    switches_on,
    weakens,
)

OPENED, LOOSENED, KEYS, CLOSED = Kind.OPENED, Kind.LOOSENED, Kind.KEYS, Kind.CLOSED
ONE, TWO, THREE = frozenset({1}), frozenset({1, 2}), frozenset({2, 3})
WORDS = weakens(("refuse", "memory", "allow"))
WHOLE = comes_and_goes(frozenset({KEYS}), frozenset({OPENED}), rises())


@pytest.mark.parametrize(
    ("judge", "old", "new", "kinds"),
    [
        (by_requests, 1, 2, set()),
        (always(KEYS, OPENED), 1, 2, {KEYS, OPENED}),
        (rises(), 1, 2.5, {LOOSENED}),
        (rises(), 1, inf, {LOOSENED}),
        (rises(), 2, 1, {CLOSED}),
        (rises(), 2, 2, set()),
        (rises(OPENED), 1, 2, {OPENED}),
        (falls(), 2, 1, {LOOSENED}),
        (falls(), 1, 2, {CLOSED}),
        (switches_on(OPENED), False, True, {OPENED}),
        (switches_on(OPENED), True, False, {CLOSED}),
        (switches_off(LOOSENED), True, False, {LOOSENED}),
        (switches_off(LOOSENED), False, True, {CLOSED}),
        (grows(), ONE, TWO, {OPENED}),
        (grows(), TWO, ONE, {CLOSED}),
        (grows(), TWO, THREE, {OPENED, CLOSED}),
        (grows(), None, ONE, {OPENED}),
        (shrinks(LOOSENED), TWO, ONE, {LOOSENED}),
        (shrinks(LOOSENED), ONE, TWO, {CLOSED}),
        (WORDS, "refuse", "allow", {LOOSENED}),
        (WORDS, "allow", "memory", {CLOSED}),
        (part(rises()), None, 2, set()),
        (part(rises()), 1, None, set()),
        (part(rises()), 1, 2, {LOOSENED}),
        (WHOLE, None, 1, {KEYS}),
        (WHOLE, 1, None, {OPENED}),
        (WHOLE, 2, 1, {CLOSED}),
        (on(lambda pair: pair[0], rises()), (1, "a"), (2, "b"), {LOOSENED}),
    ],
)
def test_a_change_means(judge: Judge, old: object, new: object, kinds: set[Kind]) -> None:
    assert judge(old, new) == kinds


@pytest.mark.parametrize(
    ("judge", "old", "new"),
    [(rises(), None, 1), (falls(), 1, None), (WORDS, "refuse", "unknown"), (WORDS, None, "allow")],
)
def test_the_worst_is_assumed_of_what_is_unknown(judge: Judge, old: object, new: object) -> None:
    assert judge(old, new) == {LOOSENED}


def test_what_cannot_matter_needs_a_reason() -> None:
    assert harmless("it is for people")(1, 2) == frozenset()
    with pytest.raises(ValueError, match="say why"):
        harmless("")
