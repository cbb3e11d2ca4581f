"""Each token is of one origin, and each policy has one issuer for all tokens of an origin."""

from dataclasses import replace

from gateway.decision.policy import Issuer, Policy, TenantIssuers
from gateway.decision.tenants import Tenants
from gateway.suites.symbolic.formula import TRUE, all_of, any_of, negate, passes
from gateway.suites.symbolic.origins import find_issuer, find_origins
from gateway.suites.symbolic.requirements import Origin
from tests.decision.policies import ISSUER, issuer, policy

PATTERN = "https://cloud.example/{tenantid}/v2"


def tenanted(*allowed: str, pattern: str = PATTERN, claim: str = "tid") -> Issuer:
    tenants = Tenants((claim,), frozenset(allowed) or None, (pattern,))
    return issuer(name="cloud", issuer=pattern, tenants=tenants)


def with_tenants(one: Issuer, *plain: Issuer) -> Policy:
    return replace(policy(issuers=plain or (issuer(),)), tenants=TenantIssuers([one]))


def test_each_name_is_an_origin() -> None:
    alias = "https://alias.example"
    rules = policy(issuers=(issuer(also_issued_as=(alias,)),))
    rules = replace(rules, issuers={**rules.issuers, alias: rules.issuers[ISSUER]})

    assert find_origins(policy(), rules) == ((Origin(ISSUER), Origin(alias)), ())
    assert find_issuer(rules, Origin(alias)) == (rules.issuers[ISSUER], TRUE)
    assert find_issuer(policy(), Origin(alias)) is None


def test_tenants_are_one_origin_whoever_they_are() -> None:
    rules = with_tenants(tenanted("a", "b"))
    origins, problems = find_origins(rules, rules)

    assert origins == (Origin(ISSUER), Origin(pattern=PATTERN))
    assert problems == ()
    found = find_issuer(rules, origins[1])
    assert found is not None
    assert found[1] == any_of(passes(("tid",), "equals", one) for one in "ab")


def test_a_tenant_that_is_an_issuer_of_its_own_is_none_of_the_others() -> None:
    own = issuer(name="own", issuer="https://cloud.example/acme/v2")
    before, after = policy(issuers=(own,)), with_tenants(tenanted())
    origins, _ = find_origins(before, after)

    assert origins == (
        Origin(ISSUER),
        Origin(own.issuer),
        Origin(pattern=PATTERN, excluded=frozenset({"acme"})),
    )
    found = find_issuer(after, origins[2])
    assert found is not None
    acme = passes(("tid",), "equals", "acme")
    assert found[1] == all_of((passes(("tid",), "tenant"), negate(acme)))
    named = find_issuer(after, origins[1])
    assert named is not None
    assert named[1] == acme
    assert find_issuer(before, origins[1]) == (own, TRUE)


def test_tenants_under_another_pattern_are_named_one_by_one() -> None:
    before = with_tenants(tenanted("x", pattern="https://cloud.example/{tenantid}"))
    after = with_tenants(tenanted(pattern="https://cloud.example{tenantid}"))

    assert find_origins(before, after)[0][1:] == (
        Origin(pattern="https://cloud.example{tenantid}"),
    )


def test_what_may_be_the_same_tenant_by_another_name_is_said() -> None:
    before = with_tenants(tenanted(pattern="https://cloud.example/{tenantid}"))

    assert find_origins(before, with_tenants(tenanted()))[1] == (
        "tenants of cloud may have been tenants under another name",
    )
    before = with_tenants(tenanted(claim="tenant"))
    assert find_origins(before, with_tenants(tenanted()))[1] == (
        "tenants of cloud are in another claim than before",
    )


def test_workloads_without_an_issuer_are_of_their_trust_domain() -> None:
    rules = policy(issuers=(issuer(trust_domain="d.example"),))

    assert Origin(domain="d.example") in find_origins(policy(), rules)[0]
    within = passes(("sub",), "workload", "d.example")
    assert find_issuer(rules, Origin(domain="d.example")) == (rules.issuers[ISSUER], within)
    assert find_issuer(policy(), Origin(domain="d.example")) is None
