"""A token counts where it is the one credential of its field, and nowhere else (RFC 6750)."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.suites.hostile.carriers import (
    send_elsewhere,
    send_nothing,
    send_other_schemes,
    send_twice,
)
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.run_attacks import Campaign, judge
from gateway.suites.simulation.sandbox import Sandbox, Sent
from tests.suites.hostile.sandboxes import codes, control_of, make_sandbox, refusals, variants
from tests.suites.hostile.weak import forgiving
from tests.suites.samples.test_second_tokens import TWO

MISSING, REPEATED = codes(Reason.TOKEN_MISSING), codes(Reason.TOKEN_REPEATED)
MALFORMED = codes(Reason.TOKEN_MALFORMED)


def test_a_token_is_missing_where_none_is_sent(order: Control) -> None:
    assert refusals(order, send_nothing(order)) == {"no-token": MISSING}


def test_a_token_anywhere_else_is_none(order: Control) -> None:
    found = refusals(order, send_elsewhere(order))

    names = ("token-elsewhere", "token-in-query", "token-in-body")
    assert found == dict.fromkeys(names, MISSING)


def test_another_scheme_is_no_token_and_bearer_has_one(order: Control) -> None:
    found = refusals(order, send_other_schemes(order))

    assert found == {"other-scheme": MISSING, "broken-scheme": MALFORMED}


def test_two_credentials_are_refused_in_each_order(order: Control) -> None:
    attacks = list(send_twice(order))

    found = refusals(order, attacks)

    assert found["two-credentials"] == REPEATED
    assert found["joined-credentials"] <= REPEATED | MISSING
    assert {"a good one, then a bad one", "a bad one, then a good one"} <= variants(
        attacks, "two-credentials"
    )


def test_where_a_token_is_optional_nobody_may_pass_as_nobody(sandbox: Sandbox) -> None:
    """And whoever sends a credential that does not hold is refused."""
    control = control_of(sandbox, "maybe")

    passed = list(send_nothing(control)) + list(send_elsewhere(control))
    for one in passed:
        outcome = sandbox.decide(one.head)
        assert judge(one, outcome) is None
        assert isinstance(outcome, Sent)
        assert outcome.allow.token is None
    for one in (*send_other_schemes(control), *send_twice(control)):
        assert isinstance(sandbox.decide(one.head), Deny)


def test_no_token_stands_in_what_is_shown(order: Control) -> None:
    for send in (send_elsewhere, send_other_schemes, send_twice):
        assert {one.shown for one in send(order)} == {order.request.line}


OWN_FIELDS = {
    "a field of its own": "token_from: [{header: X-Api-Token}]",
    "one that is tried elsewhere": "token_from: [{header: X-Access-Token}]",
    "that of others for the second": "token_from: [{header: X-User-Token}]",
}


def with_own_field(text: str) -> str:
    """Return the world with two tokens, the first one in a field of its own."""
    whole = TWO.replace("    upstream: orders\n", f"    upstream: orders\n    {text}\n", 1)
    if "X-User-Token" in text:
        whole = whole.replace("header: X-Workload-Token", "header: Authorization")
    return whole.replace("require: {issuers: [main]}}", f"require: {{issuers: [main]}}, {text}}}")


@pytest.mark.parametrize("name", OWN_FIELDS)
@pytest.mark.parametrize("route", ["one", "both"])
def test_a_route_with_a_field_of_its_own_is_attacked_there(
    route: str, name: str, tmp_path: Path
) -> None:
    text = with_own_field(OWN_FIELDS[name])
    sandbox, loaded = make_sandbox(tmp_path, text)
    control = control_of(sandbox, route)

    report = Campaign(sandbox, loaded.places).run()
    attacked = next(one for one in report.routes if one.route == route)

    assert report.failures == ()
    assert len(attacked.counts) > 25
    elsewhere = variants(send_elsewhere(control), "token-elsewhere")
    is_second = route == "both" and "X-User-Token" in text
    assert ("Authorization" in elsewhere) is not is_second
    assert ("X-Access-Token" in elsewhere) is ("X-Access-Token" not in text)
    assert refusals(control, send_twice(control))["two-credentials"] == REPEATED
    assert "no scheme" not in variants(send_other_schemes(control), "other-scheme")


def test_whoever_forgives_what_is_in_a_field_of_its_own_is_found(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path, with_own_field(OWN_FIELDS["a field of its own"]))
    weak = forgiving(Reason.SIGNATURE_INVALID, Reason.TOKEN_EXPIRED, Reason.TOKEN_MISSING)

    report = Campaign(sandbox, loaded.places, (), weak(sandbox)).run()

    found = {one.name for one in report.failures if one.route == "one"}
    assert found >= {"strange-key", "expired", "no-token", "token-elsewhere", "payload-changed"}
