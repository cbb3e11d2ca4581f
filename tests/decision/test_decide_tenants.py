"""Tokens of an issuer with tenants, whose keys all tenants share."""

import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from gateway.decision.decide import decide
from gateway.decision.explaining.explanation import explain
from gateway.decision.keys import KeySet
from gateway.decision.policy import Policy, TenantIssuers
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import RouteTable
from gateway.decision.tenants import Tenants
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow, Deny, NeedKeys
from tests.decision.policies import IDENTITY, NOW, claims, head, issuer, numbered, route
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
V2, V1 = "https://login.example/{tenantid}/v2.0", "https://sts.example/{tenantid}/"
ACME, GLOBEX, OTHER = (V2.replace("{tenantid}", name) for name in ("acme", "globex", "other"))
LISTED = Tenants(("tid",), frozenset({"acme", "globex"}), (V2, V1))
OPEN = Tenants(("tid",), None, (V2, V1))
NESTED = Tenants(("org", "id"), frozenset({"acme"}), (V2,))
GOOGLE = issuer(name="google", issuer="https://g.example", also_issued_as=("g.example",))


def rules(tenants: Tenants = LISTED, reports: bool = False) -> Policy:
    one = issuer(name="main", issuer=V2, tenants=tenants, reports=reports)
    table = RouteTable(numbered([route()]))
    exact = dict.fromkeys(("https://g.example", "g.example"), GOOGLE)
    return Policy(exact, table, IDENTITY, {}, 8192, tenants=TenantIssuers([one]))


def bearer(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))


ALL_KEYS = {"main": KEYS, "google": KEYS}


def ask(asked: Policy, **changes: Any) -> Any:
    return decide(head(b"/orders", bearer(**changes)), asked, ALL_KEYS, NOW)


def reason(verdict: Any) -> Reason | None:
    return verdict.reason if isinstance(verdict, Deny) else None


