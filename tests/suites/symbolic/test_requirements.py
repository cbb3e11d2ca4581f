"""What is required of a token, as formulas that mean what the decision makes of it."""

from dataclasses import replace

import pytest

from gateway.decision.policy import Profile, ScopeSource
from gateway.decision.rules.claim_tests import compile_claim_group, compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf
from gateway.decision.rules.step_up import StepUp
from gateway.suites.symbolic.formula import FALSE, TRUE, all_of, any_of, conjuncts, negate, passes
from gateway.suites.symbolic.requirements import (
    ALGORITHM,
    Origin,
    of_audiences,
    of_claims,
    of_issuer,
    of_scopes,
    of_step_up,
)
from gateway.suites.symbolic.text_values import Pattern
from tests.decision.policies import NOW, issuer, policy

POLICY = policy(implies={"admin": frozenset({"read"})})
ROLES = issuer(scopes_from=(ScopeSource(("roles",), "r:"),))


def has(scope: str) -> object:
    return any_of(passes((name,), "item", scope) for name in ("scope", "scp"))


def test_a_scope_is_had_by_itself_or_by_one_that_implies_it() -> None:
    assert of_scopes("write", issuer(), POLICY) == has("write")
    assert of_scopes("read", issuer(), POLICY) == any_of((has("read"), has("admin")))  # type: ignore[arg-type]
    assert of_scopes(None, issuer(), POLICY) == TRUE


def test_a_scope_that_no_claim_of_the_issuer_can_have_is_never_had() -> None:
    assert of_scopes("write", ROLES, POLICY) == FALSE
    assert of_scopes("r:", ROLES, POLICY) == FALSE
    assert of_scopes("r:write", ROLES, POLICY) == passes(("roles",), "item", "write")


def test_groups_of_scopes_are_groups() -> None:
    a, b = passes(("roles",), "item", "a"), passes(("roles",), "item", "b")
    parts = "r:a", "r:b"

    assert of_scopes(AllOf(parts), ROLES, POLICY) == all_of((a, b))
    assert of_scopes(AnyOf(parts), ROLES, POLICY) == any_of((a, b))
    assert of_scopes(NoneOf(parts), ROLES, POLICY) == all_of((negate(a), negate(b)))


@pytest.mark.parametrize(
    ("operator", "operand", "expected"),
    [
        ("equals", "{path.x}-1", passes(("a",), "equals", "acme-1")),
        ("contains", 7, passes(("a",), "contains", 7)),
        ("at_least", 7, passes(("a",), "at_least", 7)),
        ("in", ["b"], passes(("a",), "equals", "b")),
        ("exists", False, negate(passes(("a",), "exists"))),
        ("matches", "{path.x}*@b", passes(("a",), "matches", Pattern(("acme", "@b"), 1))),
        ("equals", "{path.other}", FALSE),
        (
            "not_equals",
            "b",
            all_of((passes(("a",), "exists"), negate(passes(("a",), "equals", "b")))),
        ),
    ],
)
def test_a_claim_test_has_the_segments_of_the_path(
    operator: str, operand: object, expected: object
) -> None:
    rule = compile_claim_test(("a",), operator, operand)

    assert of_claims([rule], {"x": "acme"}, None) == expected


def test_groups_of_claims_are_groups() -> None:
    rule = compile_claim_test(("a",), "equals", 1)
    other = compile_claim_test(("b",), "equals", "{path.x}")
    a, b = passes(("a",), "equals", 1), passes(("b",), "equals", "x")

    def group(kind: str) -> object:
        return of_claims([compile_claim_group(kind, [[rule], [other]])], {"x": "x"}, None)

    assert group("all") == all_of((a, b))
    assert group("any") == any_of((a, b))
    assert group("not") == all_of((negate(a), negate(b)))
    # A variable that the route does not have fails the whole group.
    assert of_claims([compile_claim_group("not", [[other]])], {}, None) == FALSE


def test_a_rule_about_the_issuers_name_is_decided_by_the_name() -> None:
    rule = compile_claim_test(("iss",), "equals", "https://a.example")

    assert of_claims([rule], {}, "https://a.example") == TRUE
    assert of_claims([rule], {}, "https://b.example") == FALSE
    assert of_claims([rule], {}, None) == passes(("iss",), "equals", "https://a.example")


def test_a_login_is_strong_and_recent_and_not_in_the_future() -> None:
    """RFC 9470 §5."""
    wanted = of_step_up(StepUp(("strong",), 60), issuer(leeway_seconds=30.0), NOW)

    assert wanted == all_of(
        (
            passes(("acr",), "equals", "strong"),
            passes(("auth_time",), "at_least", NOW - 60),
            negate(passes(("auth_time",), "above", NOW + 30)),
        )
    )
    assert of_step_up(None, issuer(), NOW) == TRUE


def test_audiences_that_are_not_checked_require_nothing() -> None:
    assert of_audiences(None) == TRUE
    assert of_audiences(frozenset({"a"})) == passes(("aud",), "member", "a")


def test_each_setting_of_an_issuer_requires_something() -> None:
    base = set(conjuncts(of_issuer(issuer(), Origin("x"), NOW)))
    changed = {
        "algorithms": issuer(algorithms=frozenset({"RS256"})),
        "audiences": issuer(audiences=None),
        "profile": issuer(profile=Profile.RFC9068),
        "leeway": issuer(leeway_seconds=0.0),
        "signals": issuer(id_token_signals=frozenset()),
        "claims": issuer(claims=(compile_claim_test(("a",), "equals", 1),)),
        "scopes": ROLES,
        "trust domain": issuer(trust_domain="d.example"),
        "introspection": issuer(introspects=True),
    }
    for name, one in changed.items():
        assert set(conjuncts(of_issuer(one, Origin("x"), NOW))) != base, name


def test_an_answer_about_a_token_of_another_issuer_is_refused() -> None:
    asked = replace(issuer(), introspects=True)

    assert of_issuer(asked, Origin("https://other.example"), NOW) == FALSE
    assert passes((ALGORITHM,), "equals", "ES256") in conjuncts(
        of_issuer(asked, Origin(asked.issuer, is_opaque=True), NOW)
    )
