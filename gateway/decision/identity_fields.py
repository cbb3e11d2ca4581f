"""Write verified claims as the header fields that services trust."""

import json
import re
from decimal import Decimal

from gateway.decision.claim_names import ABSENT, find_claim
from gateway.decision.identity import Identity
from gateway.decision.token import Claims

# `%` itself is encoded, so that a service may always percent-decode. Spaces stay readable
# inside of a value, but not at its ends, where HTTP takes them away (RFC 9110 §5.5).
_ENCODED = re.compile(rb"[^\x20-\x24\x26-\x7e]|\A | \Z")
_ENCODED_IN_LIST = re.compile(rb"[^\x21-\x24\x26-\x7e]")


def render_identity(identity: Identity, claims: Claims) -> bytes:
    r"""Return the lines ``Name: value\r\n`` for the claims that are there.

    No claim can end a line or leave ASCII, whatever is in it (9112.16, CVE-2026-31908).
    """
    lines = []
    for name, path in identity.headers:
        value = _value(claims, path)
        if value is not ABSENT:
            lines.append(b"%b: %b\r\n" % (name, _render(value)))
    return b"".join(lines)


def _value(claims: Claims, path: tuple[str, ...]) -> object:
    if path == ("scope",):
        # From `scp` too; services need not know which of them the issuer uses.
        return list(claims.scopes) if claims.scopes else ABSENT
    return find_claim(claims.all, path)


def _render(value: object) -> bytes:
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        # A space separates items, so one inside of an item is encoded.
        return b" ".join(_encode(_scalar(item), _ENCODED_IN_LIST) for item in value)
    if isinstance(value, list | dict):
        text = json.dumps(value, separators=(",", ":"))
        return _encode(text, _ENCODED)
    return _encode(_scalar(value), _ENCODED)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)


def _encode(text: str, encoded: re.Pattern[bytes]) -> bytes:
    return encoded.sub(lambda match: b"%%%02X" % match[0][0], text.encode())
