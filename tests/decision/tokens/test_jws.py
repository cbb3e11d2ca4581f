"""Compact JWS: three parts, a plain header, nothing believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.verdict import Deny
from tests.tokens import b64


def compact(header: Any, payload: bytes = b"{}", signature: bytes = b"sig") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return b".".join(map(b64, (text, payload, signature)))


def test_the_parts_of_a_token_are_decoded_and_kept() -> None:
    token = compact({"alg": "RS256", "kid": "k", "typ": "at+jwt"}, b'{"a":1}', b"\x00\xff")

    parsed = parse_compact(token)

    assert isinstance(parsed, CompactToken)
    assert parsed.header == {"alg": "RS256", "kid": "k", "typ": "at+jwt"}
    assert (parsed.algorithm, parsed.kid) == ("RS256", "k")
    assert (parsed.payload, parsed.signature) == (b'{"a":1}', b"\x00\xff")
    assert parsed.signing_input == token.rpartition(b".")[0]


def test_keys_in_the_header_are_not_looked_at() -> None:
    """7515.6, CVE-2018-0114."""
    header = {"alg": "ES256", "jwk": {"kty": "oct"}, "jku": "http://evil", "x5u": 1, "x5c": []}

    parsed = parse_compact(compact(header))

    assert isinstance(parsed, CompactToken)
    assert parsed.kid is None


def test_no_part_of_a_token_is_in_its_repr() -> None:
    """9700.4."""
    shown = repr(parse_compact(compact({"alg": "ES256"}, b"payload-words", b"signature-words")))

    assert "words" not in shown


MALFORMED = {
    "7515.1: no dots": b"abc",
    "7515.1: two parts": b"a.b",
    "7515.1: four parts": b"a.b.c.d",
    "8725.12: JWE": b64(b'{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"zip":"DEF"}') + b".a.b.c.d",
    "7515.1: dots only": b"." * 60_000,
    "7515.1: empty": b"",
    "7515.1: two dots": b"..",
    "7515.1: header not base64url": b"a+b.e30.AA",
    "7515.1: padded header": b"e30=.e30.AA",
    "7515.1: padded payload": compact({"alg": "ES256"}).replace(b".e30.", b".e30=."),
    "7515.1: padded signature": compact({"alg": "ES256"}) + b"=",
    "7515.1: space in signature": compact({"alg": "ES256"}) + b" ",
    "7515.1: stray bits in signature": compact({"alg": "ES256"}, signature=b"x")[:-1] + b"B",
    "7515.5: header not JSON": compact(b"x"),
    "7515.5: header not an object": compact(b"[]"),
    "7515.2: header twice an algorithm": compact(b'{"alg":"none","alg":"ES256"}'),
    "7515.5: header not UTF-8": compact(b'{"alg":"ES256","x":"\xff"}'),
    "header too deep": compact(b'{"alg":"ES256","x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "7515.5: no algorithm": compact({"typ": "JWT"}),
    "7515.5: null algorithm": compact({"alg": None}),
    "7515.5: number for algorithm": compact({"alg": 256}),
    "7515.5: list for algorithm": compact({"alg": ["ES256"]}),
    "7515.3: critical extension": compact({"alg": "ES256", "crit": ["x"], "x": 1}),
    "7515.3: empty crit": compact({"alg": "ES256", "crit": []}),
    "7515.3: crit of a registered name": compact({"alg": "ES256", "crit": ["alg"]}),
    "7515.3: crit of an absent name": compact({"alg": "ES256", "crit": ["x"]}),
    "7515.3: crit of b64": compact({"alg": "ES256", "crit": ["b64"], "b64": False}),
    "7515.3: crit of null": compact({"alg": "ES256", "crit": None}),
    "7515.4: unencoded payload": compact({"alg": "ES256", "b64": False}, b"x" * 60_000),
    "7515.4: b64 true": compact({"alg": "ES256", "b64": True}),
    "number for kid": compact({"alg": "ES256", "kid": 1}),
    "null kid": compact({"alg": "ES256", "kid": None}),
    "long kid": compact({"alg": "ES256", "kid": "k" * 1025}),
    "number for typ": compact({"alg": "ES256", "typ": 1}),
    "8725.12: JSON serialisation": b'{"payload":"e30","signatures":[]}',
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_token_of_another_form_is_malformed(token: bytes) -> None:
    """CVE-2025-30204, CVE-2023-51775, CVE-2024-28176, CVE-2025-59420, GHSA-752w-5fwx-jx9f,
    GHSA-w7vc-732c-9m39, GHSA-hxm8-2xgr-2p9m, GHSA-8wjv-2p76-3863, CVE-2026-49230.
    """
    answer = parse_compact(token)

    assert isinstance(answer, Deny)
    assert answer.reason is Reason.TOKEN_MALFORMED


@given(st.binary(max_size=60) | st.text("eyJ0.AQ-_=", max_size=60).map(str.encode))
def test_any_bytes_are_a_token_or_malformed(token: bytes) -> None:
    assert isinstance(parse_compact(token), CompactToken | Deny)
