"""Tokens of the issuer that are for another time, audience or use."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.suites.hostile.arsenal import forge_tokens
from gateway.suites.hostile.attack import send
from gateway.suites.hostile.control import Cases, Control
from gateway.suites.hostile.run_attacks import Campaign, judge
from gateway.suites.hostile.wrong_claims import (
    forge_audiences,
    forge_issuers,
    forge_kinds,
    forge_subjects,
    forge_tenants,
    forge_times,
)
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import (
    WORLD,
    attack,
    codes,
    control_of,
    make_sandbox,
    refusals,
    variants,
)
from tests.suites.hostile.weak import forgiving

MALFORMED, MISSING = codes(Reason.CLAIM_MALFORMED), codes(Reason.CLAIM_MISSING)
MISMATCH, TYPE = codes(Reason.AUDIENCE_MISMATCH), codes(Reason.TOKEN_TYPE_MISMATCH)


def test_an_issuer_is_itself_and_nothing_like_it(order: Control) -> None:
    forged = list(forge_issuers(order))

    unknown = codes(Reason.ISSUER_UNKNOWN)
    assert refusals(order, forged) == {"wrong-issuer": unknown | MALFORMED | MISSING}
    assert {"a slash more or less", "unknown"} <= variants(forged, "wrong-issuer")


def test_what_is_another_issuer_of_the_configuration_is_not_unknown(tmp_path: Path) -> None:
    """`https://partner.example` and `https://partner.example/` are two."""
    text = WORLD.replace("https://login.example/", "https://partner.example/")
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "read-order")

    assert "a slash more or less" not in variants(forge_issuers(control), "wrong-issuer")


V2, V1 = "https://login.example/{tenantid}/v2.0", "https://sts.example/{tenantid}/"
TENANTS = f"""\
version: 1
issuers:
  main:
    issuer: "{V2}"
    also_issued_as: ["{V1}"]
    jwks_url: "https://login.example/keys"
    audiences: [orders]
    algorithms: [EdDSA]
    tenants: {{allow: ALLOW}}
upstreams:
  orders: {{servers: ["http://10.0.0.7:8000"]}}
routes:
  - {{name: any, match: {{path: /any}}, upstream: orders, require: {{}}}}
"""


@pytest.mark.parametrize("allow", ["[acme, globex]", "[acme]", "any"])
def test_no_tenant_passes_for_another(allow: str, tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, TENANTS.replace("ALLOW", allow))
    control = control_of(sandbox, "any")

    forged = list(forge_tenants(control))

    assert refusals(control, forged) == {"wrong-tenant": codes(Reason.ISSUER_UNKNOWN) | MISSING}
    assert {"of another in iss", "with a slash", "the placeholder"} <= variants(
        forged, "wrong-tenant"
    )
    assert ("a stranger's" in variants(forged, "wrong-tenant")) is (allow != "any")
    unknown = codes(Reason.ISSUER_UNKNOWN) | MALFORMED | MISSING
    assert refusals(control, forge_issuers(control)) == {"wrong-issuer": unknown}


def test_a_gateway_that_compares_no_tenants_is_found_out(tmp_path: Path) -> None:
    text = TENANTS.replace("ALLOW", "[acme, globex]")
    sandbox, loaded = make_sandbox(tmp_path, text)
    weak = forgiving(Reason.ISSUER_UNKNOWN)(sandbox)

    report = Campaign(sandbox, loaded.places, (), weak).run()

    assert "wrong-tenant" in {one.name for one in report.failures}
    assert attack(tmp_path, text).failures == ()


def test_an_issuer_without_tenants_has_none_to_attack(order: Control) -> None:
    assert list(forge_tenants(order)) == []


def test_a_token_counts_in_its_time(order: Control) -> None:
    found = refusals(order, forge_times(order))

    assert found == {
        "expired": codes(Reason.TOKEN_EXPIRED),
        "not-yet-valid": codes(Reason.TOKEN_NOT_YET_VALID),
        "from-the-future": codes(Reason.TOKEN_NOT_YET_VALID),
        "no-end": MISSING,
        "odd-time": MALFORMED,
    }


def test_a_token_is_for_this_api(order: Control) -> None:
    forged = list(forge_audiences(order))

    assert refusals(order, forged) == {
        "wrong-audience": MISMATCH | MALFORMED,
        "no-audience": MISSING,
        "audience-of-another-route": MISMATCH,
    }
    assert variants(forged, "audience-of-another-route") == {"accounts"}


def test_where_no_audience_is_checked_a_token_for_another_api_gets_through(tmp_path: Path) -> None:
    text = WORLD.replace("secret_env: CI_SECRET, audiences: [orders]", UNCHECKED)
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")

    through = {
        one.name
        for one in send(forge_audiences(control), control)
        if judge(one, sandbox.decide(one.head)) is not None
    }

    assert through == {"wrong-audience", "no-audience"}


UNCHECKED = "secret_env: CI_SECRET, audiences: unchecked"


def test_only_access_tokens_are_access_tokens(order: Control) -> None:
    """8725.11"""
    forged = list(forge_kinds(order))

    kinds = {"id-token", "logout-token", "security-event", "introspection", "other-type"}
    assert refusals(order, forged) == {**dict.fromkeys(kinds, TYPE), "claim-absent": MISSING}
    assert variants(forged, "claim-absent") == {"aud", "client_id", "exp", "iat", "jti", "sub"}
    assert {"any JWT", "absent"} <= variants(forged, "other-type")


def test_only_signals_that_the_issuer_looks_for_are_sent(tmp_path: Path) -> None:
    signals = "secret_env: CI_SECRET, id_token_signals: [token_use, azp],"
    sandbox, _ = make_sandbox(tmp_path, WORLD.replace("secret_env: CI_SECRET,", signals))
    control = control_of(sandbox, "any", "ci")
    forged = list(forge_kinds(control))

    assert variants(forged, "id-token") == {"by its token_use", "by its azp"}
    assert refusals(control, forged)["id-token"] == TYPE


def test_a_rule_of_the_issuer_about_the_audience_may_refuse_first(tmp_path: Path) -> None:
    rule = "secret_env: CI_SECRET, require: {claims: {aud: {equals: orders}}},"
    sandbox, _ = make_sandbox(tmp_path, WORLD.replace("secret_env: CI_SECRET,", rule))
    control = control_of(sandbox, "machines", "ci")

    found = refusals(control, forge_audiences(control))

    assert found["wrong-audience"] == codes(Reason.CLAIM_RULE_FAILED, Reason.CLAIM_MALFORMED)


@pytest.mark.parametrize("issuer", ["partner", "ci"])
def test_where_any_jwt_is_a_token_other_kinds_are_still_none(issuer: str, sandbox: Sandbox) -> None:
    control = control_of(sandbox, "any", issuer)
    forged = list(forge_kinds(control))

    kinds = {"id-token", "logout-token", "security-event", "introspection", "other-type"}
    assert refusals(control, forged) == dict.fromkeys(kinds, TYPE)
    assert "any JWT" not in variants(forged, "other-type")


MESH = """\
version: 1
issuers:
  mesh: {issuer: "spiffe://example.org", jwks_url: "https://spire/bundle", audiences: [orders]}
  login: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - {name: any, match: {path: /any}, upstream: orders, require: {issuers: [mesh]}}
  - {name: people, match: {path: /people}, upstream: orders, require: {issuers: [login]}}
