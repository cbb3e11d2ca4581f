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

# What the library raises for octets that are not a key or certificate. Other errors, such as no
# memory left, are not the file's fault and must not cost the gateway its keys.
_REFUSALS = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----")
_PUBLIC_LABELS = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})
_CERTIFICATE_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})


def parse_pem(body: bytes) -> ParsedSet | str:
    """Return the keys in *body*, or why it is not a file of public keys.

    A file with a private key is refused: it does not belong on a gateway, and the operator should
    know. The keys have no `kid`. Of a certificate only the key counts: naming the file in the
    configuration makes it trusted, so its dates and issuer are ignored. A token cannot say which
    of several keys of one kind it means; so there can be no more than are tried.
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
            "use jwks_file, where each has a kid to distinguish them"
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
