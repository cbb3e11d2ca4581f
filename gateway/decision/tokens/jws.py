"""Parse a compact JWS (RFC 7515 §7.1) without trusting it."""

from dataclasses import dataclass
from functools import lru_cache

from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.verdict import Deny

# Real key ids are hashes, UUIDs and names. They are only compared and counted, never looked up in
# a file or a database (8725.8).
MAX_KID_CHARACTERS = 1024

# An issuer has one header segment per key. Bounded, because strangers choose them: a parsed one
# takes twenty times the memory, so large ones are not cached.
_REMEMBERED_HEADERS = 256
_MAX_REMEMBERED_HEADER_BYTES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class _Header:
    """A parsed header segment."""

    members: dict[str, object]
    algorithm: str
    kid: str | None
    token_type: str | None


def parse_compact(token: bytes) -> CompactToken | Deny:
    """Return the three parts of *token*, decoded, or the refusal ``token_malformed``.

    Refuses five parts (JWE: nothing is decrypted or decompressed here), every critical extension,
    since none is supported (RFC 7515 §4.1.11), and ``b64`` (RFC 7797), which would change what is
    signed. Keys in the header (``jwk``, ``jku``, ``x5c``, ``x5u``) are never read.
    """
    # Count before splitting anything: CVE-2025-30204.
    if token.count(b".") != 2:
        return _malformed("the token does not have three parts")
    signing_input, _, signature_text = token.rpartition(b".")
    header_text, _, payload_text = signing_input.partition(b".")
    if len(header_text) <= _MAX_REMEMBERED_HEADER_BYTES:
        header = _recall_header(header_text)
    else:
        header = _read_header(header_text)
    if isinstance(header, Deny):
        return header
    payload = decode_base64url(payload_text)
    signature = decode_base64url(signature_text)
    if payload is None or signature is None:
        return _malformed("a part of the token is not base64url")
    # By position: naming so many fields costs more than a third of making it.
    return CompactToken(
        header.members,
        header.algorithm,
        header.kid,
        header.token_type,
        payload,
        signing_input,
        signature,
    )


def _read_header(segment: bytes) -> _Header | Deny:
    text = decode_base64url(segment)
    if text is None:
        return _malformed("the token's header is not base64url")
    members = parse_json_object(text)
    if isinstance(members, JsonFault):
        return _malformed(f"the token's header is unreadable: {members.detail}")
    if "crit" in members or "b64" in members:
        return _malformed("the token's header has an extension that is not supported")
    algorithm = members.get("alg")
    if not isinstance(algorithm, str):
        return _malformed("the token's header has no algorithm")
    kid = members.get("kid")
    if "kid" in members and (not isinstance(kid, str) or len(kid) > MAX_KID_CHARACTERS):
        return _malformed("the token's key id is not a string of usual length")
    typ = members.get("typ")
    if "typ" in members and not isinstance(typ, str):
        return _malformed("the token's type is not a string")
    return _Header(members, algorithm, kid if isinstance(kid, str) else None, _token_type(typ))


_recall_header = lru_cache(maxsize=_REMEMBERED_HEADERS)(_read_header)


def _token_type(typ: object) -> str | None:
    # RFC 7515 §4.1.9: a media type, in any case, with or without `application/`.
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else None


def _malformed(detail: str) -> Deny:
    return Deny(Reason.TOKEN_MALFORMED, detail)