"""


def test_a_workload_is_one_of_its_trust_domain(tmp_path: Path) -> None:
    """SVID.1, SVID.2: in no other spelling."""
    sandbox, _ = make_sandbox(tmp_path, MESH)
    control = control_of(sandbox, "any")
    forged = list(forge_subjects(control))

    assert refusals(control, forged) == {"wrong-trust-domain": MALFORMED}
    assert len(forged) == 15


UNNAMED = Persona("worker", "mesh", without=frozenset({"iss"}))
UNNAMED_CASE = (UNNAMED, parse_request("GET", "https://some.example/any"))


def test_a_workload_without_iss_is_of_the_trust_domain_that_it_says(tmp_path: Path) -> None:
    """SVID.1: another trust domain is another issuer, and no SPIFFE ID is none."""
    sandbox, loaded = make_sandbox(tmp_path, MESH)
    control = control_of(sandbox, "any", cases=[UNNAMED_CASE])
    forged = list(forge_subjects(control))

    found = refusals(control, forged)

    assert control.caller == "worker"
    assert found == {"wrong-trust-domain": codes(Reason.ISSUER_UNKNOWN) | MISSING}
    assert len(forged) == 15
    assert Campaign(sandbox, loaded.places, [UNNAMED_CASE]).run().failures == ()


def test_another_trust_domain_that_is_trusted_is_no_wrong_one(tmp_path: Path) -> None:
    below = 'x: {issuer: "spiffe://x.example.org", jwks_url: "https://x/", audiences: [orders]}'
    text = MESH.replace("issuers:\n", f"issuers:\n  {below}\n", 1)
    sandbox, loaded = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "any", "mesh", [UNNAMED_CASE])

    assert "of one below it" not in variants(forge_subjects(control), "wrong-trust-domain")
    assert Campaign(sandbox, loaded.places, [UNNAMED_CASE]).run().failures == ()


@pytest.mark.parametrize("cases", [(), (UNNAMED_CASE,)], ids=["with iss", "without"])
def test_whoever_lets_another_trust_domain_through_is_found(cases: Cases, tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path, MESH)
    weak = forgiving(Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING, Reason.ISSUER_UNKNOWN)

    report = Campaign(sandbox, loaded.places, cases, weak(sandbox)).run()

    assert "wrong-trust-domain" in {one.name for one in report.failures}


def test_every_forgery_of_a_svid_is_refused(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, MESH)
    control = control_of(sandbox, "any")

    found = refusals(control, forge_tokens(control))

    assert {"wrong-issuer", "wrong-trust-domain", "no-audience", "id-token"} <= found.keys()


def test_a_svid_is_no_token_of_somebody_else(tmp_path: Path, order: Control) -> None:
    sandbox, _ = make_sandbox(tmp_path, MESH)
    control = control_of(sandbox, "people")

    found = refusals(control, forge_tokens(control))

    assert found["issuer-not-accepted"] == codes(Reason.ISSUER_NOT_ACCEPTED)
    assert list(forge_subjects(order)) == []
