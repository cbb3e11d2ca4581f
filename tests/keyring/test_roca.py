import json
import math
import secrets
from base64 import urlsafe_b64decode
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.keyring.weak_keys import is_roca
from tests.keyring.keys import RSA_KEY

VECTORS = Path(__file__).parents[1] / "vectors" / "wycheproof" / "json_web_key_test.json"
PRIMES = [n for n in range(2, 168) if all(n % d for d in range(2, n))]
PRIMORIAL = math.prod(PRIMES)


def test_the_published_weak_key_is_recognised() -> None:
    """CVE-2017-15361, as in Wycheproof's jws_rsa_roca_key."""
    groups = json.loads(VECTORS.read_bytes())["testGroups"]
    weak = next(group for group in groups if "roca" in group["comment"].lower())
    member = weak["public"]["keys"][0]
    modulus = int.from_bytes(urlsafe_b64decode(member["n"] + "=="))

    assert is_roca(modulus)


@given(st.integers(1, 2**160), st.integers(0, 2**1800))
def test_every_modulus_of_the_weak_form_is_recognised(exponent: int, factor: int) -> None:
    assert is_roca(pow(65537, exponent, PRIMORIAL) + factor * PRIMORIAL)


@given(st.integers(1, 2**160), st.sampled_from([11, 13, 17, 37, 167]))
def test_one_prime_that_does_not_fit_clears_a_modulus(exponent: int, prime: int) -> None:
    """The exponent has to be the same for all primes; being some power of each is not enough."""
    weak = pow(65537, exponent, PRIMORIAL)
    others = PRIMORIAL // prime
    shifted = (weak + others * pow(others, -1, prime) * (weak * 65536 % prime)) % PRIMORIAL

    assert shifted % prime == weak * 65537 % prime
    assert not is_roca(shifted)


def test_ordinary_moduli_are_not_recognised() -> None:
    assert not is_roca(RSA_KEY.public_key().public_numbers().n)
    assert not any(is_roca(secrets.randbits(2048) | 1) for _ in range(500))
