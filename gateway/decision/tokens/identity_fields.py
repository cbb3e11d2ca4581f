"""Write verified claims as identity headers."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal

from gateway.decision.identity import Identity
from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.token import Claims

# `%` itself is encoded, so that services can always percent-decode. Spaces stay readable inside a
# value, but not at its ends, where HTTP strips them (RFC 9110 §5.5).
_ENCODED = re.compile(rb"[^\x20-\x24\x26-\x7e]|\A | \Z")
_ENCODED_IN_LIST = re.compile(rb"[^\x21-\x24\x26-\x7e]")


def render_identity(identity: Identity, claims: Claims) -> bytes:
    r"""Return the lines ``Name: value\r\n`` for the claims that are present.

    No claim can end a line or leave ASCII, whatever it holds (9112.16, CVE-2026-31908).
    """
    lines = []
    for start, path in identity.starts:
        value = _value(claims, path)
        if value is not None:
            text = value if type(value) is str and _is_plain(value) else _render(value)
            lines.append(f"{start}{text}\r\n")
    return "".join(lines).encode("latin-1")


def _value(claims: Claims, path: tuple[str, ...]) -> object:
    if len(path) > 1:
        value = find_claim(claims.all, path)
        return None if value is ABSENT else value
    name = path[0]
    if name == "scope":
        # Also from `scp`: services need not know which one the issuer uses.
        return claims.scopes or None
    return claims.all.get(name)


def _is_plain(text: str) -> bool:
    """Return whether *text* needs no encoding, also in a list; four cheap tests, no regex."""
    return text.isascii() and text.isprintable() and "%" not in text and " " not in text


def _render(value: object) -> str:
    if isinstance(value, tuple):
        return _join(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return _join([_scalar(item) for item in value])
    if isinstance(value, list | dict):
        text = json.dumps(value, separators=(",", ":"))
        return _encode(text, _ENCODED)
    return _encode(_scalar(value), _ENCODED)


def _join(texts: Sequence[str]) -> str:
    # A space separates items, so one inside an item is encoded.
    if _is_plain("".join(texts)):
        return " ".join(texts)
    return " ".join(_encode(text, _ENCODED_IN_LIST) for text in texts)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)


def _encode(text: str, encoded: re.Pattern[bytes]) -> str:
    return encoded.sub(lambda match: b"%%%02X" % match[0][0], text.encode()).decode("ascii")
