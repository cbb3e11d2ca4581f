"""Whom one side lets in and another does not, as the real decision has it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.decision.policy import Policy
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, compile_scopes
from gateway.suites.symbolic.access import Access, Undecided, Witness
from gateway.suites.symbolic.containment import find_openings
from tests.decision.policies import policy, route
from tests.suites.symbolic.pairs import (
    PATH,
    TOKENS,
    Sent,
    access,
    callers,
    like_those,
    make_settings,
    pairs,
)
from tests.suites.worlds import AT


def sent(one: Witness) -> Sent:
    """Return *one* on the path that it says."""
    segments = ["s", "t"]
    for at, text in one.segments.items():
        segments[at - 1] = text
    return Sent(one, segments)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(pairs(), st.data())
def test_whoever_is_let_in_by_the_new_rules_alone_is_found(
    pair: tuple[Policy, Policy], data: st.DataObject
) -> None:
    """A law: what is found is so, and nothing is found only if no token shows a difference."""
    old, new = map(make_settings, pair)
    found = list(find_openings(access(old), access(new), AT))
    for one in found:
        if isinstance(one, Witness):
            assert sent(one).is_let_in(new), one
            assert not sent(one).is_let_in(old), one
    if found:
        return
    like = like_those(find_openings(Access(old, None), access(new), AT))
    for _ in range(TOKENS):
        somebody = data.draw(callers(like))
        assert not somebody.is_let_in(new) or somebody.is_let_in(old), somebody


def both(old: dict[str, Any], new: dict[str, Any]) -> list[Witness | Undecided]:
    """Return what is found for routes with these members."""
    before, after = (access(make_settings(policy(route(PATH, **one)))) for one in (old, new))
    return list(find_openings(before, after, AT))


def texts(found: list[Witness | Undecided]) -> list[str]:
    return [one.text for one in found]


def claims(*tests: tuple[str, str, Any]) -> dict[str, Any]:
    return {"claims": tuple(compile_claim_test((name,), *rest) for name, *rest in tests)}


def scopes(expression: Any) -> dict[str, Any]:
    return {"scopes": compile_scopes(expression)}


MANY = [f"value-{number}" for number in range(40)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (scopes(AnyOf(tuple(MANY))), scopes(AnyOf((*MANY, "more"))), ["main, with more"]),
        (scopes(AnyOf((*MANY, "more"))), scopes(AnyOf(tuple(reversed(MANY)))), []),
        (scopes(AllOf(("a", "b"))), scopes("a"), ["main, with a"]),
        (scopes(NoneOf(("a", "b"))), scopes(NoneOf(("a",))), ["main, with b"]),
        (scopes(AllOf((AnyOf(("a", "b")), NoneOf(("c",))))), scopes(AnyOf(("a", "b"))),
         ["main, with a c"]),
        (claims(("d", "in", MANY)), claims(("d", "in", [*MANY, "more"])), ["main, d more"]),
        (claims(("d", "in", MANY)), claims(("d", "matches", "value-*")), ["main, d value-"]),
        (claims(("d", "matches", "value-*")), claims(("d", "in", MANY)), []),
        (claims(("d", "at_least", 3)), claims(("d", "at_least", 2)), ["main, d 2"]),
        (claims(("d", "at_least", 2)), claims(("d", "equals", 2)), []),
        (claims(("d", "exists", True)), claims(("d", "contains", "x")), []),
        (claims(("t", "equals", "{path.a}")), claims(("t", "equals", "{path.b}")), ["main, t t"]),
        (claims(("t", "equals", "{path.a}"), ("t", "not_equals", "acme")),
         claims(("t", "equals", "{path.a}")), ["main, t acme"]),
        (claims(("t", "equals", "{path.a}")),
         claims(("t", "equals", "{path.a}"), ("t", "not_equals", "acme")), []),
        ({}, {"optional": True}, ["nobody"]),
        ({"optional": True}, {"public": True}, ["main, by EdDSA", "anybody who forges"]),
        ({}, {"reports": True}, ["nobody"]),
        ({"public": True}, {"optional": True}, []),
        ({"reports": True}, {"public": True}, []),
        ({"audiences": frozenset({"shop"})}, {}, ["main"]),
        ({"issuers": frozenset()}, {"issuers": frozenset({"main"})}, ["main"]),
    ],
)  # fmt: skip
def test_an_opening_is_told_by_who_shows_it(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    found = texts(both(old, new))

    assert len(found) >= len(expected) > 0 or found == expected
    for text in expected:
        assert any(one.startswith(text) for one in found), found
