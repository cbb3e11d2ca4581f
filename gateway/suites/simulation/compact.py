"""Write a JWS in compact form (RFC 7515 §7.1), whatever it contains."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping


def to_json(members: Mapping[str, object]) -> bytes:
    """Return *members* as JSON without spaces, in their order."""
    return json.dumps(members, separators=(",", ":")).encode()


def signing_input(header: Mapping[str, object], payload: bytes) -> bytes:
    """Return the octets that are signed: *header* and *payload*, encoded and joined."""
    return to_base64url(to_json(header)) + b"." + to_base64url(payload)


def with_signature(signed: bytes, signature: bytes) -> bytes:
    """Return the whole token."""
    return signed + b"." + to_base64url(signature)


def to_base64url(octets: bytes) -> bytes:
    """Return *octets* in base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=")
