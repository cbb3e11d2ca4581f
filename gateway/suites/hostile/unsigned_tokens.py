"""Forge tokens that are not signed, or signed with a secret that everybody has."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.algorithms import ALGORITHMS, HMAC_ALGORITHMS, ML_DSA_ALGORITHMS
from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Forgery, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import signing_input, to_json, with_signature

_SPELLINGS = ("none", "None", "NONE", "nOnE", "noNE", " none", "none ", "none\0", "")
_NOT_ALLOWED = frozenset({Reason.ALGORITHM_NOT_ALLOWED})
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def forge_unsigned(control: Control) -> Iterator[Forgery]:
    """Yield tokens whose algorithm is `none`."""
    draft, payload = control.draft, to_json(control.draft.claims)
    guard = Guard(control.issuer.name, ("algorithms",))
    signature = draft.sign().rpartition(b".")[2]
    for spelling in _SPELLINGS:
        signed = signing_input({**draft.header, "alg": spelling}, payload)
        for rest, what in ((b"", "without a signature"), (signature, "with one of another token")):
            yield Forgery(
                "alg-none", f"{spelling!r}, {what}", "CVE-2015-9235, RFC 8725 §2.1",
                signed + b"." + rest, _NOT_ALLOWED, guard,
            )  # fmt: skip


def forge_without_algorithm(control: Control) -> Iterator[Forgery]:
    """Yield tokens whose header has no algorithm, or an invalid one."""
    header = {name: value for name, value in control.draft.header.items() if name != "alg"}
    guard = Guard(control.issuer.name, ("algorithms",))
    signature = control.draft.sign().rpartition(b".")[2]
    odd: dict[str, dict[str, object]] = {
        "absent": {}, "null": {"alg": None}, "a list": {"alg": ["none"]}, "a number": {"alg": 0},
        "under a name in capitals": {"ALG": "none"},
    }  # fmt: skip
    for variant, algorithm in odd.items():
        signed = signing_input({**header, **algorithm}, to_json(control.draft.claims))
        yield Forgery(
            "alg-absent", variant, "CVE-2020-15084", signed + b"." + signature,
            frozenset({Reason.TOKEN_MALFORMED}), guard,
        )  # fmt: skip


def forge_with_public_key(control: Control) -> Iterator[Forgery]:
    """Yield tokens with the issuer's public key as the secret of an HMAC."""
    if control.draft.key.algorithm in HMAC_ALGORITHMS:
        return
    guard = Guard(control.issuer.name, ("algorithms",))
    algorithm = control.draft.key.algorithm
    for form, secret in _public_forms(control.draft.key.verifying, algorithm).items():
        for hashed in _HASHES if form == "PEM" else ("HS256",):
            yield Forgery(
                "hmac-with-public-key", f"{hashed}, {form}", "CVE-2016-10555, CVE-2022-29217",
                _hmac(control, hashed, secret), _NOT_ALLOWED, guard,
            )  # fmt: skip


def forge_with_guessed_secret(control: Control) -> Iterator[Forgery]:
    """Yield tokens with a commonly guessed secret."""
    guard = Guard(control.issuer.name, ("algorithms",))
    reasons = frozenset({Reason.ALGORITHM_NOT_ALLOWED, Reason.SIGNATURE_INVALID})
    kid = str(control.draft.header.get("kid", "")).encode()
    guesses = {
        "nothing": b"", "a NUL": b"\0", "secret": b"secret", "the key id": kid,
        "the issuer": control.issuer.issuer.encode(),
    }  # fmt: skip
    own = control.draft.key.algorithm
    hashed = own if own in HMAC_ALGORITHMS else "HS256"
    for variant, secret in guesses.items():
        token = _hmac(control, hashed, secret)
        source = "RFC 8725 §3.5"
        yield Forgery("hmac-guessed-secret", variant, source, token, reasons, guard)


def _hmac(control: Control, algorithm: str, secret: bytes) -> bytes:
    # By hand: libraries refuse a public key as a secret.
    header = {**control.draft.header, "alg": algorithm}
    signed = signing_input(header, to_json(control.draft.claims))
    return with_signature(signed, hmac.new(secret, signed, _HASHES[algorithm]).digest())


def _public_forms(public: Any, algorithm: str) -> dict[str, bytes]:
    """Return the encodings of a public key that a library may use as a secret."""
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = ALGORITHMS[algorithm].to_jwk(public, as_dict=True)
    forms = {
        "PEM": pem,
        "PEM without the last line end": pem.rstrip(b"\n"),
        "PEM with line ends of Windows": pem.replace(b"\n", b"\r\n"),
        "DER": der,
        "DER in base64": b64encode(der),
        "JWK": json.dumps(jwk).encode(),
        "JWK without spaces": to_json(jwk),
        "JWK set": to_json({"keys": [jwk]}),
    }
    if algorithm[:2] in {"RS", "PS"}:
        forms["PEM of PKCS#1"] = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        forms["DER of PKCS#1"] = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    elif algorithm.startswith("ES"):
        forms["a point"] = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        forms["raw"] = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if algorithm not in ML_DSA_ALGORITHMS:  # OpenSSH has no name for these keys
        forms["OpenSSH"] = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return forms
