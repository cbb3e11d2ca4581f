"""Forge tokens with unknown keys, some of which the token itself brings."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.decision.algorithms import ALGORITHMS, HMAC_ALGORITHMS, ML_DSA_ALGORITHMS
from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Forgery, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_base64url, to_json
from gateway.suites.simulation.run_keys import RunKey

_SITE = "https://attacker.example"
_SIGNATURE = frozenset({Reason.SIGNATURE_INVALID})
_KEY = frozenset({Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID})

_KIDS: Mapping[str, object] = {
    "a path": "../../../../../../dev/null",
    "an absolute path": "/dev/null",
    "a file URL": "file:///dev/null",
    "a URL": f"{_SITE}/keys.json#attacker",
    "SQL": "x' UNION SELECT 'attacker' --",
    "a command": "| cat /dev/null",
    "empty": "",
    "a star": "*",
    "a NUL": "attacker\0",
    "unknown": "attacker",
}
_ODD_KIDS: Mapping[str, object] = {
    "null": None, "a number": 0, "true": True, "a list": ["attacker"], "a table": {"k": 1},
    "very long": "k" * 2000,
}  # fmt: skip


def forge_with_own_key(control: Control) -> Iterator[Forgery]:
    """Yield tokens signed with an unknown key, with the `kid` of the issuer's key or none."""
    draft, stranger = control.draft, _stranger(control)
    source = "RFC 8725 §3.1"
    yield _forged(control, "strange-key", "", source, {}, _SIGNATURE)
    header = {name: value for name, value in draft.header.items() if name != "kid"}
    token = stranger.sign(header, to_json(draft.claims))
    yield Forgery("strange-key", "without a key id", source, token, _KEY, _guard(control))


def forge_with_key_ids(control: Control) -> Iterator[Forgery]:
    """Yield tokens signed with an unknown key, whose `kid` is a path, SQL or a URL."""
    source = "CVE-2018-0114, RFC 8725 §3.10"
    for variant, kid in _KIDS.items():
        yield _forged(control, "kid-trick", variant, source, {"kid": kid}, _KEY)
    malformed = frozenset({Reason.TOKEN_MALFORMED})
    for variant, kid in _ODD_KIDS.items():
        yield _forged(control, "kid-odd", variant, source, {"kid": kid}, malformed)


def forge_with_key_inside(control: Control) -> Iterator[Forgery]:
    """Yield tokens signed with an unknown key that they embed or link to."""
    algorithm, stranger = control.draft.key.algorithm, _stranger(control)
    if algorithm in HMAC_ALGORITHMS:
        jwk: dict[str, Any] = {"kty": "oct", "k": to_base64url(stranger.private).decode()}
        certificate = b""
    else:
        jwk = ALGORITHMS[algorithm].to_jwk(stranger.verifying, as_dict=True)
        certificate = _certify(stranger)
    kid = control.draft.header.get("kid")
    own = {**jwk, "kid": kid, "alg": algorithm, "use": "sig"}
    brought: list[tuple[str, str, dict[str, object]]] = [
        ("embedded-jwk", "CVE-2018-0114", {"jwk": own}),
        ("embedded-jwk-set", "CVE-2018-0114", {"jwks": {"keys": [own]}}),
        ("jku", "RFC 8725 §3.10", {"jku": f"{_SITE}/keys.json"}),
        ("jku-near", "RFC 8725 §3.10", {"jku": f"{control.issuer.issuer}@attacker.example/"}),
        ("x5u", "RFC 8725 §3.10", {"x5u": f"{_SITE}/chain.pem"}),
        ("x5c", "CVE-2018-0114", {"x5c": [b64encode(certificate).decode()]}),
    ]
    for name, source, header in brought:
        yield _forged(control, name, "", source, header, _SIGNATURE)
        yield _forged(control, name, "no key id", source, {**header, "kid": "attacker"}, _KEY)


def forge_with_keys_of_others(control: Control) -> Iterator[Forgery]:
    """Yield tokens signed by another issuer of the configuration, with the `iss` of this one."""
    sandbox, draft = control.sandbox, control.draft
    reasons = _KEY | {Reason.ALGORITHM_NOT_ALLOWED}
    for name in sandbox.settings.issuers:
        if name == control.issuer.name:
            continue
        key = sandbox.keys.of(name)
        for kid, variant in ((key.kid, "its own key id"), (draft.key.kid, "the key id of this")):
            header = {**draft.header, "alg": key.algorithm, "kid": kid}
            token = key.sign(header, to_json(draft.claims))
            text = f"{name}, with {variant}"
            source = "RFC 8725 §3.8"
            yield Forgery("key-of-another-issuer", text, source, token, reasons, _guard(control))


def forge_with_other_algorithm(control: Control) -> Iterator[Forgery]:
    """Yield tokens that the issuer signed with an algorithm that is not allowed."""
    draft, allowed = control.draft, control.issuer.algorithms
    guard = Guard(control.issuer.name, ("algorithms",))
    other = next((one for one in ("ES384", "EdDSA", "ES256") if one not in allowed), None)
    if other is not None and draft.key.algorithm not in HMAC_ALGORITHMS:
        key = control.sandbox.keys.of(control.issuer.name, other)
        header = {**draft.header, "alg": other, "kid": key.kid}
        token = key.sign(header, to_json(draft.claims))
        reasons = frozenset({Reason.ALGORITHM_NOT_ALLOWED})
        source = "CVE-2023-48238, RFC 8725 §3.1"
        yield Forgery("algorithm-not-allowed", other, source, token, reasons, guard)
    # The header names one algorithm; the signature uses another that the issuer may use too.
    swapped = {"RS512", "ES512", *allowed}
    if draft.key.algorithm in ML_DSA_ALGORITHMS:
        swapped |= ML_DSA_ALGORITHMS  # the other parameter sets
    for named in sorted(swapped - {draft.key.algorithm}):
        token = draft.key.sign({**draft.header, "alg": named}, to_json(draft.claims))
        reasons = _KEY | {Reason.ALGORITHM_NOT_ALLOWED}
        yield Forgery("algorithm-swapped", named, "RFC 8725 §3.1", token, reasons, guard)


def _forged(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    control: Control,
    name: str,
    variant: str,
    source: str,
    header: Mapping[str, object],
    reasons: frozenset[Reason],
) -> Forgery:
    token = _stranger(control).sign(
        {**control.draft.header, **header}, to_json(control.draft.claims)
    )
    return Forgery(name, variant, source, token, reasons, _guard(control))


def _guard(control: Control) -> Guard:
    source = control.sandbox.settings.issuers[control.issuer.name].source
    return Guard(control.issuer.name, (source.kind.value,))


def _stranger(control: Control) -> RunKey:
    return control.sandbox.stranger(control.draft.key.algorithm)


@lru_cache(maxsize=16)
def _certify(key: RunKey) -> bytes:
    """Return a self-signed certificate of *key* in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "attacker.example")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(
        name, name, key.verifying, 1, start, start + timedelta(days=36500)
    )
    # These hash by themselves.
    hashes = key.algorithm not in {"EdDSA", "Ed25519", *ML_DSA_ALGORITHMS}
    digest = SHA256() if hashes else None
    return builder.sign(key.private, digest).public_bytes(Encoding.DER)
