"""Tokens that the standards forbid, by the line that does: signed well, but for what is said."""

import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwe
from joserfc.jwk import ECKey, OctKey
from jwt.algorithms import ECAlgorithm

from gateway.decision.reason import Reason
from tests.proxy.gateways import AUDIENCE, ISSUER, good_token, make_token
from tests.tokens import b64, make_private, mint, sign

_PRIVATE = make_private("ES256")
_SOMEBODY = make_private("ES256", 1)

Case = tuple[str, Callable[[], bytes], Reason]


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "scope": "api:read"}
    return {**standard, "iat": now, "exp": now + 600, **changes}


def _typed(token_type: str, **changes: Any) -> bytes:
    return mint(_PRIVATE, "ES256", _claims(**changes), headers={"typ": token_type})


def _header(**members: Any) -> bytes:
    return mint(_PRIVATE, "ES256", _claims(), headers=members)


def _header_text(text: bytes) -> bytes:
    return sign(_PRIVATE, "ES256", text, json.dumps(_claims()).encode())


def _payload(text: bytes) -> bytes:
    return mint(_PRIVATE, "ES256", text)


def _proof(signer: Any) -> bytes:
    """Return a DPoP proof (RFC 9449 §4.2)."""
    jwk = ECAlgorithm.to_jwk(signer.public_key(), as_dict=True)
    claims = {"jti": "1", "htm": "GET", "htu": "https://api.example.com/", "iat": int(time.time())}
    return mint(signer, "ES256", claims, headers={"typ": "dpop+jwt", "jwk": jwk})


def encrypted(content: bytes | None = None, **members: Any) -> bytes:
    """Return a JWE around *content*, by default a good token, for a key that anybody may use."""
    key = ECKey.import_key(make_private("ES256", 2))
    header = {"alg": "ECDH-ES", "enc": "A128GCM", **members}
    return jwe.encrypt_compact(header, content or good_token(), key).encode()


def _inflating() -> bytes:
    header = {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}
    return jwe.encrypt_compact(header, b"\0" * 300_000, OctKey.import_key(b"k" * 16)).encode()


def _of_a_password(rounds: int) -> bytes:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "c2FsdA", "p2c": rounds}
    return b".".join((b64(json.dumps(header).encode()), *[b64(b"x" * 24)] * 4))


def _off_the_curve() -> bytes:
    point = {"kty": "EC", "crv": "P-256", "x": b64(b"\1" * 32).decode()}
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "epk": {**point, "y": b64(b"\1" * 32).decode()}}
    return b64(json.dumps(header).encode()) + b"." + encrypted().partition(b".")[2]


_KEY_IDS = {
    "a path": "../../../../etc/passwd",
    "a device": "/dev/null",
    "SQL": "x' UNION SELECT 'key' --",
    "LDAP": "*)(uid=*))(|(uid=*",
    "a field line": "k1\r\nX-Admin: true",
    "a NUL": "k1\0",
    "an address": "http://127.0.0.1:9901/status",
    "a look-up": "${jndi:ldap://127.0.0.1/x}",
    "a command": "k1; id",
    "another case": "K1",
    "a space": "k1 ",
    "nothing": "",
}

_BACK_CHANNEL: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
_MALFORMED, _KIND = Reason.TOKEN_MALFORMED, Reason.TOKEN_TYPE_MISMATCH
_ALGORITHM, _ISSUER = Reason.ALGORITHM_NOT_ALLOWED, Reason.ISSUER_UNKNOWN

