"""Check the kind and strength of public keys."""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PublicKey,
    MLDSA65PublicKey,
    MLDSA87PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.algorithms import fitting_algorithms
from gateway.keyring.weak_keys import edwards_fault, is_roca

# RFC 7518 §3.3 and §3.5: "A key of size 2048 bits or larger MUST be used".
MIN_RSA_BITS = 2048

# OpenSSL verifies nothing larger; one check already takes milliseconds.
MAX_RSA_BITS = 16384

# As in BoringSSL. A check costs a multiplication per bit: with an exponent as long as the modulus,
# which OpenSSL allows up to 3072 bits, each token would cost 4 ms.
MAX_RSA_EXPONENT_BITS = 33


def key_fault(material: object) -> str | None:
    """Return why *material* is unusable, or None."""
    if isinstance(material, bytes) or not fitting_algorithms(material):
        return "key is not of a kind that verifies tokens"
    match material:
        case RSAPublicKey():
            numbers = material.public_numbers()
            return rsa_fault(numbers.n, numbers.e)
        case Ed25519PublicKey() | Ed448PublicKey():
            return edwards_fault(describe_key(material), material.public_bytes_raw())
        case _:
            return None


def key_octets(material: object) -> bytes:
    """Return *material* as octets: DER (SubjectPublicKeyInfo) of a public key, or the secret."""
    if isinstance(material, bytes):
        return material
    # Every public key of the library has this method, but they share no type that declares it.
    return bytes(material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]


def rsa_fault(modulus: int, exponent: int) -> str | None:
    """Return why an RSA key of these numbers is unusable, or None.

    Refuses keys that allow forgery: short keys, exponent 1, and keys of the broken generator of
    CVE-2017-15361. Also refuses keys that are slow to check.
    """
    if modulus.bit_length() < MIN_RSA_BITS:
        return f"RSA key of {modulus.bit_length()} bits is shorter than {MIN_RSA_BITS}"
    if modulus.bit_length() > MAX_RSA_BITS:
        return f"RSA key is longer than {MAX_RSA_BITS} bits"
    if modulus % 2 == 0:
        return "RSA modulus is even"
    if exponent < 3 or exponent % 2 == 0 or exponent >= modulus:
        return "RSA exponent is not an odd number of at least 3"
    if exponent.bit_length() > MAX_RSA_EXPONENT_BITS:
        return f"RSA exponent is longer than {MAX_RSA_EXPONENT_BITS} bits"
    if is_roca(modulus):
        return "RSA key is weak (ROCA, CVE-2017-15361)"
    return None


def describe_key(material: object) -> str:
    """Return the kind of key that *material* is, for people: ``RSA 2048``, ``EC P-256``."""
    match material:
        case bytes():
            return "HMAC"
        case RSAPublicKey():
            return f"RSA {material.key_size}"
        case EllipticCurvePublicKey():
            return f"EC P-{material.curve.key_size}"
        case Ed25519PublicKey():
            return "Ed25519"
        case Ed448PublicKey():
            return "Ed448"
        case MLDSA44PublicKey() | MLDSA65PublicKey() | MLDSA87PublicKey():
            return min(fitting_algorithms(material))
        case _:
            return "unknown"
