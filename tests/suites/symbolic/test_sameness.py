"""Sides that let in the same callers are recognised by how their rules are written."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.decision.policy import ScopeSource
from gateway.decision.revocation import RevocationRule
from gateway.decision.routes.routing import Place, SecondToken, TokenSources
from gateway.decision.rules.claim_tests import compile_claim_group, compile_claim_test
from gateway.decision.rules.scopes import AnyOf, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.suites.symbolic.access import Access
from gateway.suites.symbolic.sameness import positions_of, rules_of, same_lists, trust_alike
from tests.decision.policies import IDENTITY, issuer, policy, route
from tests.suites.symbolic.pairs import LOGIN, PATH, access, make_settings
from tests.suites.worlds import AT

TENANT = compile_claim_test(("t",), "equals", "{path.a}")
BOTH = frozenset({Place.AUTHORIZATION, Place.QUERY})
SECOND = SecondToken("X-Workload", frozenset({"main"}), None, None, (), IDENTITY)


def rules(path: str = PATH, **changes: Any) -> object:
    return rules_of(access(make_settings(policy(route(path, **changes)))))


def written() -> dict[str, Any]:
    """Return rules of every kind, compiled anew."""
    return {
        "scopes": compile_scopes(AnyOf(("a", "b"))),
        "claims": (
            compile_claim_test(("t",), "equals", "{path.a}"),
            compile_claim_group("any", [[compile_claim_test(("n",), "in", [1, "{path.b}-x"])]]),
        ),
        "step_up": StepUp(("strong",), 60),
        "login": (LOGIN,),
        "sources": TokenSources(BOTH, b"x-token", SECOND),
    }


def test_rules_that_are_written_alike_are_the_same() -> None:
    assert rules(**written()) == rules(**written())


def test_names_of_variables_do_not_matter_but_their_places_do() -> None:
    def of(path: str, name: str) -> object:
        test = compile_claim_test(("t",), "equals", f"{{path.{name}}}")
        return rules(path, claims=(test,))

    assert of("/o/{a}/{b}", "a") == of("/o/{x}/{y}", "x")
    assert of("/o/{a}/{b}", "a") != of("/o/{a}/{b}", "b")
    assert positions_of(route("/o/{a}/x/{b}")) == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    "changes",
    [
        {"public": True},
        {"optional": True},
        {"reports": True},
        {"issuers": frozenset({"main"})},
        {"audiences": frozenset({"a"})},
        {"scopes": compile_scopes("a")},
        {"claims": (TENANT,)},
        {"claims": (compile_claim_group("not", [[TENANT]]),)},
        {"step_up": StepUp((), 60)},
        {"login": (LOGIN,)},
        {"introspector": "main"},
        {"sources": TokenSources(BOTH)},
        {"sources": TokenSources(frozenset({Place.AUTHORIZATION}), None, SECOND)},
    ],
)
def test_each_rule_makes_a_difference(changes: dict[str, Any]) -> None:
    assert rules(**changes) != rules()


def test_numbers_are_no_texts_and_no_truths() -> None:
    def of(operand: Any) -> object:
        return rules(claims=(compile_claim_test(("n",), "equals", operand),))

    assert len({hash(of(one)) for one in (1, "1", True)}) == 3
    assert of(1) == of(1.0)


def test_the_requests_own_segments_matter() -> None:
    settings = make_settings(policy(route(PATH)))
    assert rules_of(access(settings)) != rules_of(access(settings, ("s", "other")))
    assert rules_of(access(settings)) != rules_of(replace(access(settings), literals={1: "s"}))
    assert rules_of(Access(settings, None)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"audiences": frozenset({"other"})},
        {"reports": True},
        {"leeway_seconds": 0.0},
        {"scopes_from": (ScopeSource(("roles",)),)},
        {"also_issued_as": ("https://alias.example",)},
    ],
)
def test_trust_differs_with_each_setting_of_an_issuer(changes: dict[str, Any]) -> None:
    def settings(**changed: Any) -> Any:
        one = issuer(**changed)
        made = policy(issuers=(one,))
        names = dict.fromkeys((one.issuer, *one.also_issued_as), one)
        return make_settings(replace(made, issuers=names))

    assert trust_alike(settings(), settings(), AT)
    assert not trust_alike(settings(), settings(**changes), AT)


def test_trust_differs_with_what_scopes_imply_and_with_lists() -> None:
    plain = make_settings(policy())
    implies = make_settings(policy(implies={"admin": frozenset({"read"})}))
    listed = make_settings(
        policy(revocations=[RevocationRule("blocked", frozenset({"main"}), True)])
    )

    assert not trust_alike(plain, implies, AT)
    assert not trust_alike(plain, listed, AT)
    assert trust_alike(listed, listed, AT)


def test_a_list_is_the_same_under_another_name() -> None:
    def settings(name: str) -> Any:
        rule = RevocationRule(name, frozenset({"main"}), True)
        made = make_settings(policy(revocations=[rule]))
        listed = replace(made.revocations[name], location="https://lists.example/one")
        return replace(made, revocations={name: listed})

    assert same_lists(settings("old"), settings("new")) == {"new": "old"}
    assert trust_alike(settings("old"), settings("new"), AT)
