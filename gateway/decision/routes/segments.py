"""Split a path into decoded segments, or name the rule that it breaks."""

import re
from urllib.parse import unquote_to_bytes

# RFC 3986 §3.3: pchar, without `%` and without `;`. Path parameters are refused because Tomcat
# and others cut them off before matching (`/public/..;/admin`).
_PLAIN = rb"A-Za-z0-9\-._~!$&'()*+,=:@"

# The whole rule for a path without escapes: no empty segment but the last, no dot segment.
# Possessive quantifiers, so that a hostile path costs one pass.
_is_plain = re.compile(rb"(?:/(?!\.\.?(?:/|\Z))[" + _PLAIN + rb"]++)*+/?").fullmatch

_NOT_PLAIN = re.compile(rb"[^/%" + _PLAIN + rb"]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# Characters that another decoder could read as structure: separators (CVE-2021-29492),
# parameters, query, fragment, and controls that end strings or lines elsewhere.
_STRUCTURE = re.compile(r"[/\\;?#\x00-\x1f\x7f]")
# An escape that appears after decoding: `%252e`, but also `%25%32%65`.
_SECOND_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


def split_segments(raw: bytes) -> tuple[str, ...] | str:
    """Return the decoded segments of *raw*, or the broken rule for people."""
    if _is_plain(raw) and raw:
        return tuple(raw[1:].decode().split("/"))
    if not raw.startswith(b"/"):
        return "the path does not start with a slash"
    if b"//" in raw:
        return "the path has an empty segment"
    if b";" in raw:
        return "the path has a parameter (;)"
    if _NOT_PLAIN.search(raw):
        return "the path has a character that must be percent-encoded"
    if _BAD_ESCAPE.search(raw):
        return "the path has an invalid percent escape"
    return _decode_segments(raw)


def _decode_segments(raw: bytes) -> tuple[str, ...] | str:
    try:
        segments = tuple(unquote_to_bytes(part).decode() for part in raw[1:].split(b"/"))
    except UnicodeDecodeError:
        return "the path is not UTF-8 when decoded"
    for segment in segments:
        if segment in {".", ".."}:
            return "the path has a dot segment"
        if _STRUCTURE.search(segment):
            return "the path has an encoded separator or control character"
        if _SECOND_ESCAPE.search(segment):
            return "the path is encoded twice"
    return segments