@pytest.mark.parametrize(
    ("tenants", "changes", "answer"),
    [
        (LISTED, {"iss": ACME, "tid": "acme"}, None),
        (LISTED, {"iss": "https://sts.example/globex/", "tid": "globex"}, None),
        (LISTED, {"iss": ACME, "tid": "globex"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": GLOBEX, "tid": "acme"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": OTHER, "tid": "other"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": OTHER, "tid": "acme"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME, "tid": "ACME"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME, "tid": ["acme"]}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME, "tid": ["globex", "acme"]}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME, "tid": {"acme": 1}}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME, "tid": ""}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ACME}, Reason.CLAIM_MISSING),
        (LISTED, {"iss": ACME, "tid": None}, Reason.CLAIM_MISSING),
        (LISTED, {"iss": V2, "tid": "{tenantid}"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": "https://login.example/acme/../globex/v2.0", "tid": "globex"},
         Reason.ISSUER_UNKNOWN),
        (OPEN, {"iss": OTHER, "tid": "other"}, None),
        (OPEN, {"iss": OTHER, "tid": "acme"}, Reason.ISSUER_UNKNOWN),
        (OPEN, {"iss": "https://login.example/a/b/v2.0", "tid": "a/b"}, Reason.ISSUER_UNKNOWN),
        (OPEN, {"iss": "https://login.example//v2.0", "tid": ""}, Reason.ISSUER_UNKNOWN),
        (NESTED, {"iss": ACME, "org": {"id": "acme"}}, None),
        (NESTED, {"iss": ACME, "tid": "acme"}, Reason.CLAIM_MISSING),
        (LISTED, {"iss": "https://g.example"}, None),
        (LISTED, {"iss": "g.example"}, None),
        (LISTED, {"iss": "https://g.example/"}, Reason.ISSUER_UNKNOWN),
        (LISTED, {"iss": ...}, Reason.CLAIM_MISSING),
        (LISTED, {"iss": 7}, Reason.CLAIM_MALFORMED),
    ],
)  # fmt: skip
def test_the_tenant_in_iss_must_be_accepted_and_be_the_token_s_own(
    tenants: Tenants, changes: dict[str, Any], answer: Reason | None
) -> None:
    """RFC 8725 §3.8: every tenant can have its tokens signed with the shared keys."""
    assert reason(ask(rules(tenants), **changes)) is answer


def test_a_stranger_s_key_signs_for_no_tenant() -> None:
    stranger, _ = make_key("ES256", which=1)
    token = b"Bearer " + mint(stranger, "ES256", claims(iss=ACME, tid="acme"))

    verdict = decide(head(b"/orders", token), rules(), ALL_KEYS, NOW)

    assert reason(verdict) is Reason.SIGNATURE_INVALID


V1_ACME = "https://sts.example/acme/"


@pytest.mark.parametrize(
    ("listed", "changes", "is_revoked"),
    [
        (ACME, {"iss": ACME, "tid": "acme"}, True),
        (ACME, {"iss": V1_ACME, "tid": "acme"}, True),
        (V1_ACME, {"iss": ACME, "tid": "acme"}, True),
        (ACME, {"iss": GLOBEX, "tid": "globex"}, False),
        (ACME, {"iss": "https://sts.example/globex/", "tid": "globex"}, False),
        ("https://g.example", {"iss": "g.example"}, True),
        ("g.example", {"iss": "https://g.example"}, True),
        ("other.example", {"iss": "https://g.example"}, False),
    ],
)
def test_an_entry_with_one_name_of_an_issuer_revokes_tokens_with_each_of_its_names(
    listed: str, changes: dict[str, Any], is_revoked: bool
) -> None:
    """Else who is revoked would still pass, with a token of the other name."""
    rule = RevocationRule("gone", frozenset({"main", "google"}), False)
    asked = replace(rules(), revocations={"main": (rule,), "google": (rule,)})
    entry = Revocation((("iss", listed), ("sub", "alice")), inf, inf)
    request = head(b"/orders", bearer(**changes))

    verdict = decide(request, asked, ALL_KEYS, NOW, revocations={"gone": RevocationList([entry])})

    assert (reason(verdict) is Reason.TOKEN_REVOKED) is is_revoked


def test_services_and_logs_receive_the_iss_that_the_token_has() -> None:
    verdict = ask(rules(), iss="https://sts.example/acme/", tid="acme")

    assert isinstance(verdict, Allow)
    assert verdict.token is not None
    log = json.loads(b'{"subject":' + verdict.token.log_subject + b"}")
    assert log == {"subject": "alice", "iss": "https://sts.example/acme/"}
    assert verdict.token.claims.all["iss"] == "https://sts.example/acme/"
    assert verdict.token.claims.issuer == ACME  # the tenant, whichever name signed


def test_the_log_names_no_iss_that_the_issuer_always_has() -> None:
    verdict = ask(rules(), iss="https://g.example")

    assert isinstance(verdict, Allow)
    assert verdict.token is not None
    assert verdict.token.log_subject == b'"alice"'


def test_an_issuer_that_only_reports_reports_other_tenants() -> None:
    verdict = ask(rules(reports=True), iss=ACME, tid="globex")

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert verdict.would_deny.reason is Reason.ISSUER_UNKNOWN
    assert verdict.identity_fields == b""


def test_a_refusal_is_forgotten_when_the_shared_keys_change() -> None:
    """The cache of refused tokens holds as long as all key sets do, those of tenants included."""
    stranger, strange = make_key("ES256", which=1)
    token = b"Bearer " + mint(stranger, "ES256", claims(iss=ACME, tid="acme"))
    asked, memo = rules(), TokenMemo()

    before = decide(head(b"/orders", token), asked, ALL_KEYS, NOW, memo.authenticate)
    changed = {**ALL_KEYS, "main": KeySet(strange.keys)}
    after = decide(head(b"/orders", token), asked, changed, NOW, memo.authenticate)

    assert reason(before) is Reason.SIGNATURE_INVALID
    assert isinstance(after, Allow)


@pytest.mark.parametrize(
    ("changes", "check", "expected", "found"),
    [
        ({"iss": ACME, "tid": "acme"}, "tenant", "tid is 'acme', as iss says", "tid is 'acme'"),
        ({"iss": ACME, "tid": "x"}, "tenant", "tid is 'acme', as iss says", "tid is 'x'"),
        (
            {"iss": "https://login.example/x/v2.0", "tid": "x"},
            "issuer",
            f"iss is one of: https://g.example, g.example, {V2}, {V1} with one of 2 tenants",
            "iss is 'https://login.example/x/v2.0'",
        ),
    ],
)
def test_the_tenant_is_a_step_of_an_explanation(
    changes: dict[str, Any], check: str, expected: str, found: str
) -> None:
    explained = explain(head(b"/orders", bearer(**changes)), rules(), ALL_KEYS, NOW, {})

    (step,) = [one for one in explained.steps if one.check.value == check]
    assert (step.expected, step.found) == (expected, found)
    assert step.holds is isinstance(explained.verdict, Allow)


def test_other_faults_come_before_the_tenant_in_an_explanation() -> None:
    asked = head(b"/orders", bearer(iss=ACME, tid="acme", exp=...))

    explained = explain(asked, rules(), ALL_KEYS, NOW, {})

    assert [one.check.value for one in explained.steps][-1] == "claims"
    assert explained.steps[-1].reason is Reason.CLAIM_MISSING


def test_the_keys_are_asked_for_by_the_issuer_of_all_tenants() -> None:
    verdict = decide(head(b"/orders", bearer(iss=ACME, tid="acme")), rules(), {}, NOW)

    assert isinstance(verdict, NeedKeys)
    assert verdict.issuer_name == "main"


def test_an_issuer_is_known_by_its_name_in_the_configuration() -> None:
    asked = rules()

    assert asked.named(V2) is asked.trusted[-1]
    assert asked.named("https://g.example") is GOOGLE
    assert asked.named(ACME) is None
    assert [one.name for one in asked.trusted] == ["google", "main"]
    assert rules(OPEN).named("x") is None


def test_an_issuer_without_tenants_issues_under_its_exact_names() -> None:
    assert [GOOGLE.may_issue(iss) for iss in ("https://g.example", "g.example", "g.example/")] == [
        True, True, False,
    ]  # fmt: skip
