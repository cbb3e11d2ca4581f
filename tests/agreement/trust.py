"""The keys that a token may be signed with, as the gateway, PyJWT and joserfc each hold them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, GuestProtocol, OctKey, OKPKey, RSAKey, import_key
from joserfc.jwk import KeySet as JoserfcSet
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.decision.algorithms import ML_DSA_ALGORITHMS
from gateway.decision.keys import KeySet
from gateway.keyring.jwk import ParsedSet, parse_jwks
from tests.tokens import ALGORITHMS, as_key, kind_of, make_private


@dataclass(frozen=True, slots=True)
class Signer:
    """One private key (or secret), the algorithm it signs with, and its name."""

    private: Any
    algorithm: str
    kid: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """What all three are told about keys.

    *for_pyjwt* picks the one key that PyJWT's ``decode`` takes, and raises where it has none.
    *strangers* sign like the signers do, with keys that nobody was told of.
    """

    name: str
    algorithms: frozenset[str]
    signers: tuple[Signer, ...]
    strangers: tuple[Signer, ...]
    keys: KeySet
    for_pyjwt: Callable[[bytes], Any]
    for_joserfc: Any

    def __repr__(self) -> str:
        """Show the name: Hypothesis prints it beside a token that fails."""
        return f"trust_in({self.name!r})"


def _one_key(algorithm: str, kind: str) -> Trust:
    """Return the trust in one nameless key, as of a PEM file or a secret."""
    private = make_private(kind)
    key = as_key(private, None, frozenset({algorithm}))
    kinds: dict[str, Any] = {"RSA": RSAKey, "HMAC": OctKey, "Ed25519": OKPKey, "Ed448": OKPKey}
    spelt = private if isinstance(private, bytes) else _pem(private)
    return Trust(
        name=algorithm if kind == kind_of(algorithm) else f"{algorithm} by {kind}",
        algorithms=frozenset({algorithm}),
        signers=(Signer(private, algorithm, "k1"),),
        strangers=(Signer(make_private(kind, 1), algorithm, "k1"),),
        keys=KeySet((key,)),
        for_pyjwt=lambda _: key.material,
        for_joserfc=kinds.get(kind, ECKey).import_key(spelt),
    )


def _pem(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


# A set that does what sets do: keys of all kinds, two of one kind, one without a name (RFC 7517
# §4.5: `kid` is optional), one name for two kinds, and one name for two keys of the same kind.
TWINS = "twins"
_PUBLISHED = (
    Signer(make_private("RSA"), "RS256", "rsa"),
    Signer(make_private("RSA", 1), "PS512", "rsa-pss"),
    Signer(make_private("ES256"), "ES256", "shared"),
    Signer(make_private("ES384"), "ES384", "shared"),
    Signer(make_private("ES512"), "ES512", None),
    Signer(make_private("Ed25519"), "EdDSA", "edwards"),
    Signer(make_private("Ed448"), "EdDSA", "edwards-448"),
    Signer(make_private("Ed25519", 1), "Ed25519", "by-its-name"),
    Signer(make_private("ES256", 1), "ES256", TWINS),
    Signer(make_private("ES256", 2), "ES256", TWINS),
)


def _jwk(signer: Signer) -> dict[str, Any]:
    kind = signer.algorithm[:2]
    way: Any = {"RS": RSAAlgorithm, "PS": RSAAlgorithm, "ES": ECAlgorithm}.get(kind, OKPAlgorithm)
    member: dict[str, Any] = way.to_jwk(signer.private.public_key(), as_dict=True)
    named = {} if signer.kid is None else {"kid": signer.kid}
    member = {name: value for name, value in member.items() if name != "key_ops"}
    return {**member, "alg": signer.algorithm, **named}


def _published_set() -> Trust:
    members = [_jwk(signer) for signer in _PUBLISHED]
    parsed = parse_jwks(json.dumps({"keys": members}).encode())
    assert isinstance(parsed, ParsedSet)
    assert len(parsed.keys) == len(members)
    pyjwt_set = jwt.PyJWKSet.from_dict({"keys": members})
    jose_keys = [import_key(member) for member in members]

    def for_pyjwt(token: bytes) -> Any:
        kid: Any = jwt.get_unverified_header(token).get("kid")
        return pyjwt_set[kid]

    def for_joserfc(token: GuestProtocol) -> JoserfcSet:
        # Of the token's algorithm alone: among those a token without `kid` may mean the only one.
        algorithm = token.headers()["alg"]
        return JoserfcSet([key for key in jose_keys if key.alg == algorithm])

    stranger = Signer(make_private("RSA", 1), "RS256", "rsa")
    return Trust(
        name="a published set",
        algorithms=frozenset(signer.algorithm for signer in _PUBLISHED),
        signers=_PUBLISHED,
        strangers=(stranger,),
        keys=KeySet(parsed.keys),
        for_pyjwt=for_pyjwt,
        for_joserfc=for_joserfc,
    )


PUBLISHED_SET = _published_set()

TRUSTS: Mapping[str, Trust] = {
    trust.name: trust
    for trust in (
        # ML-DSA (RFC 9964) is not here: neither of the other two has it.
        *(_one_key(name, kind_of(name)) for name in ALGORITHMS if name not in ML_DSA_ALGORITHMS),
        _one_key("EdDSA", "Ed448"),
        PUBLISHED_SET,
    )
}


def trust_in(name: str) -> Trust:
    """Return the trust of that name: what a failure prints can be run again."""
    return TRUSTS[name]
