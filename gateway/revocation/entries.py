"""Parse a revocation list."""

from collections.abc import Mapping
from math import inf

from gateway.decision.revocation import Revocation
from gateway.decision.tokens.json_text import JsonFault, parse_json_object

# Room for 50,000 entries with a UUID and a time each.
MAX_LIST_BYTES = 4 * 1024 * 1024

# At about 80 bytes each they fill the list.
MAX_ENTRIES = 50_000

_CLAIMS = ("client_id", "iss", "jti", "sub")
_TIMES = ("exp", "issued_before")
_KNOWN = frozenset({*_CLAIMS, *_TIMES})

_MAX_TIME_SECONDS = 2.0**53  # above, a double no longer counts seconds


class _Wrong(Exception):  # noqa: N818 - about one entry; it never leaves this module
    """One entry is malformed; the text is the reason, and quotes nothing of the entry."""


def parse_revocations(body: bytes) -> tuple[Revocation, ...] | str:
    """Return the entries of the list in *body*, or why it is not one.

    One malformed entry invalidates the list: skipping it could accept a revoked token. The reason
    names its index, counted from 0.
    """
    document = parse_json_object(body)
    if isinstance(document, JsonFault):
        return document.detail
    members = document.get("revoked")
    if not isinstance(members, list) or len(document) != 1:
        return 'is not an object of one array, "revoked"'
    if len(members) > MAX_ENTRIES:
        return f"has more than {MAX_ENTRIES} entries"
    entries: list[Revocation] = []
    for index, member in enumerate(members):
        try:
            entries.append(_entry(member))
        except _Wrong as fault:
            return f"entry {index}: {fault}"
    return tuple(entries)


def _entry(member: object) -> Revocation:
    if not isinstance(member, dict):
        raise _Wrong("not a JSON object")
    if not _KNOWN.issuperset(member):
        raise _Wrong(f"has a member other than {', '.join(sorted(_KNOWN))}")
    claims = tuple((name, _text(member, name)) for name in _CLAIMS if name in member)
    if not any(name != "iss" for name, _ in claims):
        raise _Wrong("has neither jti, sub nor client_id")
    return Revocation(claims, _time(member, "exp"), _time(member, "issued_before"))


def _text(member: Mapping[str, object], name: str) -> str:
    value = member[name]
    if not isinstance(value, str) or not value:
        raise _Wrong(f"{name} is not a string, or is empty")
    return value


def _time(member: Mapping[str, object], name: str) -> float:
    if name not in member:
        return inf
    value = member[name]
    # A bool is an int to isinstance, but not by its type.
    if (type(value) is int or type(value) is float) and 0 <= value < _MAX_TIME_SECONDS:
        return value
    raise _Wrong(f"{name} is not a number of seconds since the epoch")
