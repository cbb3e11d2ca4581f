"""The key that the development issuer signs with, and retired keys that it still publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import (
    generate_private_key as generate_ec_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.settings.values.signing_key import thumbprint

# More rotations than anyone does by hand, far below the 100 keys that the gateway accepts.
MAX_RETIRED_KEYS = 15


class SigningAlgorithm(Enum):
    """The algorithms of the development issuer."""

    ES256 = "ES256"
    RS256 = "RS256"


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key, its `kid`, and its public half as a JWK (RFC 7517)."""

    kid: str
    algorithm: SigningAlgorithm
    private_key: EllipticCurvePrivateKey | RSAPrivateKey = field(repr=False)
    public_jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class RetiredKey:
    """A key that no longer signs, published until *published_until* (seconds since the epoch)."""

    key: SigningKey
    published_until: float


@dataclass(frozen=True, slots=True, eq=False)
class KeyRing:
    """The one key that signs and those retired before it, newest first."""

    current: SigningKey
    retired: tuple[RetiredKey, ...] = ()

    def rotate(self, new: SigningKey, now: float, grace_seconds: float) -> "KeyRing":
        """Return the ring in which *new* signs, and the current key is published for a while."""
        retired = (RetiredKey(self.current, now + grace_seconds), *self.retired)
        alive = tuple(old for old in retired if old.published_until > now)
        return KeyRing(new, alive[:MAX_RETIRED_KEYS])

    def published_jwks(self, now: float) -> dict[str, list[dict[str, str]]]:
        """Return the JWK set at *now*: public halves only."""
        keys = [self.current, *(old.key for old in self.retired if old.published_until > now)]
        return {"keys": [dict(key.public_jwk) for key in keys]}


def make_signing_key(algorithm: SigningAlgorithm) -> SigningKey:
    """Return a fresh key for *algorithm*, named by its thumbprint (RFC 7638)."""
    match algorithm:
        case SigningAlgorithm.ES256:
            ec_key = generate_ec_key(SECP256R1())
            members = ECAlgorithm.to_jwk(ec_key.public_key(), as_dict=True)
            return _signing_key(algorithm, ec_key, members)
        case SigningAlgorithm.RS256:
            rsa_key = generate_rsa_key(public_exponent=65537, key_size=2048)
            members = RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True)
            return _signing_key(algorithm, rsa_key, members)


def _signing_key(
    algorithm: SigningAlgorithm,
    private_key: EllipticCurvePrivateKey | RSAPrivateKey,
    members: Mapping[str, object],
) -> SigningKey:
    named, kid = thumbprint(members)
    public_jwk = {**named, "kid": kid, "use": "sig", "alg": algorithm.value}
    return SigningKey(kid, algorithm, private_key, public_jwk)
