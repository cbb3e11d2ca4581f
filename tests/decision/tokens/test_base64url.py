"""base64url: one text for each octet string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.tokens.base64url import decode_base64url
from tests.tokens import b64


@given(st.binary(max_size=100))
def test_every_octet_string_comes_back(octets: bytes) -> None:
    assert decode_base64url(b64(octets)) == octets


@given(st.binary(max_size=8) | st.text("AQgw-_+/=\n ", max_size=8).map(str.encode))
def test_only_the_one_spelling_is_read(text: bytes) -> None:
    """7515.1, GHSA-hxm8-2xgr-2p9m."""
    octets = decode_base64url(text)

    assert octets is None or b64(octets) == text


@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AAAAA",
        b"AB",
        b"AAB",
        b"AA==",
        b"AAA=",
        b"++++",
        b"//",
        b"AA A",
        b"=AAA",
        b"A=AA",
        b"AA==AAAA",
        b"!AAA",
        b"A!AA",
        b"AAA\0",
        b"\n\n\n\n",
        b"AA\n",
        b"\xff\xff",
    ],
)
def test_padding_other_alphabets_white_space_and_stray_bits_are_refused(text: bytes) -> None:
    """7515.1, 8725.12."""
    assert decode_base64url(text) is None
