"""What became of a request is compared with all that was expected of it."""

from pathlib import Path

import pytest

from gateway.suites.running.judge import Outcome, describe_cause
from tests.suites.login_world import LOGIN_ESTATE
from tests.suites.samples.test_second_tokens import TWO
from tests.suites.worlds import ESTATE, SUITE, make


def judged(
    directory: Path,
    expectation: str,
    path: str = "/tenants/acme/orders/7",
    persona: str = "issuer: main, claims: {scope: 'orders:read', tenant: acme}",
    gateway: str = ESTATE,
) -> Outcome:
    suite = (
        f"version: 1\ngateway: gateway.yaml\npersonas: {{p: {{{persona}}}}}\n"
        f"tests: [{{name: t, request: 'GET https://h{path}', expect: {{p: {expectation}}}}}]\n"
    )
    ready = make(directory, suite, gateway)
    ((test, name),) = ready.cases()
    return ready.judge(test, name)


@pytest.mark.parametrize(
    "demands",
    [
        "allow",
        "{allow: {}}",
        "{allow: {route: read-order, upstream: orders}}",
        "{allow: {target: /tenants/acme/orders/7}}",
        "{allow: {headers: {x-gateway-subject: p}, absent: [Authorization]}}",
        "{allow: {present: [X-Request-Id, via]}}",
    ],
)
def test_what_is_true_passes(demands: str, tmp_path: Path) -> None:
    outcome = judged(tmp_path, demands)

    assert outcome.passed
    assert outcome.got == "allow"
    assert all(step.holds for step in outcome.explain().steps)


def called(directory: Path, expectation: str, persona: str) -> Outcome:
    suite = (
        f"version: 1\ngateway: gateway.yaml\npersonas: {{p: {{{persona}}}}}\n"
        "tests: [{name: t, request: {url: 'https://h/tenants/acme/orders/7', grpc: true},"
        f" expect: {{p: {expectation}}}}}]\n"
    )
    ready = make(directory, suite, WITH_CALLS)
    ((test, name),) = ready.cases()
    return ready.judge(test, name)


WITH_CALLS = ESTATE.replace("methods: [GET]", "methods: [POST]")
ALICE = "issuer: main, claims: {scope: 'orders:read', tenant: acme}"
STRANGER = "issuer: main, claims: {scope: 'other', tenant: acme}"


@pytest.mark.parametrize(
    ("expectation", "persona"),
    [
        ("allow", ALICE),
        ("{allow: {headers: {X-Gateway-Subject: p, Content-Type: application/grpc}}}", ALICE),
        ("PERMISSION_DENIED", STRANGER),
        ("scope_missing", STRANGER),
        ("UNAUTHENTICATED", "anonymous: true"),
    ],
)
def test_a_call_of_grpc_may_be_judged_by_its_status(
    expectation: str, persona: str, tmp_path: Path
) -> None:
    outcome = called(tmp_path, expectation, persona)

    assert outcome.differences == ()
    assert outcome.explain().steps[0].expected.startswith("one well-formed HTTP/2 request")


@pytest.mark.parametrize(
    ("expectation", "persona", "difference"),
    [
        ("PERMISSION_DENIED", ALICE, "expected PERMISSION_DENIED, got allow"),
        (
            "PERMISSION_DENIED",
            "anonymous: true",
            "expected PERMISSION_DENIED, got UNAUTHENTICATED, for token_missing",
        ),
    ],
)
def test_a_call_with_another_status_fails(
    expectation: str, persona: str, difference: str, tmp_path: Path
) -> None:
    assert called(tmp_path, expectation, persona).differences == (difference,)


@pytest.mark.parametrize(
    ("demands", "differences"),
    [
        ("token_missing", ["expected token_missing, got allow"]),
        ("published", ["expected published, got allow"]),
        ("{allow: {route: any}}", ["the route: expected any, got read-order"]),
        (
            "{allow: {target: /b}}",
            ["the target: expected /b, got /tenants/acme/orders/7"],
        ),
        (
            "{allow: {headers: {X-Gateway-Subject: q, X-Own: a}}}",
            [
                "the header X-Gateway-Subject: expected 'q', got 'p'",
                "the header X-Own: expected 'a', got none",
            ],
        ),
        (
            "{allow: {headers: {X-Gateway-Subject: [p, q]}}}",
            ["the header X-Gateway-Subject: expected 'p' and 'q', got 'p'"],
        ),
        ("{allow: {present: [X-Own]}}", ["the header X-Own: expected it, got none"]),
        (
            "{allow: {absent: [x-gateway-subject]}}",
            ["the header x-gateway-subject: expected none, got 'p'"],
        ),
        (
            "{allow: {would_deny: scope_missing}}",
            ["expected allow, with scope_missing only reported, got allow"],
        ),
    ],
)
def test_what_is_not_true_is_told(demands: str, differences: list[str], tmp_path: Path) -> None:
    outcome = judged(tmp_path, demands)

    assert not outcome.passed
    assert list(outcome.differences) == differences


