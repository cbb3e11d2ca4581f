"""Tokens that nobody signed, or that anybody could have."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.unsigned_tokens import (
    forge_unsigned,
    forge_with_guessed_secret,
    forge_with_public_key,
    forge_without_algorithm,
)
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import codes, control_of, make_sandbox, refusals, variants

NOT_ALLOWED = codes(Reason.ALGORITHM_NOT_ALLOWED)


def test_none_is_tried_in_every_spelling_with_and_without_a_signature(order: Control) -> None:
    """8725.1"""
    forged = list(forge_unsigned(order))

    assert refusals(order, forged) == {"alg-none": NOT_ALLOWED}
    for spelling in ("none", "None", "NONE", "nOnE"):
        for rest in ("without a signature", "with one of another token"):
            assert f"{spelling!r}, {rest}" in variants(forged, "alg-none")


def test_a_token_without_an_algorithm_is_no_token(order: Control) -> None:
    found = refusals(order, forge_without_algorithm(order))

    assert found == {"alg-absent": codes(Reason.TOKEN_MALFORMED)}


@pytest.mark.parametrize(
    ("algorithm", "forms"),
    [
        ("ES256", {"a point"}),
        ("EdDSA", {"raw"}),
        ("PS384", {"PEM of PKCS#1", "DER of PKCS#1"}),
        ("ML-DSA-44", {"raw"}),
    ],
)
def test_a_public_key_is_tried_as_a_secret_in_every_form(
    algorithm: str, forms: set[str], tmp_path: Path
) -> None:
    sandbox, _ = make_sandbox(tmp_path, ONE_ROUTE.format(algorithm))
    control = control_of(sandbox, "any")
    forged = list(forge_with_public_key(control))

    common = {"PEM", "DER", "JWK", "PEM without the last line end"}
    common |= set() if algorithm == "ML-DSA-44" else {"OpenSSH"}  # which has none of these
    expected = {f"HS256, {form}" for form in common | forms} | {"HS384, PEM", "HS512, PEM"}
    assert refusals(control, forged) == {"hmac-with-public-key": NOT_ALLOWED}
    assert expected <= variants(forged, "hmac-with-public-key")


def test_a_secret_has_no_public_form(machine: Control) -> None:
    assert list(forge_with_public_key(machine)) == []


def test_a_secret_is_guessed(machine: Control, order: Control) -> None:
    found = refusals(machine, forge_with_guessed_secret(machine))
    elsewhere = refusals(order, forge_with_guessed_secret(order))

    assert found == {"hmac-guessed-secret": codes(Reason.SIGNATURE_INVALID)}
    assert elsewhere == {"hmac-guessed-secret": NOT_ALLOWED}


ONE_ROUTE = """\
version: 1
issuers:
  main: {{issuer: "https://a.example", discovery: true, audiences: [a], algorithms: [{}]}}
upstreams: {{orders: {{servers: ["http://10.0.0.7:8000"]}}}}
routes: [{{name: any, match: {{path: /any}}, upstream: orders, require: {{}}}}]
"""


def test_the_same_is_tried_wherever_a_token_is_asked_for(sandbox: Sandbox) -> None:
    names = {"read-order", "any", "maybe", "machines"}

    for name in names:
        control = control_of(sandbox, name)
        assert refusals(control, forge_unsigned(control)) == {"alg-none": NOT_ALLOWED}
