"""Tokens that opened other gateways, and the reasons that they are refused for."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.decision.reason import Reason
from tests.proxy.gateways import AUDIENCE, ISSUER, make_token
from tests.tokens import b64, make_private, mint

_MINE = make_private("ES256")


_THEIRS = make_private("ES256", 1)


_RSA = make_private("RSA")


_PUBLIC = _RSA.public_key()


_PEM = _PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


_DER = _PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


_SSH = _PUBLIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "scope": "api:read"}
    merged = {**standard, "iat": now, "exp": now + 600, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def signed(key: Any = _MINE, algorithm: str = "ES256", **headers: Any) -> bytes:
    return mint(key, algorithm, _claims(), headers=headers)


def _hmac(secret: bytes, kid: str = "rsa") -> bytes:
    # Signed by hand: libraries refuse to take a public key for a secret.
    head = b64(json.dumps({"alg": "HS256", "kid": kid}).encode())
    text = head + b"." + b64(json.dumps(_claims()).encode())
    return text + b"." + b64(hmac.new(secret, text, hashlib.sha256).digest())


def _unsigned(algorithm: str | None) -> bytes:
    header = {"kid": "k1"} if algorithm is None else {"alg": algorithm, "kid": "k1"}
    return b64(json.dumps(header).encode()) + b"." + b64(json.dumps(_claims()).encode()) + b"."


def _with_signature(signature: bytes) -> bytes:
    return signed().rpartition(b".")[0] + b"." + b64(signature)


def _nested(depth: int) -> bytes:
    payload = json.dumps(_claims())[:-1].encode() + b',"x":' + b"[" * depth + b"]" * depth + b"}"
    return mint(_MINE, "ES256", payload)


_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


_JWE = b64(b'{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"c2FsdA"}')


_BOMB = b64(b'{"alg":"dir","enc":"A128GCM","zip":"DEF"}')


_MALFORMED, _ALGORITHM = Reason.TOKEN_MALFORMED, Reason.ALGORITHM_NOT_ALLOWED


_SIGNATURE, _ISSUER = Reason.SIGNATURE_INVALID, Reason.ISSUER_UNKNOWN


TOKENS: list[tuple[str, Callable[[], bytes], set[Reason]]] = [
    ("CVE-2022-29217 PyJWT: HS256 by the PEM", lambda: _hmac(_PEM), {_ALGORITHM}),
    ("CVE-2016-10555: HS256 by the DER", lambda: _hmac(_DER), {_ALGORITHM}),
    ("CVE-2024-33663 python-jose: HS256 by OpenSSH", lambda: _hmac(_SSH), {_ALGORITHM}),
    ("CVE-2026-39999 APISIX: HS256 by nothing", lambda: _hmac(b""), {_ALGORITHM}),
    ("CVE-2015-9235: none", lambda: _unsigned("none"), {_ALGORITHM, _MALFORMED}),
    ("CVE-2015-9235: nOnE", lambda: _unsigned("nOnE"), {_ALGORITHM, _MALFORMED}),
    ("CVE-2020-15084: no algorithm", lambda: _unsigned(None), {_MALFORMED}),
    ("CVE-2020-15084: no signature", lambda: _unsigned("ES256"), {_MALFORMED, _SIGNATURE}),
    (
        "CVE-2018-0114 node-jose: a key in the header",
        lambda: signed(_THEIRS, jwk=ECAlgorithm.to_jwk(_THEIRS.public_key(), as_dict=True)),
        {_SIGNATURE},
    ),
    (
        "CVE-2026-48523 PyJWT: another algorithm of the key",
        lambda: mint(_RSA, "RS512", _claims(iss="https://rsa.example.com/"), kid="rsa"),
        {_ALGORITHM, Reason.KEY_UNKNOWN, _SIGNATURE},
    ),
    ("GHSA-752w-5fwx-jx9f PyJWT: crit", lambda: signed(crit=["x"], x=1), {_MALFORMED}),
    ("CVE-2025-59420 Authlib: empty crit", lambda: signed(crit=[]), {_MALFORMED}),
    ("GHSA-w7vc-732c-9m39 PyJWT: b64", lambda: signed(b64=False), {_MALFORMED}),
    ("GHSA-hxm8-2xgr-2p9m PyJWT: padding", lambda: signed() + b"==", {_MALFORMED}),
    ("GHSA-hxm8-2xgr-2p9m PyJWT: junk", lambda: signed().replace(b".", b"!.", 1), {_MALFORMED}),
    ("GHSA-hxm8: the other alphabet", lambda: signed() + b"+/", {_MALFORMED}),
    ("GHSA-8wjv-2p76-3863 PyJWT: nested 2,000 deep", lambda: _nested(2_000), {_MALFORMED}),
    (
        "CVE-2024-53861 PyJWT: part of an issuer",
        lambda: mint(_MINE, "ES256", _claims(iss=ISSUER[:-1])),
        {_ISSUER},
    ),
    (
        "CVE-2024-53861 PyJWT: more than an issuer",
        lambda: mint(_MINE, "ES256", _claims(iss=ISSUER + "x")),
        {_ISSUER},
    ),
    (
        "CVE-2024-53861: a list of issuers",
        lambda: mint(_MINE, "ES256", _claims(iss=[ISSUER])),
        {Reason.CLAIM_MALFORMED},
    ),
    ("CVE-2022-21449 Java: r = s = 0", lambda: _with_signature(bytes(64)), {_SIGNATURE}),
    (
        "CVE-2022-21449 Java: r = s = n",
        lambda: _with_signature(_ORDER.to_bytes(32, "big") * 2),
        {_SIGNATURE},
    ),
    ("CVE-2025-30204 golang-jwt: dots", lambda: b"." * 7_000, {_MALFORMED}),
    ("CVE-2023-51775 jose4j: p2c", lambda: _JWE + b".AA.AA.AA.AA", {_MALFORMED}),
    ("CVE-2024-28176 jose: a bomb", lambda: _BOMB + b"..AA.AA.AA", {_MALFORMED}),
    ("CVE-2026-49230 APISIX: five parts of garbage", lambda: b"a.b.c.d.e", {_MALFORMED}),
    (
        "CVE-2023-48238: an algorithm of no issuer",
        lambda: mint(make_private("HMAC"), "HS512", _claims()),
        {_ALGORITHM},
    ),
    (
        "RFC 9068 4: an ID token",
        lambda: mint(_MINE, "ES256", _claims(nonce="n", at_hash="h")),
        {Reason.TOKEN_TYPE_MISMATCH},
    ),
    ("8725.11: a DPoP proof", lambda: signed(typ="dpop+jwt"), {Reason.TOKEN_TYPE_MISMATCH}),
    (
        "8725.12: JSON serialization",
        lambda: b64encode(json.dumps({"payload": "", "signatures": []}).encode()),
        {_MALFORMED},
    ),
    (
        "8725.5: the key of another issuer",
        lambda: mint(_RSA, "RS256", _claims(), kid="rsa"),
        {_ALGORITHM},
    ),
    (
        "CVE-2021-27306 Kong: another audience",
        lambda: mint(_MINE, "ES256", _claims(aud="billing-api")),
        {Reason.AUDIENCE_MISMATCH},
    ),
    (
        "7519.3: a string for a time",
        lambda: mint(_MINE, "ES256", _claims(exp="4000000000")),
        {Reason.CLAIM_MALFORMED},
    ),
    (
        "7519.3: a time too large",
        lambda: mint(
            _MINE, "ES256", json.dumps(_claims(exp=0)).encode().replace(b": 0", b": 1e400")
        ),
        {Reason.CLAIM_MALFORMED, _MALFORMED},
    ),
    ("7519.2: not yet", lambda: make_token(nbf=4_000_000_000), {Reason.TOKEN_NOT_YET_VALID}),
    ("7519.1: expired", lambda: make_token(exp=int(time.time()) - 3600), {Reason.TOKEN_EXPIRED}),
    ("no expiry", lambda: make_token(exp=None), {Reason.CLAIM_MISSING}),
]


def rsa_jwk(key: Any = _RSA, **changes: Any) -> dict[str, Any]:
    """Return the public half of *key* for RS256, with other members or more of them."""
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": "rsa", "alg": "RS256", **changes}


def two_issuers(tmp_path: Path, keys: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return two issuers: one of ES256, and one of RS256, by default with one good key."""
    (tmp_path / "rsa.json").write_text(json.dumps({"keys": keys or [rsa_jwk()]}))
    issuers = {
        "main": {"issuer": ISSUER, "jwks_file": "keys.json", "algorithms": ["ES256"]},
        "rsa": {
            "issuer": "https://rsa.example.com/",
            "jwks_file": "rsa.json",
            "algorithms": ["RS256"],
        },
    }
    return {name: {**one, "audiences": [AUDIENCE]} for name, one in issuers.items()}


def of_rsa(key: Any = _RSA) -> bytes:
    return mint(key, "RS256", _claims(iss="https://rsa.example.com/"), kid="rsa")
