"""The types of values in a configuration file, for pydantic."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.settings.text.fault import Code
from gateway.settings.text.quantities import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    parse_duration,
    parse_size,
)
from gateway.settings.text.scalars import shorten

# RFC 9110 section 5.6.2, token.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# RFC 6749 section 3.3, scope-token; an `acr` appears in a challenge in the same way.
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Strict(BaseModel):
    """A mapping with known keys only, and without conversions of values."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *key* with *value*, if that is known.

        The key is unknown, or the value has the wrong type. *owner* is the key of this mapping.
        """
        return None

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return the mapping that *value*, which is none, probably stands for."""
        return None


def bad(code: Code, message: str) -> PydanticCustomError:
    """Return an error that carries our code through pydantic."""
    # In the template itself, pydantic would expand braces.
    return PydanticCustomError(code.value, "{message}", {"message": message})


def described(default: object, description: str) -> Any:
    """Return a field with *default*, in the form of the file."""
    return Field(default=default, validate_default=True, description=description)


def _duration(minimum_seconds: float, maximum_seconds: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        seconds = parse_duration(value) if isinstance(value, str) else None
        if seconds is None:
            raise bad(Code.BAD_VALUE, "not a duration: write it like 500ms, 30s, 5m or 1h")
        if seconds < minimum_seconds:
            raise bad(Code.BAD_VALUE, "this duration must be more than zero")
        if seconds > maximum_seconds:
            raise bad(Code.BAD_VALUE, f"too long: at most {maximum_seconds:g} seconds here")
        return seconds

    return check


def _whole_seconds(value: object) -> int:
    seconds = _duration(0.001, _UNLIMITED_SECONDS)(value)
    if not seconds.is_integer():
        # RFC 9470 section 3: challenges have whole seconds.
        raise bad(Code.BAD_VALUE, "this must be a whole number of seconds")
    return int(seconds)


def _duration_or_unlimited(value: object) -> float:
    return math.inf if value == "unlimited" else _duration(0, _UNLIMITED_SECONDS)(value)


def _size(value: object) -> int:
    count = parse_size(value) if isinstance(value, str) else None
    if count is None:
        raise bad(Code.BAD_VALUE, "not a size: write it like 512B, 64KiB or 10MiB")
    if count == 0:
        raise bad(Code.BAD_VALUE, "this size must be more than zero")
    return count


def _size_or_unlimited(value: object) -> int | None:
    return None if value in ("unlimited", None) else _size(value)


def _only_true(value: bool) -> bool:
    if not value:
        raise bad(Code.BAD_VALUE, "only true is allowed here: otherwise leave the key out")
    return value


def _only_false(value: bool) -> bool:
    if value:
        raise bad(Code.BAD_VALUE, "only false is allowed here: otherwise leave the key out")
    return value


def _positive(value: int) -> int:
    if value < 1:
        raise bad(Code.BAD_VALUE, "this number must be at least 1")
    return value


def _matching(pattern: re.Pattern[str], message: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise bad(Code.BAD_VALUE, f"`{shorten(value)}` {message}")
        return value

    return check


def _scope(value: str) -> str:
    words = value.split()
    if len(words) > 1 and all(SCOPE.fullmatch(word) for word in words):
        message = f"this is several scopes: write each as an item, `{shorten(', '.join(words))}`"
        raise bad(Code.BAD_VALUE, message)
    return _matching(SCOPE, "is not a scope: no spaces, quotes or backslashes")(value)


def _method(value: str) -> str:
    if value == "*":
        raise bad(Code.BAD_VALUE, "`*`: for every method, leave the list out")
    if not TOKEN.fullmatch(value):
        raise bad(Code.BAD_VALUE, f"`{shorten(value)}` is not a method")
    if value != value.upper():
        # RFC 9110 section 9.1: methods are case-sensitive, so `get` would match no real request.
        raise bad(Code.BAD_VALUE, f"methods are case-sensitive: write {value.upper()}")
    if value in {"CONNECT", "TRACE"}:
        raise bad(Code.NOT_SUPPORTED, f"{value} is never forwarded")
    return value


def _upgrade(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", value):
        raise bad(Code.BAD_VALUE, f"`{shorten(value)}` is not an upgrade token")
    if value.lower() == "h2c":
        # Requests inside an HTTP/2 tunnel would bypass every rule.
        raise bad(Code.NOT_SUPPORTED, "h2c is never forwarded")
    return value.lower()


def _version_one(value: int) -> int:
    if value != 1:
        raise bad(Code.NOT_SUPPORTED, "this gateway reads version 1")
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise bad(Code.WRONG_TYPE, "expected text, a number, true or false")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad(Code.WRONG_TYPE, "expected a number")
    return value


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise bad(Code.BAD_VALUE, "not a share: write a number from 0 to 1, e.g. 0.5")
    return float(value)


def _schema(**schema: object) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


_UNLIMITED_SECONDS = 1e9
MAX_LEEWAY_SECONDS = 300  # RFC 7519 section 4.1.4: "no more than a few minutes"
# As `DURATION_PATTERN` and `SIZE_PATTERN`, but more than zero.
POSITIVE = "^(?!0+[A-Za-z])"
_LONGER_THAN_ZERO = DURATION_PATTERN.replace("^", POSITIVE)
_LARGER_THAN_ZERO = SIZE_PATTERN.replace("^", POSITIVE)
UP_TO_5M = "0*(([0-2]?[0-9]{1,5}|300000)ms|([0-2]?[0-9]{1,2}|300)s|[0-5]m|0h)$"

Duration = Annotated[
    float,
    BeforeValidator(_duration(0.001, _UNLIMITED_SECONDS)),
    _schema(type="string", pattern=_LONGER_THAN_ZERO, examples=["30s", "500ms", "5m", "1h"]),
]
DurationOrZero = Annotated[
    float,
    BeforeValidator(_duration(0, _UNLIMITED_SECONDS)),
    _schema(type="string", pattern=DURATION_PATTERN, examples=["30s", "5m", "0s"]),
]
DurationOrUnlimited = Annotated[
    float,
    BeforeValidator(_duration_or_unlimited),
    _schema(
        anyOf=[{"const": "unlimited"}, {"type": "string", "pattern": DURATION_PATTERN}],
        examples=["1h", "unlimited"],
    ),
]
WholeSeconds = Annotated[
    int,
    BeforeValidator(_whole_seconds),
    _schema(
        type="string",
        pattern=f"{POSITIVE}([0-9]{{1,9}}(s|m|h)|[0-9]{{1,6}}000ms)$",
        examples=["15m", "1h"],
    ),
]
Leeway = Annotated[
    float,
    BeforeValidator(_duration(0, MAX_LEEWAY_SECONDS)),
    _schema(type="string", pattern=f"^{UP_TO_5M}", examples=["30s", "1m"]),
]
Size = Annotated[
    int,
    BeforeValidator(_size),
    _schema(type="string", pattern=_LARGER_THAN_ZERO, examples=["64KiB", "10MiB"]),
]
SizeOrUnlimited = Annotated[
    int | None,
    BeforeValidator(_size_or_unlimited),
    _schema(
        anyOf=[{"const": "unlimited"}, {"type": "string", "pattern": _LARGER_THAN_ZERO}],
        examples=["10MiB", "unlimited"],
    ),
]
Share = Annotated[Any, BeforeValidator(_share), _schema(type="number", minimum=0, maximum=1)]
Count = Annotated[int, AfterValidator(_positive), _schema(type="integer", minimum=1)]
VersionOne = Annotated[int, AfterValidator(_version_one), _schema(const=1)]
OnlyTrue = Annotated[bool, AfterValidator(_only_true), _schema(const=True)]
OnlyFalse = Annotated[bool, AfterValidator(_only_false), _schema(const=False)]
# Never from the environment: who reads the file must see that a route is open.
Written = Annotated[bool, _schema(enum=[False, True])]
WRITTEN = "\0written"  # marks a text that is such a value
Mode = Annotated[Literal["enforce", "report"], WRITTEN]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[
    str,
    AfterValidator(_matching(NAME, "is not a valid name: use letters, digits, `.`, `_` and `-`")),
    _schema(type="string", pattern=f"^{NAME.pattern}$"),
]
Scope = Annotated[
    str,
    AfterValidator(_scope),
    _schema(type="string", pattern=r"^[!#-\[\]-~]+$"),
]
Acr = Annotated[
    str,
    AfterValidator(_matching(SCOPE, "is not an acr: no spaces, quotes or backslashes")),
    _schema(type="string", pattern=r"^[!#-\[\]-~]+$"),
]
Method = Annotated[
    str,
    AfterValidator(_method),
    _schema(
        type="string",
        pattern="^(?!(CONNECT|TRACE|[*])$)[A-Z0-9!#$%&'*+.^_`|~-]+$",
        examples=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    ),
]
Upgrade = Annotated[
    str,
    AfterValidator(_upgrade),
    _schema(type="string", pattern="^(?![Hh]2[Cc]$)[A-Za-z0-9._/-]+$", examples=["websocket"]),
]
Scalar = Annotated[Any, BeforeValidator(_scalar), _schema(type=["string", "number", "boolean"])]
Number = Annotated[Any, BeforeValidator(_number), _schema(type="number")]

# The names of union branches are in pydantic's error locations; a NUL keeps them apart from keys.
TEXT, TABLE, LIST, OFF = "\0text", "\0table", "\0list", "\0off"


def text_or_table(value: object) -> str:
    """Return the union branch of *value*."""
    return TABLE if isinstance(value, dict) else TEXT


def text_or_list(value: object) -> str:
    """Return the union branch of *value*."""
    return LIST if isinstance(value, list) else TEXT


def list_or_table(value: object) -> str:
    """Return the union branch of *value*."""
    return TABLE if isinstance(value, dict) else LIST
