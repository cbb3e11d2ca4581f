"""A route asks for as much as another where that is certain."""

from typing import Any

import pytest

from gateway.decision.rules.claim_tests import compile_claim_group, compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.lints.strictness import asks_as_much
from tests.decision.policies import route

TENANT = (compile_claim_test(("tenant",), "equals", "{path.t}"),)
STAFF = compile_claim_test(("roles",), "contains", "staff")
ADMIN = compile_claim_test(("roles",), "contains", "admin")


def any_of(*parts: Any) -> dict[str, Any]:
    return {"claims": (compile_claim_group("any", parts),)}


def none_of(*parts: Any) -> dict[str, Any]:
    return {"claims": (compile_claim_group("not", parts),)}


ANY_TOKEN: dict[str, Any] = {}
PUBLIC = {"public": True}
MANY = tuple(f"s{number}" for number in range(11))
AS_MUCH: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (PUBLIC, PUBLIC),
    (PUBLIC, {"reports": True}),
    (ANY_TOKEN, PUBLIC),
    (ANY_TOKEN, ANY_TOKEN),
    (ANY_TOKEN, {"optional": True}),
    (PUBLIC, {"optional": True, "scopes": compile_scopes("a")}),
    ({"optional": True}, {"optional": True}),
    ({"issuers": frozenset("a")}, {"issuers": frozenset("ab")}),
    ({"audiences": frozenset("a")}, {"audiences": frozenset("ab")}),
    ({"scopes": compile_scopes(AllOf(("a", "b")))}, {"scopes": compile_scopes("a")}),
    ({"scopes": compile_scopes("a")}, {"scopes": compile_scopes(AnyOf(("a", "b")))}),
    ({"scopes": compile_scopes(AnyOf(MANY))}, {"scopes": compile_scopes(AnyOf(MANY))}),
    ({"claims": (*TENANT, STAFF)}, {"claims": TENANT}),
    (any_of([STAFF]), any_of([ADMIN], [STAFF])),
    (any_of([STAFF, ADMIN]), any_of([STAFF])),
    (any_of([ADMIN], [STAFF]), any_of([STAFF], [ADMIN])),
    ({"claims": (STAFF,)}, any_of([ADMIN], [STAFF])),
    (none_of([STAFF], [ADMIN]), none_of([STAFF])),
    (none_of([STAFF]), none_of([STAFF, ADMIN])),
    ({"claims": (compile_claim_group("all", [[STAFF], [ADMIN]]),)}, {"claims": (ADMIN,)}),
    ({"step_up": StepUp(("a",), 5)}, {"step_up": StepUp(("a", "b"), 6)}),
    ({"step_up": StepUp(("a",), 5)}, {"step_up": StepUp((), None)}),
]
LESS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (PUBLIC, ANY_TOKEN),
    ({"optional": True}, ANY_TOKEN),
    ({"reports": True}, ANY_TOKEN),
    (ANY_TOKEN, {"issuers": frozenset("a")}),
    ({"issuers": frozenset("ab")}, {"issuers": frozenset("a")}),
    (ANY_TOKEN, {"audiences": frozenset("a")}),
    (ANY_TOKEN, {"scopes": compile_scopes("a")}),
    ({"scopes": compile_scopes("a")}, {"scopes": compile_scopes(AllOf(("a", "b")))}),
    ({"scopes": compile_scopes(AllOf(MANY))}, {"scopes": compile_scopes("s1")}),  # not looked into
    ({"claims": (STAFF,)}, {"claims": TENANT}),
    (any_of([ADMIN], [STAFF]), any_of([STAFF])),
    (any_of([STAFF]), {"claims": (STAFF, ADMIN)}),
    (none_of([STAFF]), none_of([STAFF], [ADMIN])),
    (none_of([STAFF, ADMIN]), none_of([STAFF])),
    (none_of([STAFF]), any_of([STAFF])),
    (ANY_TOKEN, {"step_up": StepUp(("a",), None)}),
    ({"step_up": StepUp(("a", "b"), None)}, {"step_up": StepUp(("a",), None)}),
    ({"step_up": StepUp((), 5)}, {"step_up": StepUp(("a",), None)}),
    ({"step_up": StepUp(("a",), 6)}, {"step_up": StepUp(("a",), 5)}),
    ({"step_up": StepUp(("a",), None)}, {"step_up": StepUp((), 5)}),
]


@pytest.mark.parametrize(("own", "other"), AS_MUCH)
def test_it_asks_for_as_much(own: dict[str, Any], other: dict[str, Any]) -> None:
    assert asks_as_much(route(**own), route(**other), {"t": 1}, {"t": 1})


@pytest.mark.parametrize(("own", "other"), LESS)
def test_it_asks_for_less_or_for_something_else(own: dict[str, Any], other: dict[str, Any]) -> None:
    assert not asks_as_much(route(**own), route(**other), {"t": 1}, {"t": 1})


def test_a_variable_is_the_segment_that_the_service_gets() -> None:
    renamed = (compile_claim_test(("tenant",), "equals", "{path.u}"),)
    own, other = route(claims=TENANT), route(claims=renamed)

    assert asks_as_much(own, other, {"t": 1}, {"u": 1})
    assert not asks_as_much(own, other, {"t": 1}, {"u": 2})
    assert not asks_as_much(own, other, {"t": 1}, {})
