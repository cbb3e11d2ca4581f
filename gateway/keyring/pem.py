"""Read public keys and certificates from a PEM file (RFC 7468)."""

import re
from collections import Counter

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.decision.algorithms import fitting_algorithms
from gateway.decision.keys import Key
from gateway.decision.tokens.signature import MAX_TRIED_KEYS
from gateway.keyring.jwk import MAX_KEYS, ParsedSet
from gateway.keyring.public_key import key_fault

# What the library says of octets that are no key or certificate. Anything else that it raises,
# such as no memory left, is no fault of the file, and must not cost the gateway its keys.
_REFUSALS = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----")
_PUBLIC_LABELS = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})
_CERTIFICATE_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})


def parse_pem(body: bytes) -> ParsedSet | str:
    """Return the keys in *body*, or why it is not a file of public keys.

    Private keys are refused with the whole file: they have no business on a gateway, and
    whoever put one here should hear of it. The keys carry no `kid`. Of a certificate only
    the key counts: naming it in the configuration is what makes it trusted, so neither its
    dates nor its issuer are looked at. No token can say which of several keys of one kind it
    means; so there are no more of them than are tried.
    """
    blocks = list(_BLOCK.finditer(body))
    if b"PRIVATE KEY-----" in body:
        return "holds a private key; put the public key or the certificate here"
    if not blocks:
        return "holds no PEM block"
    keys: list[Key] = []
    unusable: list[str] = []
    for index, block in enumerate(blocks):
        parsed = _key(block[1], block[0]) if index < MAX_KEYS else f"more than {MAX_KEYS} keys"
        if isinstance(parsed, Key):
            keys.append(parsed)
        else:
            unusable.append(f"key {index}: {parsed}")
    fitting = Counter(algorithm for key in keys for algorithm in key.algorithms)
    if max(fitting.values(), default=0) > MAX_TRIED_KEYS:
        return (
            f"holds more than {MAX_TRIED_KEYS} keys of one kind; "
            "use jwks_file, where each has a kid to tell them apart"
        )
    return ParsedSet(tuple(keys), tuple(unusable))


def _key(label: bytes, block: bytes) -> Key | str:
    try:
        if label in _CERTIFICATE_LABELS:
            material: object = x509.load_pem_x509_certificate(block).public_key()
        elif label in _PUBLIC_LABELS:
            material = load_pem_public_key(block)
        else:
            return "not a public key and not a certificate"
    except _REFUSALS:
        return "cannot be read"
    return key_fault(material) or Key(None, fitting_algorithms(material), material)
