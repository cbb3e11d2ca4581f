"""Algorithms: a closed table, and each key serves its own kind."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.decision.algorithms import (
    ALGORITHMS,
    ASYMMETRIC_ALGORITHMS,
    HMAC_ALGORITHMS,
    RSA_ALGORITHMS,
    fitting_algorithms,
)
from tests import tokens


def test_the_table_has_exactly_the_algorithms_we_name() -> None:
    """8725.1, CVE-2015-9235: no `none`, in any spelling."""
    assert set(ALGORITHMS) == set(tokens.ALGORITHMS) == ASYMMETRIC_ALGORITHMS | HMAC_ALGORITHMS


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("RSA", RSA_ALGORITHMS),
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("ES512", {"ES512"}),
        ("Ed25519", {"EdDSA", "Ed25519"}),
        ("Ed448", {"EdDSA"}),
        ("HMAC", HMAC_ALGORITHMS),
    ],
)
def test_a_key_fits_the_algorithms_of_its_own_kind(kind: str, algorithms: set[str]) -> None:
    """8725.2, 8725.16, 7518.3."""
    key = tokens.as_key(tokens.make_private(kind))

    assert fitting_algorithms(key.material) == algorithms


def test_other_curves_private_keys_and_other_things_fit_nothing() -> None:
    koblitz = ec.generate_private_key(ec.SECP256K1())

    for material in (koblitz.public_key(), koblitz, tokens.make_private("RSA"), "text", None):
        assert fitting_algorithms(material) == frozenset()
