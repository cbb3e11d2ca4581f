"""Compact JWS: three parts, a plain header, nothing believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.jws import parse_compact
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
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
    "no dots": b"abc",
    "two parts": b"a.b",
    "four parts": b"a.b.c.d",
    "JWE": b64(b'{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"zip":"DEF"}') + b".a.b.c.d",
    "dots only": b"." * 60_000,
    "empty": b"",
    "two dots": b"..",
    "header not base64url": b"a+b.e30.AA",
    "padded header": b"e30=.e30.AA",
    "padded payload": compact({"alg": "ES256"}).replace(b".e30.", b".e30=."),
    "padded signature": compact({"alg": "ES256"}) + b"=",
    "space in signature": compact({"alg": "ES256"}) + b" ",
    "stray bits in signature": compact({"alg": "ES256"}, signature=b"x")[:-1] + b"B",
    "header not JSON": compact(b"x"),
    "header not an object": compact(b"[]"),
    "header twice an algorithm": compact(b'{"alg":"none","alg":"ES256"}'),
    "header not UTF-8": compact(b'{"alg":"ES256","x":"\xff"}'),
    "header too deep": compact(b'{"alg":"ES256","x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "no algorithm": compact({"typ": "JWT"}),
    "null algorithm": compact({"alg": None}),
    "number for algorithm": compact({"alg": 256}),
    "list for algorithm": compact({"alg": ["ES256"]}),
    "critical extension": compact({"alg": "ES256", "crit": ["x"], "x": 1}),
    "empty crit": compact({"alg": "ES256", "crit": []}),
    "crit of a registered name": compact({"alg": "ES256", "crit": ["alg"]}),
    "crit of null": compact({"alg": "ES256", "crit": None}),
    "unencoded payload": compact({"alg": "ES256", "b64": False}, b"x" * 60_000),
    "b64 true": compact({"alg": "ES256", "b64": True}),
    "number for kid": compact({"alg": "ES256", "kid": 1}),
    "null kid": compact({"alg": "ES256", "kid": None}),
    "long kid": compact({"alg": "ES256", "kid": "k" * 1025}),
    "number for typ": compact({"alg": "ES256", "typ": 1}),
    "JSON serialisation": b'{"payload":"e30","signatures":[]}',
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_token_of_another_form_is_malformed(token: bytes) -> None:
    """7515.1 to 7515.5, 8725.12, CVE-2025-30204, CVE-2023-51775, CVE-2024-28176,
    GHSA-752w-5fwx-jx9f, GHSA-w7vc-732c-9m39, GHSA-hxm8-2xgr-2p9m, GHSA-8wjv-2p76-3863,
    CVE-2026-49230.
    """
    answer = parse_compact(token)

    assert isinstance(answer, Deny)
    assert answer.reason is Reason.TOKEN_MALFORMED


@given(st.binary(max_size=60) | st.text("eyJ0.AQ-_=", max_size=60).map(str.encode))
def test_any_bytes_are_a_token_or_malformed(token: bytes) -> None:
    assert isinstance(parse_compact(token), CompactToken | Deny)
