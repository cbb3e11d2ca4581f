"""Parse a JSON object as strictly as a security decision needs."""

import json
import math
import re
from dataclasses import dataclass
from typing import NoReturn

MAX_NESTING = 32  # far beyond real tokens and key sets; parsers' stacks end at about 1,000

_WHITE_SPACE = " \t\n\r"  # RFC 8259 §2, and no other

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class JsonFault:
    """Why a text is not an acceptable JSON object; never a part of the text itself."""

    detail: str


class _RefusedError(ValueError):
    """Carries a fault out of the C parser's callbacks."""


def parse_json_object(text: bytes) -> dict[str, object] | JsonFault:
    """Return the object, or the fault.

    Refuses what two parsers may read differently: other encodings than UTF-8 and a byte order
    mark, duplicate names at any depth (RFC 7519 §4), NaN and infinities (also by overflow), lone
    surrogates, nesting over 32, anything after the object.
    """
    try:
        characters = text.decode("utf-8")
    except UnicodeDecodeError:
        return JsonFault("not UTF-8")
    if _nests_too_deep(characters):
        return JsonFault(f"nested deeper than {MAX_NESTING}")
    # Stripped here, so that the decoder need not look for white space.
    characters = characters.strip(_WHITE_SPACE)
    try:
        value, end = _read_value(characters)
        if end != len(characters):
            return JsonFault("not valid JSON")
        if "\\" in characters and _SURROGATE.search(characters):
            # A lone surrogate has no UTF-8 form, so it would fail later, in a header or a log.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except _RefusedError as fault:
        return JsonFault(str(fault))
    except UnicodeEncodeError:
        return JsonFault("a lone surrogate in a string")
    except ValueError:  # also an integer of more digits than int() reads
        return JsonFault("not valid JSON")
    return value if isinstance(value, dict) else JsonFault("not a JSON object")


def _nests_too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= MAX_NESTING:
        return False
    # Without escapes, every second piece between quotes is outside strings. Two linear passes: a
    # regular expression for strings would be quadratic on unclosed ones.
    outside = "".join(_ESCAPE.sub("", text).split('"')[::2])
    depth = 0
    for character in outside:
        if character in "{[":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif character in "}]":
            depth -= 1
    return False


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    if len(unique) != len(members):
        raise _RefusedError("a name occurs twice in one object")
    return unique


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError("a number out of range")
    return number


def _no_constant(_: str) -> NoReturn:
    raise _RefusedError("NaN or Infinity")


_read_value = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
).raw_decode
