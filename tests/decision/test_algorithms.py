"""Algorithms: a closed table, and each key serves its own kind."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.decision.algorithms import (
    ALGORITHMS,
    ASYMMETRIC_ALGORITHMS,
    HMAC_ALGORITHMS,
    ML_DSA_ALGORITHMS,
    RSA_ALGORITHMS,
    find_unavailable,
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
        ("ML-DSA-44", {"ML-DSA-44"}),
        ("ML-DSA-65", {"ML-DSA-65"}),
        ("ML-DSA-87", {"ML-DSA-87"}),
        ("HMAC", HMAC_ALGORITHMS),
    ],
)
def test_a_key_fits_the_algorithms_of_its_own_kind(kind: str, algorithms: set[str]) -> None:
    """8725.2, 8725.16, 7518.3, 9964.1."""
    key = tokens.as_key(tokens.make_private(kind))

    assert fitting_algorithms(key.material) == algorithms


def test_other_curves_private_keys_and_other_things_fit_nothing() -> None:
    koblitz = ec.generate_private_key(ec.SECP256K1())

    for material in (koblitz.public_key(), koblitz, tokens.make_private("RSA"), "text", None):
        assert fitting_algorithms(material) == frozenset()


@pytest.mark.parametrize("algorithm", sorted(ML_DSA_ALGORITHMS))
def test_a_signature_by_ml_dsa_is_for_one_parameter_set_and_has_an_empty_context(
    algorithm: str,
) -> None:
    """9964.1, FIPS 204 algorithms 2 and 3: the other sets, and another context, are refused."""
    private = tokens.make_private(algorithm)
    public = private.public_key()
    used = ALGORITHMS[algorithm]

    assert used.verify(b"text", public, used.sign(b"text", private))
    assert not used.verify(b"text", public, private.sign(b"text", b"a context"))
    for other in ML_DSA_ALGORITHMS - {algorithm}:
        stranger = ALGORITHMS[other].sign(b"text", tokens.make_private(other))
        assert not used.verify(b"text", public, stranger)


def test_an_openssl_without_ml_dsa_is_noticed_before_a_token_comes() -> None:
    def lack(_octets: bytes) -> object:
        raise UnsupportedAlgorithm("ML-DSA is not supported by this version of OpenSSL")

    assert find_unavailable(lack) == ML_DSA_ALGORITHMS
    assert find_unavailable() == frozenset()


@pytest.mark.parametrize("algorithm", sorted(ML_DSA_ALGORITHMS))
def test_a_key_of_ml_dsa_is_published_with_its_algorithm(algorithm: str) -> None:
    """9964.2: `alg` says what `pub` is; nothing else does."""
    public = tokens.make_private(algorithm).public_key()

    members = ALGORITHMS[algorithm].to_jwk(public, as_dict=True)

    assert (members["kty"], members["alg"]) == ("AKP", algorithm)
    assert members["pub"].encode() == tokens.b64(public.public_bytes_raw())
