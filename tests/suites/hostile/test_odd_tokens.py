"""Tokens that are read in two ways, though the issuer signed them."""

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.odd_tokens import (
    repeat_names,
    serialise_otherwise,
    write_odd_headers,
    write_odd_json,
)
from tests.suites.hostile.sandboxes import codes, refusals, variants

MALFORMED = codes(Reason.TOKEN_MALFORMED)


def test_no_name_stands_twice(order: Control) -> None:
    """7515.2"""
    forged = list(repeat_names(order))

    assert refusals(order, forged) == {"duplicate-claim": MALFORMED, "duplicate-header": MALFORMED}
    assert variants(forged, "duplicate-claim") == {"sub", "exp", "scope", "iss", "aud"}


def test_a_claim_that_the_token_lacks_stands_twice_as_well(machine: Control) -> None:
    assert "scope" not in machine.draft.claims
    assert refusals(machine, repeat_names(machine))["duplicate-claim"] == MALFORMED


def test_json_is_read_in_one_way(order: Control) -> None:
    forged = list(write_odd_json(order))

    assert refusals(order, forged) == {"odd-json": MALFORMED}
    assert {"NaN", "UTF-16", "nested 1,000 deep"} <= variants(forged, "odd-json")


def test_a_token_is_compact_and_not_encrypted(order: Control) -> None:
    found = refusals(order, serialise_otherwise(order))

    assert found == {
        "json-serialisation": MALFORMED | codes(Reason.TOKEN_REPEATED),
        "five-parts": MALFORMED,
        "dots": MALFORMED,
    }


def test_no_extension_is_understood(order: Control) -> None:
    """7515.4"""
    found = refusals(order, write_odd_headers(order))

    assert found == {"crit": MALFORMED, "b64-false": MALFORMED | codes(Reason.TOKEN_REPEATED)}
