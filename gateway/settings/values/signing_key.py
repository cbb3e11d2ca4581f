"""Read the private keys that sign the gateway's own tokens."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

# RFC 7638 §3.2 and RFC 8037 §2: the members that make up the thumbprint.
_THUMBPRINT_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key of the gateway, its thumbprint (RFC 7638) as *kid*, and its public JWK."""

    kid: str
    algorithm: str  # ES256 or EdDSA
    private_key: PrivateKey = field(repr=False)
    public_jwk: Mapping[str, str]


def parse_signing_key(pem: bytes) -> SigningKey | str:
    """Return the key in *pem*, or why the gateway cannot sign with it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        return "the key is encrypted: the gateway has no password for it"
    except (ValueError, UnsupportedAlgorithm):  # the latter for curves that OpenSSL lacks
        return "this PEM file has no readable private key"
    match key:
        case EllipticCurvePrivateKey() if isinstance(key.curve, SECP256R1):
            return _named(key, "ES256", ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
        case Ed25519PrivateKey():
            return _named(key, "EdDSA", OKPAlgorithm.to_jwk(key.public_key(), as_dict=True))
        case _:
            return "not a P-256 key (for ES256) or an Ed25519 key (for EdDSA)"


def _named(key: PrivateKey, algorithm: str, jwk: Mapping[str, object]) -> SigningKey:
    public, kid = thumbprint(jwk)
    return SigningKey(kid, algorithm, key, {**public, "kid": kid, "use": "sig", "alg": algorithm})


def thumbprint(jwk: Mapping[str, object]) -> tuple[dict[str, str], str]:
    """Return the members of *jwk* that its thumbprint covers, and the thumbprint (RFC 7638)."""
    members = {name: str(jwk[name]) for name in _THUMBPRINT_MEMBERS[str(jwk["kty"])]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    digest = sha256(canonical.encode()).digest()
    return members, urlsafe_b64encode(digest).rstrip(b"=").decode()


def render_jwks(keys: Sequence[SigningKey]) -> bytes:
    """Return the public halves of *keys* as a JWK Set (RFC 7517 §5)."""
    return json.dumps({"keys": [dict(key.public_jwk) for key in keys]}).encode()
