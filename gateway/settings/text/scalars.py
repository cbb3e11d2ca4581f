"""Read a plain YAML scalar only if every YAML version reads it alike.

YAML 1.1 and 1.2 disagree about ``on``, ``010`` and ``12:30``; the author may have meant either,
so these are refused, and the message says what to write.
"""

import json
import re
from dataclasses import dataclass

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+][0-9]+)?")
_MAX_NUMBER_DIGITS = 18  # fits 64 bits; also keeps int() clear of CPython's digit limit

_SURPRISES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF"),
        "a truth value in YAML 1.1 and a word in 1.2: write true or false, or quote it",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"),
        "a number in base 60 in YAML 1.1: quote it",
    ),
    (
        re.compile(r"[-+]?0[0-9_]+"),
        "an octal number in YAML 1.1: write it in decimal, or quote it",
    ),
    (
        re.compile(r"[-+]?0[xXbBoO][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*_[0-9_.]*"),
        "a number in some YAML versions only: write it in decimal, or quote it",
    ),
    (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+"),
        "a number in some YAML versions only: write it in decimal, or quote it",
    ),
    (
        re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        "not a finite number: quote it if you mean the text",
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt\s].*)?"),
        "a date in YAML 1.1: quote it",
    ),
    (re.compile(r"<<"), "a merge key in YAML 1.1, which is not supported: write the keys out"),
    (re.compile(r"="), "a special value in YAML 1.1: quote it"),
)


# The first characters of all of these, and of numbers: most texts need no search.
_ODD_BEGINNINGS = frozenset("yYnNoO+-.0123456789<=")


# Texts that need no quotes, wherever they stand.
_PLAIN = re.compile(
    r"(?!(?i:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*"
)


@dataclass(frozen=True, slots=True)
class Surprise:
    """Why a scalar is refused."""

    message: str


def parse_scalar(text: str) -> str | int | float | bool | Surprise | None:
    """Return the value of the plain scalar *text*, or the surprise it holds."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    if text[0] not in _ODD_BEGINNINGS:
        return text
    if _INTEGER.fullmatch(text):
        return _parse_integer(text)
    if _FLOAT.fullmatch(text):
        return _parse_float(text)
    for pattern, message in _SURPRISES:
        if pattern.fullmatch(text):
            return Surprise(f"`{shorten(text)}` is {message}")
    return text


def shorten(text: str) -> str:
    """Return *text* for a message: printable and short."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:61])
    return shown if len(text) <= 60 else f"{shown[:60]}…"


def show_yaml(value: object) -> str:
    """Return *value*, a scalar or a list, as YAML for a message; a long text is shortened."""
    if isinstance(value, list):
        return f"[{', '.join(map(show_yaml, value))}]"
    if isinstance(value, dict):
        pairs = (f"{show_yaml(key)}: {show_yaml(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return shorten(value)
    shown = shorten(value) if isinstance(value, str) else value
    return json.dumps(shown, ensure_ascii=False)


def _parse_integer(text: str) -> int | Surprise:
    if len(text.lstrip("+-")) > _MAX_NUMBER_DIGITS:
        return Surprise(f"`{shorten(text)}` is too large a number: quote it if you mean the text")
    return int(text)


def _parse_float(text: str) -> float | Surprise:
    number = float(text)
    if number - number != 0:  # infinite
        return Surprise(f"`{shorten(text)}` is too large a number: quote it if you mean the text")
    return number
