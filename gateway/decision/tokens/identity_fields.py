"""Write verified claims as identity headers."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from gateway.decision.identity import Identity
from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_sources import ClaimPath, ClaimSource, FirstOf, Template
from gateway.decision.token import Claims, SignedToken

# `%` itself is encoded, so that services can always percent-decode. Spaces stay readable inside a
# value, but not at its ends, where HTTP strips them (RFC 9110 §5.5).
_ENCODED = re.compile(rb"[^\x20-\x24\x26-\x7e]|\A | \Z")
_ENCODED_IN_LIST = re.compile(rb"[^\x21-\x24\x26-\x7e]")

# In a template, so that no value contains a sign that separates it from the next one: all but the
# unreserved characters (RFC 3986 §2.3).
_ENCODED_IN_TEMPLATE = re.compile(rb"[^A-Za-z0-9._~-]")


def render_identity(identity: Identity, claims: Claims) -> bytes:
    r"""Return the lines ``Name: value\r\n`` for the claims that are present.

    No claim can end a line or leave ASCII, whatever it holds (9112.16, CVE-2026-31908).
    """
    lines = []
    for start, source in identity.starts:
        text = render_source(source, claims)
        if text is not None:
            lines.append(f"{start}{text}\r\n")
    return "".join(lines).encode("latin-1")


def route_identity(token: SignedToken, identities: Mapping[str, Identity]) -> bytes:
    """Return the lines for *token* on a route with *identities* of its own, by issuer.

    Rendered once, and remembered by the token: a request only looks them up.
    """
    identity = identities[token.issuer.name]
    rendered = token.other_identities
    if rendered is None:
        rendered = token.other_identities = {}
    fields = rendered.get(identity)
    if fields is None:
        fields = rendered[identity] = render_identity(identity, token.claims)
    return fields


def render_source(source: ClaimSource, claims: Claims) -> str | None:
    """Return the text that *source* makes of *claims*, as a field value; None if one is missing."""
    if isinstance(source, Template):
        return _fill(source, claims)
    if isinstance(source, FirstOf):
        _, value = find_first(source.paths, claims)
    else:
        value = _value(claims, source)
    if value is None:
        return None
    return value if type(value) is str and _is_plain(value) else _render(value)


def find_first(paths: Sequence[ClaimPath], claims: Claims) -> tuple[ClaimPath | None, object]:
    """Return the first of *paths* that is present in *claims*, and its value; None without one."""
    for path in paths:
        value = _value(claims, path)
        if value is not None:
            return path, value
    return None, None


def _fill(template: Template, claims: Claims) -> str | None:
    texts = [template.literals[0]]
    for paths, literal in zip(template.claims, template.literals[1:], strict=True):
        _, value = find_first(paths, claims)
        if value is None:
            return None
        texts += (_encode(_bare(value), _ENCODED_IN_TEMPLATE), literal)
    return "".join(texts)


def _value(claims: Claims, path: ClaimPath) -> object:
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
    items = _items(value)
    return _encode(_bare(value), _ENCODED) if items is None else _join(items)


def _items(value: object) -> Sequence[str] | None:
    """Return the texts of a list of plain values; None for other values."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return [_scalar(item) for item in value]
    return None


def _bare(value: object) -> str:
    """Return the text of *value*, not encoded."""
    items = _items(value)
    if items is not None:
        return _join(items)
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    return _scalar(value)


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
