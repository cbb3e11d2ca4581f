"""Keys made for one run: every issuer has its own, and nobody else ever has them."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.algorithms import ALGORITHMS, HMAC_ALGORITHMS, RSA_ALGORITHMS
from gateway.decision.keys import Key, KeySet
from gateway.decision.policy import Issuer
from gateway.decision.tokens.authenticate import KeySets
from gateway.suites.simulation.compact import signing_input, with_signature

# The fastest first: an RSA key takes a hundred times as long to make as all others together.
_PREFERRED = (
    "ES256", "EdDSA", "Ed25519", "ES384", "ES512", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
    "RS256", "PS256", "RS384", "PS384", "RS512", "PS512", "HS256", "HS384", "HS512",
)  # fmt: skip

_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}

_ML_DSA: Mapping[str, Callable[[], object]] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}

# RFC 7518 §3.2: at least as long as the hash's output; SHA-512 has the longest.
_SECRET_BYTES = 64


@dataclass(frozen=True, slots=True, eq=False)
class RunKey:
    """A private key (or an HMAC secret) that signs by *algorithm*, under the name *kid*."""

    kid: str
    algorithm: str
    private: Any = field(repr=False)  # what the algorithm's library takes

    def sign(self, header: Mapping[str, object], payload: bytes) -> bytes:
        """Return a compact JWS of exactly this *header*, whatever it says, and *payload*."""
        return self.sign_octets(signing_input(header, payload))

    def sign_octets(self, octets: bytes) -> bytes:
        """Return *octets* (a header and a payload, encoded and joined) with their signature."""
        return with_signature(octets, ALGORITHMS[self.algorithm].sign(octets, self.private))

    @property
    def verifying(self) -> Any:
        """Return what a verifier holds: the public key, or the secret."""
        return self.private if isinstance(self.private, bytes) else self.private.public_key()

    def public_pem(self) -> bytes:
        """Return the public key in PEM; not for an HMAC secret."""
        return bytes(self.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


class RunKeys:
    """The keys of every issuer of a policy, each made when it is first used.

    The decision reads *sets*: every issuer is in it from the beginning, and the verifying half of
    a key as soon as it is made.
    """

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._keys: dict[tuple[str, str], RunKey] = {}
        self._sets = {name: KeySet(()) for name in self._issuers}

    @property
    def sets(self) -> KeySets:
        """Return the key sets by issuer name; they grow as keys are made."""
        return self._sets

    def of(self, issuer_name: str, algorithm: str | None = None) -> RunKey:
        """Return the key of an issuer; by default for the fastest algorithm that it allows.

        The issuer publishes it, even for an algorithm that the configuration does not allow.
        """
        algorithm = algorithm or self.preferred(issuer_name)
        key = self._keys.get((issuer_name, algorithm))
        if key is None:
            key = make_key(algorithm, f"{issuer_name}-{algorithm}")
            self._keys[issuer_name, algorithm] = key
            published = Key(key.kid, frozenset({algorithm}), key.verifying)
            held = self._sets[issuer_name].keys
            self._sets[issuer_name] = KeySet((*held, published))
        return key

    def preferred(self, issuer_name: str) -> str:
        """Return the default algorithm of an issuer's tokens."""
        return cheapest(self._issuers[issuer_name].algorithms)


def cheapest(algorithms: Collection[str]) -> str:
    """Return the one of *algorithms* (at least one) that makes a key and signs fastest."""
    return next(algorithm for algorithm in _PREFERRED if algorithm in algorithms)


def make_key(algorithm: str, kid: str) -> RunKey:
    """Return a fresh key for *algorithm*, one of ``decision.algorithms``; nobody publishes it."""
    return RunKey(kid, algorithm, _make_private(algorithm))


def _make_private(algorithm: str) -> Any:
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    if algorithm in _ML_DSA:
        return _ML_DSA[algorithm]()
    if algorithm in RSA_ALGORITHMS:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm in HMAC_ALGORITHMS:
        return secrets.token_bytes(_SECRET_BYTES)
    return ed25519.Ed25519PrivateKey.generate()  # EdDSA and Ed25519
