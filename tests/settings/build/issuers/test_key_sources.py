import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.settings.build.issuers.key_sources import read_secret
from gateway.settings.text.fault import Code

GOOD = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
PUBLIC = generate_private_key(SECP256R1()).public_key()


@pytest.mark.parametrize(("algorithm", "needed"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_the_hash(algorithm: str, needed: int) -> None:
    """7518.2, 8725.14."""
    algorithms = frozenset({"HS256", algorithm})

    long_enough = read_secret("S", algorithms, {"S": GOOD[:needed]})
    too_short = read_secret("S", algorithms, {"S": GOOD[: needed - 1]})

    assert long_enough == GOOD[:needed].encode()
    assert isinstance(too_short, tuple)
    assert too_short[0] is Code.WEAK_SECRET


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
    outcome = read_secret("S", frozenset({"HS256"}), {"S": secret})

    assert isinstance(outcome, tuple)
    assert outcome[0] is Code.WEAK_SECRET
    assert secret not in outcome[1]


@pytest.mark.parametrize("secret", ["a" * 64, "abc" * 30])
def test_a_secret_is_not_a_repeated_word(secret: str) -> None:
    """8725.14."""
    assert isinstance(read_secret("S", frozenset({"HS256"}), {"S": secret}), tuple)


@pytest.mark.parametrize("environ", [{}, {"S": ""}])
def test_an_unset_or_empty_secret_is_refused(environ: dict[str, str]) -> None:
    outcome = read_secret("S", frozenset({"HS256"}), environ)

    assert isinstance(outcome, tuple)
    assert outcome[0] is Code.UNSET_VARIABLE