def test_another_upstream_is_told(tmp_path: Path) -> None:
    two = ESTATE.replace("  orders: {s", '  shop: {servers: ["http://shop"]}\n  orders: {s')
    gateway = two.replace("upstream: orders, require: {}", "upstream: shop, require: {}")

    outcome = judged(tmp_path, "{allow: {upstream: orders}}", "/any", gateway=gateway)

    assert outcome.differences == ("the upstream: expected orders, got shop",)


def test_a_refusal_must_have_its_reason(tmp_path: Path) -> None:
    assert judged(tmp_path, "claim_rule_failed", "/tenants/globex/orders/7").passed
    assert not judged(tmp_path, "scope_missing", "/tenants/globex/orders/7").passed
    outcome = judged(tmp_path, "allow", "/tenants/globex/orders/7")
    assert outcome.differences == ("expected allow, got claim_rule_failed",)
    assert not outcome.explain().steps[-1].holds


def test_what_is_let_through_by_grace_is_not_simply_allowed(tmp_path: Path) -> None:
    """Or nobody would notice that a route only reports."""
    reporting = ESTATE.replace("  - name: read-order\n", "  - name: read-order\n    mode: report\n")
    other = "/tenants/globex/orders/7"

    strict = judged(tmp_path, "allow", other, gateway=reporting)
    knowing = judged(tmp_path, "{allow: {would_deny: claim_rule_failed}}", other, gateway=reporting)
    without_identity = judged(
        tmp_path,
        "{allow: {would_deny: claim_rule_failed, absent: [X-Gateway-Subject]}}",
        other,
        gateway=reporting,
    )

    assert strict.differences == (
        "expected allow, got allow, with claim_rule_failed only reported",
    )
    assert knowing.passed
    assert without_identity.passed


def test_a_document_for_everybody_is_published(tmp_path: Path) -> None:
    gateway = ESTATE.replace("audiences: [shop, orders]", "audiences: ['https://h/shop']") + (
        "resources: {shop: {resource: 'https://h/shop', authorization_servers: [partner]}}\n"
    )
    path = "/.well-known/oauth-protected-resource/shop"

    assert judged(tmp_path, "published", path, "anonymous: true", gateway).passed
    assert not judged(tmp_path, "allow", path, "anonymous: true", gateway).passed


def test_a_token_that_is_forwarded_is_not_shown(tmp_path: Path) -> None:
    gateway = ESTATE + "identity: {forward_token: true}\n"

    outcome = judged(tmp_path, "{allow: {absent: [authorization]}}", gateway=gateway)

    assert outcome.differences == (
        "the header authorization: expected none, got a credential (hidden)",
    )
    assert judged(tmp_path, "{allow: {present: [authorization]}}", gateway=gateway).passed


def test_a_suite_that_is_right_passes(tmp_path: Path) -> None:
    ready = make(tmp_path, SUITE)

    assert all(ready.judge(test, persona).passed for test, persona in ready.cases())


@pytest.mark.parametrize(
    ("path", "browser", "cause"),
    [
        ("/oauth/userinfo", "page", "the login itself responds"),
        ("/app/7", "navigation", "session: expected a bearer token, or a session of: web, staff"),
    ],
)
def test_a_login_in_place_of_an_answer_says_why(
    path: str, browser: str, cause: str, tmp_path: Path
) -> None:
    suite = (
        f"version: 1\ngateway: gateway.yaml\npersonas: {{p: {{anonymous: true,"
        f" browser: {browser}}}}}\n"
        f"tests: [{{name: t, request: 'GET https://app.example{path}', expect: {{p: allow}}}}]\n"
    )
    ready = make(tmp_path, suite, LOGIN_ESTATE)
    ((test, name),) = ready.cases()

    outcome = ready.judge(test, name)

    assert (outcome.got, outcome.differences) == ("login", ("expected allow, got login",))
    assert cause in describe_cause(outcome, ready.loaded.places)


TWO_TOKENS = """\
version: 1
gateway: gateway.yaml
personas:
  alice: {issuer: main}
  cart: {issuer: mesh}
tests:
  - name: both
    request: GET https://h/t/x
    also: cart
    expect: {alice: %s, others: token_repeated}
  - {name: one, request: GET https://h/t/x, expect: {others: token_missing}}
"""


def test_a_test_names_the_persona_of_the_second_token(tmp_path: Path) -> None:
    gateway = TWO.replace("scopes: [read]", "scopes: {none: [x]}").replace(
        '        scopes: [mesh:call]\n        claims: {tenant: {equals: "{path.tenant}"}}\n',
        "        identity: {headers: {X-Workload: sub}}\n",
    )
    allowed = "{allow: {headers: {X-Workload: cart}, absent: [X-Workload-Token]}}"
    ready = make(tmp_path, TWO_TOKENS % allowed, gateway)

    got = [(name, ready.judge(test, name).got) for test, name in ready.cases()]

    assert got[0] == ("alice", "allow")
    assert ready.judge(*next(iter(ready.cases()))).passed
    assert [one for _, one in got[2:]] == ["token_missing", "issuer_not_accepted"]
