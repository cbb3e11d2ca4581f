import re

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.pkce import RANDOM_BYTES, challenge_of, make_verifier


def test_the_example_of_rfc_7636_appendix_b() -> None:
    octets = bytes(
        [
            *(116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186),
            *(22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121),
        ]
    )
    verifier = make_verifier(octets)

    assert verifier == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_a_verifier_has_the_alphabet_and_the_length_and_its_challenge_is_authlibs(
    octets: bytes,
) -> None:
    """7636.1."""
    verifier = make_verifier(octets)

    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
    assert challenge_of(verifier) == create_s256_code_challenge(verifier)


def test_a_verifier_is_never_made_of_less() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_verifier(b"x" * 31)
