"""Tokens signed by strangers: whatever their headers say, the issuer's keys decide."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.suites.hostile.arsenal import forge_tokens
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.strange_keys import (
    forge_with_key_ids,
    forge_with_key_inside,
    forge_with_keys_of_others,
    forge_with_other_algorithm,
    forge_with_own_key,
)
from tests.suites.hostile.sandboxes import codes, control_of, make_sandbox, refusals, variants

SIGNATURE = codes(Reason.SIGNATURE_INVALID)
UNKNOWN = codes(Reason.KEY_UNKNOWN)


def test_a_stranger_signs_under_the_name_of_the_issuers_key(order: Control) -> None:
    forged = list(forge_with_own_key(order))

    assert refusals(order, forged[:1]) == {"strange-key": SIGNATURE}
    assert variants(forged, "strange-key") == {"", "without a key id"}


def test_a_key_id_leads_to_no_file_table_or_url(order: Control) -> None:
    """8725.8"""
    forged = list(forge_with_key_ids(order))

    found = refusals(order, forged)

    assert found == {"kid-trick": UNKNOWN, "kid-odd": codes(Reason.TOKEN_MALFORMED)}
    assert {"a path", "SQL", "a URL", "empty"} <= variants(forged, "kid-trick")


def test_a_key_that_a_token_brings_along_is_not_looked_at(order: Control) -> None:
    """8725.9"""
    forged = list(forge_with_key_inside(order))

    named = [one for one in forged if not one.variant]
    unnamed = [one for one in forged if one.variant]

    names = {"embedded-jwk", "embedded-jwk-set", "jku", "jku-near", "x5u", "x5c"}
    assert refusals(order, named) == dict.fromkeys(names, SIGNATURE)
    assert refusals(order, unnamed) == dict.fromkeys(names, UNKNOWN)


def test_a_secret_that_a_token_brings_along_is_not_looked_at(machine: Control) -> None:
    names = {one.name for one in forge_with_key_inside(machine)}

    assert refusals(machine, forge_with_key_inside(machine)).keys() == names


def test_an_issuer_signs_in_nobody_elses_name(order: Control) -> None:
    forged = list(forge_with_keys_of_others(order))

    found = refusals(order, forged)

    assert variants(forged, "key-of-another-issuer") == {
        "partner, with its own key id",
        "partner, with the key id of this",
        "ci, with its own key id",
        "ci, with the key id of this",
    }
    reasons = codes(Reason.KEY_UNKNOWN, Reason.ALGORITHM_NOT_ALLOWED)
    assert found == {"key-of-another-issuer": reasons}


def test_an_issuer_signs_by_what_is_allowed_alone(order: Control, machine: Control) -> None:
    found = refusals(order, forge_with_other_algorithm(order))
    elsewhere = refusals(machine, forge_with_other_algorithm(machine))

    allowed = codes(Reason.ALGORITHM_NOT_ALLOWED)
    assert found == {"algorithm-not-allowed": allowed, "algorithm-swapped": allowed | UNKNOWN}
    assert elsewhere == {"algorithm-swapped": allowed}


def test_a_key_of_one_parameter_set_of_ml_dsa_signs_for_no_other(tmp_path: Path) -> None:
    """9964.1: not even where the issuer's tokens may use all three."""
    sandbox, _ = make_sandbox(tmp_path, POST_QUANTUM)
    control = control_of(sandbox, "any")
    forged = list(forge_with_other_algorithm(control))

    found = refusals(control, forged)

    assert found["algorithm-swapped"] == codes(Reason.ALGORITHM_NOT_ALLOWED, Reason.KEY_UNKNOWN)
    assert {"ML-DSA-65", "ML-DSA-87"} <= variants(forged, "algorithm-swapped")


def test_every_forgery_of_a_token_by_ml_dsa_is_refused(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, POST_QUANTUM)

    found = refusals(control_of(sandbox, "any"), forge_tokens(control_of(sandbox, "any")))

    assert {"strange-key", "embedded-jwk", "truncated", "signature-of-another"} <= found.keys()


POST_QUANTUM = """\
version: 1
issuers:
  main:
    issuer: "https://login.example/"
    discovery: true
    audiences: [orders]
    algorithms: [ML-DSA-44, ML-DSA-65]
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - {name: any, match: {path: /any}, upstream: orders, require: {}}
"""
