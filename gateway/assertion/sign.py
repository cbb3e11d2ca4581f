"""Sign what the gateway says about a caller, as a compact JWS (RFC 7515 §7.1)."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping

from jwt.algorithms import get_default_algorithms

from gateway.settings.values.signing_key import SigningKey

# RFC 8725 §3.11: a type of its own, so that nobody takes it for an access token, nor we do.
TYPE = "gateway-assertion+jwt"


def signer(key: SigningKey) -> Callable[[Mapping[str, object]], bytes]:
    """Return what signs claims with *key*."""
    algorithm = get_default_algorithms()[key.algorithm]
    header = _segment({"alg": key.algorithm, "kid": key.kid, "typ": TYPE})

    def sign(claims: Mapping[str, object]) -> bytes:
        signed = b"%b.%b" % (header, _segment(claims))
        signature = algorithm.sign(signed, key.private_key)
        return b"%b.%b" % (signed, _encode(signature))

    return sign


def _segment(members: Mapping[str, object]) -> bytes:
    return _encode(json.dumps(members, separators=(",", ":")).encode())


def _encode(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")
