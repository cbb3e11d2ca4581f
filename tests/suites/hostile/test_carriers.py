"""A token counts where it is the one credential of its field, and nowhere else (RFC 6750)."""

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.suites.hostile.carriers import (
    send_elsewhere,
    send_nothing,
    send_other_schemes,
    send_twice,
)
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.run_attacks import judge
from gateway.suites.simulation.sandbox import Sandbox, Sent
from tests.suites.hostile.sandboxes import codes, control_of, refusals, variants

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