FORMS: list[Case] = [
    ("7515.2: two algorithms", lambda: _header_text(b'{"alg":"none","alg":"ES256"}'), _MALFORMED),
    ("7515.3: an unknown name", lambda: _header(crit=["x"], x=1), _MALFORMED),
    ("7515.3: an empty list", lambda: _header(crit=[]), _MALFORMED),
    ("7515.3: a registered name", lambda: _header(crit=["alg"]), _MALFORMED),
    ("7515.3: a name that is not there", lambda: _header(crit=["x"]), _MALFORMED),
    ("7515.3: no list", lambda: _header(crit="exp"), _MALFORMED),
    ("7515.4: b64, and critical", lambda: _header(b64=False, crit=["b64"]), _MALFORMED),
    ("7515.4: b64, and not critical", lambda: _header(b64=False), _MALFORMED),
    ("7515.4: b64 as it is without", lambda: _header(b64=True, crit=["b64"]), _MALFORMED),
    ("7515.5: a list", lambda: _header_text(b'["ES256"]'), _MALFORMED),
    ("7515.5: no JSON", lambda: _header_text(b"alg=ES256"), _MALFORMED),
    ("7515.5: UTF-16", lambda: _header_text('{"alg":"ES256"}'.encode("utf-16")), _MALFORMED),
    ("7515.5: no algorithm", lambda: _header_text(b'{"kid":"k1"}'), _MALFORMED),
    ("7515.5: a number", lambda: _header_text(b'{"alg":256}'), _MALFORMED),
    ("7519.5: two subjects", lambda: _payload(b'{"sub":"a","sub":"b"}'), _MALFORMED),
    ("7519.6: a list of claims", lambda: _payload(b'[{"sub":"a"}]'), _MALFORMED),
    ("7519.6: no JSON", lambda: _payload(b"sub=alice"), _MALFORMED),
    ("8725.12: JWE", encrypted, _MALFORMED),
    ("8725.12: with disclosures", lambda: good_token() + b"~WyJzIiwiYSIsMV0~", _MALFORMED),
    ("8725.12: another letter", lambda: good_token() + "é".encode(), _MALFORMED),
    ("8725.13: 2,000,000 rounds", lambda: _of_a_password(2_000_000), _MALFORMED),
    ("8725.13: inflates to 300 kB", _inflating, _MALFORMED),
    ("8725.15: a point off the curve", _off_the_curve, _MALFORMED),
]

ALGORITHMS: list[Case] = [
    *[
        (f"8725.1: {name}", lambda name=name: _header(alg=name), _ALGORITHM)
        for name in ("none", "None", "NoNe", "nOnE", "es256", "ES256 ", "ES257", "")
    ],
    *[
        (f"8725.8: {name}", lambda kid=kid: _header(kid=kid), Reason.KEY_UNKNOWN)
        for name, kid in _KEY_IDS.items()
    ],
]

KINDS: list[Case] = [
    ("8725.11: an ID token", lambda: make_token(scope=None, nonce="n"), _KIND),
    ("8725.11: an ID token with a hash", lambda: make_token(at_hash="h"), _KIND),
    ("8725.11: an ID token with a code's hash", lambda: make_token(c_hash="h"), _KIND),
    (
        "8725.11: an ID token for its client",
        lambda: make_token(aud="shop"),
        Reason.AUDIENCE_MISMATCH,
    ),
    ("8725.11: a logout token", lambda: _typed("logout+jwt", events=_BACK_CHANNEL), _KIND),
    ("8725.11: a logout token without a type", lambda: make_token(events=_BACK_CHANNEL), _KIND),
    ("8725.11: a security event", lambda: _typed("secevent+jwt", events={}), _KIND),
    ("8725.11: a DPoP proof", lambda: _proof(_SOMEBODY), Reason.CLAIM_MISSING),
    ("8725.11: a DPoP proof by the issuer's key", lambda: _typed("dpop+jwt"), _KIND),
    (
        "8725.11: an introspection answer",
        lambda: _typed("token-introspection+jwt", token_introspection={"active": True}),
        _KIND,
    ),
    (
        "8725.11: an introspection answer without a type",
        lambda: make_token(token_introspection={"active": True}),
        _KIND,
    ),
    (
        "8725.11: a client's assertion",
        lambda: make_token(iss="shop", sub="shop", aud=ISSUER),
        _ISSUER,
    ),
    (
        "8725.11: a client's assertion with a type",
        lambda: _typed("client-authentication+jwt"),
        _KIND,
    ),
    ("8725.11: a gateway's assertion", lambda: make_token(iss="https://api.example.com/"), _ISSUER),
    ("8725.11: a request object", lambda: _typed("oauth-authz-req+jwt"), _KIND),
    ("8725.11: a statement of a federation", lambda: _typed("entity-statement+jwt"), _KIND),
]
