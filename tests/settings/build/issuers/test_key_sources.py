import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.settings.build.issuers.key_sources import judge_secret

GOOD = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
PUBLIC = generate_private_key(SECP256R1()).public_key()


@pytest.mark.parametrize(("algorithm", "needed"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_the_hash(algorithm: str, needed: int) -> None:
    """7518.2, 8725.14."""
    algorithms = frozenset({"HS256", algorithm})

    assert judge_secret(GOOD[:needed].encode(), algorithms) is None
    assert judge_secret(GOOD[: needed - 1].encode(), algorithms) is not None


@pytest.mark.parametrize(
    "secret",
    [
        PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        PUBLIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + GOOD,
        json.dumps({"kty": "oct", "k": GOOD}),
    ],
)
def test_the_key_of_a_key_pair_is_no_secret(secret: str) -> None:
    """8725.2, CVE-2022-29217, CVE-2024-33663."""
    problem = judge_secret(secret.encode(), frozenset({"HS256"}))

    assert problem is not None
    assert secret not in problem


@pytest.mark.parametrize("secret", ["a" * 64, "abc" * 30])
def test_a_secret_is_not_a_repeated_word(secret: str) -> None:
    """8725.14."""
    assert judge_secret(secret.encode(), frozenset({"HS256"})) is not None
