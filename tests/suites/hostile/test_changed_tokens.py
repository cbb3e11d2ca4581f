"""Tokens that were changed after they were signed, or are spelt otherwise."""

import pytest

from gateway.decision.reason import Reason
from gateway.suites.hostile.changed_tokens import (
    change_parts,
    change_payloads,
    change_signatures,
    spell_otherwise,
)
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import codes, control_of, refusals, variants

MALFORMED, INVALID = codes(Reason.TOKEN_MALFORMED), codes(Reason.SIGNATURE_INVALID)


def test_each_part_is_cut(order: Control) -> None:
    forged = list(change_parts(order))

    found = refusals(order, forged)

    assert found.keys() == {"truncated", "signature-stripped", "five-parts"}
    assert found["five-parts"] == MALFORMED
    assert found["signature-stripped"] == INVALID
    assert {f"half of the {part}" for part in ("header", "payload", "signature")} <= variants(
        forged, "truncated"
    )


def test_a_signature_is_of_its_own_token(order: Control) -> None:
    forged = list(change_signatures(order))

    assert refusals(order, forged) == {"signature-of-another": INVALID}
    assert {"without its last octet", "with an octet more"} <= variants(
        forged, "signature-of-another"
    )


def test_so_is_that_of_a_secret(machine: Control) -> None:
    forged = [one for one in change_signatures(machine) if one.variant != "repeated"]

    assert refusals(machine, forged) == {"signature-of-another": INVALID}


def test_the_numbers_of_a_curve_are_tried_where_there_is_one(
    order: Control, machine: Control
) -> None:
    """CVE-2022-21449"""
    numbers = "r and s are the order"

    assert numbers in variants(change_signatures(order), "signature-of-another")
    assert numbers not in variants(change_signatures(machine), "signature-of-another")


def test_what_was_signed_is_what_counts(order: Control) -> None:
    found = refusals(order, change_payloads(order))

    assert found == {"payload-changed": INVALID, "header-changed": INVALID}


@pytest.mark.parametrize("route", ["read-order", "any", "machines"])
def test_a_token_has_one_spelling(route: str, sandbox: Sandbox) -> None:
    control = control_of(sandbox, route)
    forged = list(spell_otherwise(control))

    assert refusals(control, forged) == {"re-encoded": MALFORMED}
    assert "stray bits in the signature" in variants(forged, "re-encoded")


def test_what_is_spelt_otherwise_is_not_the_token_itself(order: Control) -> None:
    """Also where the token has none of the characters in which the alphabets differ."""
    good = set(order.draft.sign().split(b"."))
    forged = {one.variant: one.token for one in spell_otherwise(order)}

    standard = forged["the standard alphabet, signed"]
    assert b"+" in standard
    assert b"/" in standard
    assert len(set(forged.values())) == len(forged)
    assert not good & set(forged.values())
