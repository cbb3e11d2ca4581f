"""Identity headers that a client makes up: no service gets one, under any name."""

from pathlib import Path

import pytest

from gateway.decision.identity import Identity
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.run_attacks import judge
from gateway.suites.hostile.spoofed_headers import (
    FORGED,
    identity_names,
    spoof_identity,
    spoof_instead,
    spoof_on_public,
)
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sandbox, Sent
from tests.suites.hostile.sandboxes import (
    WORLD,
    codes,
    control_of,
    make_sandbox,
    refusals,
    variants,
)

SPELLINGS = {"as they are", "in capitals", "with underscores", "with dots", "as CGI variables"}


def test_beside_a_token_the_service_gets_what_the_token_says_and_nothing_else(
    order: Control, sandbox: Sandbox
) -> None:
    """CVE-2025-64484, CVE-2022-31813"""
    attacks = list(spoof_identity(order))

    for one in attacks:
        outcome = sandbox.decide(one.head)
        assert judge(one, outcome) is None, one.variant
        assert isinstance(outcome, Sent)
        assert FORGED not in outcome.head
    assert variants(attacks, "spoofed-identity") >= SPELLINGS
    assert variants(attacks, "connection-identity")


def test_without_a_token_they_open_nothing(order: Control) -> None:
    attacks = list(spoof_instead(order))

    assert refusals(order, attacks) == {"identity-without-token": codes(Reason.TOKEN_MISSING)}
    assert variants(attacks, "identity-without-token") >= SPELLINGS


def test_where_a_token_is_optional_they_vouch_for_nobody(sandbox: Sandbox) -> None:
    control = control_of(sandbox, "maybe")

    for one in spoof_instead(control):
        outcome = sandbox.decide(one.head)
        assert judge(one, outcome) is None
        assert isinstance(outcome, Sent)


def test_on_a_public_route_they_are_removed_as_well(sandbox: Sandbox) -> None:
    request = parse_request("GET", "https://shop.example/healthz")

    for one in spoof_on_public(request, [b"X-Gateway-Subject"]):
        outcome = sandbox.decide(one.head)
        assert judge(one, outcome) is None
        assert isinstance(outcome, Sent)
        assert FORGED not in outcome.head


def test_the_default_names_and_their_kin_are_tried_whatever_identity_says() -> None:
    own = Identity(((b"X-Tenant", ("tenant",)), (b"x.gateway.subject", ("sub",))), False, (b"X-P",))

    assert identity_names(own) == [
        b"x.gateway.subject",
        b"X-Gateway-Issuer",
        b"X-Gateway-Client",
        b"X-Gateway-Scopes",
        b"X-Gateway-Token-Id",
        b"X-Gateway-Assertion",
        b"Txn-Token",
        b"X-Gateway-Forged",
        b"X-P",
        b"X-Tenant",
    ]


def test_of_a_cgi_variable_the_field_that_fills_it_is_tried() -> None:
    """RFC 3875 §4.1.18"""
    own = Identity(((b"HTTP_X_User", ("sub",)), (b"Http-", ("jti",))), False)

    assert identity_names(own)[-3:] == [b"HTTP_X_User", b"Http-", b"X_User"]


@pytest.mark.parametrize("kept", ["keep", "reject"])
def test_what_becomes_of_underscores_elsewhere_makes_no_difference(
    kept: str, tmp_path: Path
) -> None:
    sandbox, _ = make_sandbox(tmp_path, WORLD + f"underscore_names: {kept}\n")
    order = control_of(sandbox, "read-order")

    for one in spoof_identity(order):
        outcome = sandbox.decide(one.head)
        assert judge(one, outcome) is None, one.variant
        assert isinstance(outcome, Deny) is (kept == "reject" and "_" in _names(one.head))


def _names(head: bytes) -> str:
    return "".join(line.partition(b":")[0].decode() for line in head.split(b"\r\n")[1:])
