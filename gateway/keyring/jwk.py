"""Read JSON Web Keys (RFC 7517), with a reason for each unusable one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

from gateway.decision.algorithms import fitting_algorithms
from gateway.decision.keys import Key
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import MAX_KID_CHARACTERS
from gateway.keyring.public_key import rsa_fault
from gateway.keyring.weak_keys import edwards_fault

MAX_KEYS = 100

# What a key of a SPIFFE bundle is for.
_JWT_SVID, _X509_SVID = "jwt-svid", "x509-svid"

_MAX_HINT_SECONDS = 2**53

# RFC 7518 §6, RFC 9964 §3: members of private and symmetric keys. A published private key is
# compromised, so its signatures prove nothing.
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})

# What the library raises for invalid numbers, and for curves that its OpenSSL lacks. Neither may
# cost more than the one key.
_REFUSALS = (ValueError, UnsupportedAlgorithm)

_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}
_OKP_CURVES: dict[str, Callable[[bytes], object]] = {
    "Ed25519": ed25519.Ed25519PublicKey.from_public_bytes,
    "Ed448": ed448.Ed448PublicKey.from_public_bytes,
}
_AKP_ALGORITHMS: dict[str, Callable[[bytes], object]] = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey.from_public_bytes,
    "ML-DSA-65": mldsa.MLDSA65PublicKey.from_public_bytes,
    "ML-DSA-87": mldsa.MLDSA87PublicKey.from_public_bytes,
}


@dataclass(frozen=True, slots=True)
class ParsedSet:
    """A key set as read: the usable keys, and a reason for each unusable one.

    A SPIFFE bundle may say how often it should be read, and count its changes.
    """

    keys: tuple[Key, ...]
    unusable: tuple[str, ...]
    refresh_seconds: float | None = None
    sequence: int | None = None


class _Unusable(Exception):  # noqa: N818 - about one key; it never leaves this module
    """One key cannot be used; the text is the reason."""


def parse_jwks(body: bytes, issuers: Collection[str] = ()) -> ParsedSet | str:
    """Return the keys of a JWK Set, or why *body* is not one.

    An unusable key does not invalidate the set (RFC 7517 §5): it is left out with a reason. Only
    the first 100 keys are read. With *issuers*, a key that names another `issuer` is unusable.
    """
    document = _read_set(body)
    if isinstance(document, str):
        return document
    return ParsedSet(*_parse_members(document["keys"], "sig", issuers))


def parse_bundle(body: bytes) -> ParsedSet | str:
    """Return the keys for JWT-SVIDs in a SPIFFE bundle, or why *body* is not one.

    Keys for X.509-SVIDs are none of ours, and not worth a reason (JWT-SVID §6.2). All others need
    ``use: jwt-svid`` and a `kid` (Trust Domain and Bundle §4.2.2, JWT-SVID §6.1).
    """
    document = _read_set(body)
    if isinstance(document, str):
        return document
    members = [
        member
        for member in document["keys"]
        if not (isinstance(member, dict) and member.get("use") == _X509_SVID)
    ]
    hint, sequence = document.get("spiffe_refresh_hint"), document.get("spiffe_sequence")
    return ParsedSet(
        *_parse_members(members, _JWT_SVID),
        # `type(…)`, because isinstance accepts a bool as an int.
        float(hint) if type(hint) is int and 0 < hint < _MAX_HINT_SECONDS else None,
        sequence if type(sequence) is int else None,
    )


def _read_set(body: bytes) -> dict[str, Any] | str:
    """Return a JSON object with an array `keys`, or why *body* is none."""
    document = parse_json_object(body)
    if isinstance(document, JsonFault):
        return document.detail
    return document if isinstance(document.get("keys"), list) else 'has no "keys" array'


def _parse_members(
    members: Sequence[object], use: str, issuers: Collection[str] = ()
) -> tuple[tuple[Key, ...], tuple[str, ...]]:
    keys: list[Key] = []
    unusable: list[str] = []
    for index, member in enumerate(members[:MAX_KEYS]):
        parsed = (
            parse_jwk(member, use, issuers) if isinstance(member, dict) else "not a JSON object"
        )
        if isinstance(parsed, Key):
            keys.append(parsed)
        else:
            unusable.append(f"key {index}: {parsed}")
    # One shared string: 256 KiB have room for 130,000 keys.
    unusable += [f"more than {MAX_KEYS} keys"] * (len(members) - MAX_KEYS)
    return tuple(keys), tuple(unusable)


def parse_jwk(
    member: Mapping[str, object], use: str = "sig", issuers: Collection[str] = ()
) -> Key | str:
    """Return the key in *member*, or the reason why it cannot verify signatures.

    *use* is what `use` must be; only ``sig`` may be left out. With *issuers*, `issuer` must be one
    of them, if it is there: so Entra ID says which keys sign for all tenants, and which for one.

    Unknown members are ignored (RFC 7517 §4). Private and symmetric keys are refused without
    reading them: nothing secret is ever held.
    """
    try:
        kid = _kid(member)
        _check_purpose(member, use)
        if issuers and "issuer" in member and member["issuer"] not in tuple(issuers):
            raise _Unusable("it signs for another issuer")
        material = _material(member)
        return Key(kid, _algorithms(member, material), material)
    except _Unusable as fault:
        return str(fault)


def _kid(member: Mapping[str, object]) -> str | None:
    kid = member.get("kid")
    if "kid" in member and not isinstance(kid, str):
        raise _Unusable("kid is not a string")
    if isinstance(kid, str) and len(kid) > MAX_KID_CHARACTERS:
        # No token can name it, and it would only cost memory.
        raise _Unusable(f"kid is longer than {MAX_KID_CHARACTERS} characters")
    return kid if isinstance(kid, str) else None


def _check_purpose(member: Mapping[str, object], use: str) -> None:
    """Refuse keys that are not for verifying signatures (RFC 7517 §4.2, §4.3)."""
    if member.get("use", "sig") != use:
        raise _Unusable(f"use is not {use}")
    if use == _JWT_SVID and "kid" not in member:
        raise _Unusable("has no kid")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unusable("key_ops does not allow verify")
    if member.get("kty") == "oct":
        raise _Unusable("a symmetric key does not belong in a published set")
    if not _PRIVATE_MEMBERS.isdisjoint(member):
        raise _Unusable("a private key was published")


def _material(member: Mapping[str, object]) -> object:
    match member.get("kty"):
        case "RSA":
            return _rsa(member)
        case "EC":
            return _elliptic(member)
        case "OKP":
            return _edwards(member)
        case "AKP":
            return _algorithm_key(member)
    raise _Unusable("kty is not RSA, EC, OKP or AKP")


def _rsa(member: Mapping[str, object]) -> rsa.RSAPublicKey:
    modulus = int.from_bytes(_octets(member, "n"))
    exponent = int.from_bytes(_octets(member, "e"))
    fault = rsa_fault(modulus, exponent)
    if fault is not None:
        raise _Unusable(fault)
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except _REFUSALS:
        raise _Unusable("RSA numbers do not make a key") from None


def _elliptic(member: Mapping[str, object]) -> ec.EllipticCurvePublicKey:
    curve_name = member.get("crv")
    if not isinstance(curve_name, str) or curve_name not in _CURVES:
        raise _Unusable("crv is not P-256, P-384 or P-521")
    curve, size_bytes = _CURVES[curve_name]
    x, y = _octets(member, "x"), _octets(member, "y")
    # RFC 7518 §6.2.1.2: a coordinate has the full size of the curve, leading zeros included.
    if len(x) != size_bytes or len(y) != size_bytes:
        raise _Unusable(f"coordinates do not have the size of {curve_name}")
    try:
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve)
        return numbers.public_key()
    except _REFUSALS:
        raise _Unusable(f"point is not on {curve_name}") from None


def _edwards(member: Mapping[str, object]) -> object:
    curve_name = member.get("crv")
    if not isinstance(curve_name, str) or curve_name not in _OKP_CURVES:
        raise _Unusable("crv is not Ed25519 or Ed448")
    x = _octets(member, "x")
    try:
        material = _OKP_CURVES[curve_name](x)
    except _REFUSALS:
        raise _Unusable(f"x is not a point of {curve_name}") from None
    fault = edwards_fault(curve_name, x)
    if fault is not None:
        raise _Unusable(fault)
    return material


def _algorithm_key(member: Mapping[str, object]) -> object:
    """Return an ML-DSA key: its `alg` is required, and says what `pub` is (RFC 9964 §3, §5)."""
    algorithm = member.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _AKP_ALGORITHMS:
        raise _Unusable("alg is not ML-DSA-44, ML-DSA-65 or ML-DSA-87")
    try:
        return _AKP_ALGORITHMS[algorithm](_octets(member, "pub"))
    except UnsupportedAlgorithm:
        raise _Unusable(f"{algorithm} needs OpenSSL 3.5 or newer") from None
    except ValueError:
        raise _Unusable(f"pub does not have the size of {algorithm}") from None


def _algorithms(member: Mapping[str, object], material: object) -> frozenset[str]:
    """Return the algorithms of the key: only its `alg`, if it has one (RFC 8725 §3.1)."""
    fitting = fitting_algorithms(material)
    if "alg" not in member:
        return fitting
    algorithm = member["alg"]
    if not isinstance(algorithm, str) or algorithm not in fitting:
        raise _Unusable("alg does not fit the key")
    return frozenset({algorithm})


def _octets(member: Mapping[str, object], name: str) -> bytes:
    """Return the base64url value of *name*, which must be present and canonical."""
    text = member.get(name)
    octets = decode_base64url(text.encode()) if isinstance(text, str) else None
    if not octets:
        raise _Unusable(f"{name} is not a base64url string")
    return octets
