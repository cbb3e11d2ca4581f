"""A session as octets, before it is sealed.

Nothing is compressed: the length of a sealed text can be seen, and would tell how much of what
somebody else may choose (a name among the claims) is also in the tokens. What base64url adds to
signed and encrypted tokens is taken off instead; that is as much as compression would save.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.decision.tokens.base64url import decode_base64url
from gateway.login.session import Session, Tokens

# Of the format: a session of another one is none, and people log in again.
_FORMAT: Final = b"\x01"
_LENGTH_BYTES: Final = 4
_ID_BYTES: Final = 32

CLAIMS: Final = "claims"

# Segments of a JWS (RFC 7515 §7.1) and of a JWE (RFC 7516 §7.1).
_SEGMENTS: Final = (3, 5)


def pack(session: Session) -> bytes:
    """Return *session* as octets, which ``unpack`` reads."""
    tokens = session.tokens
    refresh = None if tokens.refresh is None else _encode(tokens.refresh)
    pieces = [_shorten(one) for one in (tokens.access, refresh, _encode(tokens.id_token))]
    head = [
        session.login,
        session.issuer,
        session.subject,
        session.sid,
        session.claims,
        session.begun_at,
        session.used_at,
        session.idle_seconds,
        session.ends_at,
        session.version,
        tokens.access_expires_at,
        tokens.refresh_at,
        *(lengths for lengths, _ in pieces),
    ]
    text = _encode(json.dumps(head, ensure_ascii=False, separators=(",", ":")))
    length = len(text).to_bytes(_LENGTH_BYTES)
    return b"".join((_FORMAT, session.id, length, text, *(octets for _, octets in pieces)))


def unpack(octets: bytes) -> Session | None:
    """Return the session; None if it is of another format. *octets* are those of ``pack``."""
    if not octets.startswith(_FORMAT):
        return None
    start = len(_FORMAT) + _ID_BYTES
    end = start + _LENGTH_BYTES + int.from_bytes(octets[start : start + _LENGTH_BYTES])
    head = json.loads(_decode(octets[start + _LENGTH_BYTES : end]))
    texts = []
    for lengths in head[-3:]:
        text, end = _lengthen(octets, end, lengths)
        texts.append(text)
    access, refresh, id_token = texts
    return Session(
        id=octets[len(_FORMAT) : start],
        login=head[0],
        issuer=head[1],
        subject=head[2],
        sid=head[3],
        tokens=Tokens(
            access=access or b"",
            access_expires_at=head[10],
            refresh_at=head[11],
            refresh=None if refresh is None else _decode(refresh),
            id_token=_decode(id_token or b""),
        ),
        claims=head[4],
        begun_at=head[5],
        used_at=head[6],
        idle_seconds=head[7],
        ends_at=head[8],
        version=head[9],
    )


def packed_sizes(session: Session) -> Mapping[str, int]:
    """Return how many octets each large part of a session takes, by its name."""
    tokens = session.tokens
    return {
        "access token": len(_shorten(tokens.access)[1]),
        "refresh token": len(_shorten(_encode(tokens.refresh or ""))[1]),
        "ID token": len(_shorten(_encode(tokens.id_token))[1]),
        CLAIMS: len(json.dumps(session.claims, ensure_ascii=False)),
    }


def _shorten(token: bytes | None) -> tuple[list[int] | None, bytes]:
    if token is None:
        return None, b""
    segments = token.split(b".")
    decoded = [decode_base64url(segment) for segment in segments]
    found = [one for one in decoded if one is not None]
    if len(segments) in _SEGMENTS and len(found) == len(segments):
        return [len(one) for one in found], b"".join(found)
    return [len(token)], token


def _lengthen(octets: bytes, start: int, lengths: Sequence[int] | None) -> tuple[bytes | None, int]:
    if lengths is None:
        return None, start
    segments = []
    for length in lengths:
        segments.append(octets[start : start + length])
        start += length
    if len(segments) == 1:
        return segments[0], start
    return b".".join(urlsafe_b64encode(one).rstrip(b"=") for one in segments), start


def _encode(text: str) -> bytes:
    # JSON, and so a claim, may have half of a surrogate pair.
    return text.encode("utf-8", "surrogatepass")


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")
