"""Surface: a bearer token, from the Authorization field to the claims.

An input is the token. The keys are fixed, so that inputs with good signatures can be kept.
"""

import hmac
import json
from base64 import urlsafe_b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.decision.decide import decide
from gateway.decision.keys import KeySet
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.bearer import bearer_token
from gateway.decision.tokens.jws import _recall_header
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow, Deny, NeedKeys
from tests.decision.policies import ISSUER, NOW, head, issuer, policy, route
from tests.tokens import as_key

# Well known, and so good for nothing but tests (the first is of RFC 8032 §7.1).
ED25519_PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
ES256_PRIVATE = ec.derive_private_key(0x1234567, ec.SECP256R1())
HS256_SECRET = b"a secret that everybody knows, and that is long enough for HS512"
ED25519_KEYS = KeySet((as_key(ED25519_PRIVATE, "k1", frozenset({"EdDSA"})),))

_PARTNER = "https://partner.example.com/"
_ISSUERS = (
    issuer(algorithms=frozenset({"EdDSA", "ES256"})),
    issuer(name="partner", issuer=_PARTNER, algorithms=frozenset({"HS256"})),
)
_POLICY = policy(route("/any"), issuers=_ISSUERS)
_KEYS = {
    "main": KeySet((*ED25519_KEYS.keys, as_key(ES256_PRIVATE, "k2", frozenset({"ES256"})))),
    "partner": KeySet((as_key(HS256_SECRET, "k1", frozenset({"HS256"})),)),
}
_SIGNERS = {ISSUER: {"EdDSA", "ES256"}, _PARTNER: {"HS256"}}

# So many octets of a token in a message are no coincidence.
_TELLING_BYTES = 20

MAX_INPUT_BYTES = 8192


def check_token(token: bytes) -> None:
    """Raise for a token that is believed and was not signed, or that is told on."""
    if len(token) > MAX_INPUT_BYTES:
        return
    answer = authenticate(token, _POLICY, _KEYS)
    memo = TokenMemo()
    for _ in range(2):
        remembered = memo.authenticate(token, _POLICY, _KEYS)
        assert type(remembered) is type(answer)
    if isinstance(answer, SignedToken):
        _check_signed(token, answer)
    credential = bearer_token((b"Bearer " + token,), MAX_INPUT_BYTES)
    verdict = decide(head(b"/any", b"Bearer " + token), _POLICY, _KEYS, NOW)
    match verdict:
        case Allow():
            assert credential == token.strip(b" ")
            assert isinstance(authenticate(credential, _POLICY, _KEYS), SignedToken)
            _check_lines(verdict.identity_fields)
        case Deny():
            _check_silence(verdict.detail, token)
        case NeedKeys():
            _check_silence(verdict.deny.detail, token)


def read_token(token: bytes) -> None:
    """Do what the gateway does with a token that it never saw, nor its header."""
    _recall_header.cache_clear()
    authenticate(token, _POLICY, _KEYS)


def is_signed(token: bytes) -> bool:
    """Return whether the gateway believes *token*."""
    return isinstance(authenticate(token, _POLICY, _KEYS), SignedToken)


def _check_signed(token: bytes, answer: SignedToken) -> None:
    """Verify once more, with nothing of ours."""
    signing_input, _, signature = token.rpartition(b".")
    header_part, payload_part = signing_input.split(b".")
    header, payload = json.loads(_decoded(header_part)), json.loads(_decoded(payload_part))
    assert payload["iss"] == answer.claims.issuer == answer.issuer.issuer
    assert header["alg"] in _SIGNERS[payload["iss"]]
    assert _holds(header["alg"], signing_input, _decoded(signature)), "believed, but not signed"


def _decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _holds(algorithm: str, signing_input: bytes, signature: bytes) -> bool:
    try:
        match algorithm:
            case "EdDSA":
                ED25519_PRIVATE.public_key().verify(signature, signing_input)
            case "ES256":
                numbers = (int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
                der = encode_dss_signature(*numbers)
                ES256_PRIVATE.public_key().verify(der, signing_input, ec.ECDSA(hashes.SHA256()))
            case "HS256":
                right = hmac.digest(HS256_SECRET, signing_input, "sha256")
                return hmac.compare_digest(right, signature)
    except InvalidSignature:
        return False
    return True


def _check_lines(lines: bytes) -> None:
    """Look for a claim that became more than one field (RFC 9112 §11.1)."""
    assert lines == b"" or lines.endswith(b"\r\n")
    for line in lines.split(b"\r\n")[:-1]:
        assert line.startswith(b"X-Gateway-"), line
        assert not any(octet < 0x20 or octet == 0x7F for octet in line), line


def _check_silence(detail: str, token: bytes) -> None:
    told = detail.encode()
    runs = {told[at : at + _TELLING_BYTES] for at in range(len(told) - _TELLING_BYTES + 1)}
    assert not any(run in token for run in runs), "a message holds a part of the token"
