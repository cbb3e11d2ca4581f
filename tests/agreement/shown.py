"""What a token shows to a lenient reader, whatever the gateway, PyJWT or joserfc make of it.

The grounds of a refusal are looked for in this, so that none is explained by the refusal itself.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.agreement.trust import Trust

_NOT_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})


@dataclass(frozen=True, slots=True)
class Text:
    """A JSON object as it was spelt; *value* is empty where even a lenient parser finds none."""

    octets: bytes
    value: dict[str, Any]
    repeats_a_name: bool
    has_constants: bool

    @property
    def members(self) -> Iterator[Any]:
        """Yield every name and value at any depth."""
        waiting: list[Any] = [self.value]
        while waiting:
            one = waiting.pop()
            yield one
            if isinstance(one, dict):
                waiting += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                waiting += one

    @property
    def depth(self) -> int:
        """Return how many objects and arrays stand in each other, level by level."""
        levels = 0
        level: list[Any] = [self.value]
        while level:
            levels += 1
            held = [list(one.values()) if isinstance(one, dict) else one for one in level]
            level = [item for items in held for item in items if isinstance(item, dict | list)]
        return levels


@dataclass(frozen=True, slots=True)
class Shown:
    """A token, its header and its claims, and the keys that it was judged by."""

    token: bytes
    trust: Trust
    now: int
    header: Text
    claims: Text

    @property
    def texts(self) -> tuple[Text, Text]:
        """Return both JSON texts."""
        return self.header, self.claims


def show(token: bytes, trust: Trust, now: int) -> Shown:
    """Return what can be read of *token* by all means."""
    token = token.lstrip(b" ")  # the field's, not the token's (RFC 6750 §2.1)
    segments = [*token.split(b"."), b"", b""]
    return Shown(token, trust, now, _text(segments[0]), _text(segments[1]))


def _text(segment: bytes) -> Text:
    octets = _octets(segment)
    repeats, constants = [False], []

    def note(members: list[tuple[str, Any]]) -> dict[str, Any]:
        repeats.append(len(dict(members)) < len(members))
        return dict(members)

    def note_constant(text: str) -> float:
        constants.append(text)
        return float(text)

    try:
        value = json.loads(octets, object_pairs_hook=note, parse_constant=note_constant)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Text(octets, {}, False, False)
    return Text(octets, value, any(repeats), bool(_NOT_NUMBERS.intersection(constants)))


def _octets(segment: bytes) -> bytes:
    bare = segment.rstrip(b"=")
    try:
        return urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))
    except ValueError:
        return b""
