"""Parse names of claims, and find claims by them."""

import json
import re
from collections.abc import Mapping
from typing import Final

# `realm_access.roles`, `resource_access["my.client"].roles`, `["https://example.com/roles"]`
_STEP = re.compile(
    r"""(?P<dot>\.)?(?:(?P<bare>[^\s."'\[\]{}/\\\x00-\x1f]+)|\[(?P<quoted>"(?:[^"\\]|\\.)*+")\])"""
)
# Without a bar, which separates alternatives.
_BARE = re.compile(r"[^\s.\"'\[\]{}/\\|\x00-\x1f]+")


class Absent:
    """The result of looking up a claim that is missing or null."""


ABSENT: Final = Absent()


def parse_claim_name(text: str) -> tuple[str, ...]:
    """Return the path of names that *text* spells: dots between, ``["…"]`` around odd ones.

    Raises ValueError if the text is ambiguous or malformed.
    """
    path: list[str] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        # A dot comes before every bare name but the first, and nowhere else.
        if step is None or (step["dot"] is not None) != (bool(path) and step["bare"] is not None):
            break
        name = step["bare"] or _unquote(step["quoted"])
        if not name:
            break
        path.append(name)
        position = step.end()
    if position < len(text) or not path:
        raise ValueError(f'{text!r} is not the name of a claim; write odd names as ["…"]')
    return tuple(path)


def _unquote(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


def format_claim_name(path: tuple[str, ...]) -> str:
    """Return a short text that ``parse_claim_name`` reads as *path*."""
    text = ""
    for name in path:
        if not _BARE.fullmatch(name):
            text += f"[{json.dumps(name, ensure_ascii=False)}]"
        else:
            text += f".{name}" if text else name
    return text


def find_claim(claims: Mapping[str, object], path: tuple[str, ...]) -> object:
    """Return the claim at *path*, or ABSENT; null counts as absent."""
    value: object = claims
    for name in path:
        # The type of JSON objects; isinstance with Mapping costs many times as much.
        if not isinstance(value, dict):
            return ABSENT
        value = value.get(name)
    return ABSENT if value is None else value
