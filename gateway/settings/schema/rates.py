"""The schema of rate limits, and of the Redis that counts them."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import FileText, RedisUrl, VariableText
from gateway.settings.schema.types import (
    LIST,
    TABLE,
    TEXT,
    Count,
    Duration,
    Strict,
    Text,
    bad,
    described,
    text_or_table,
)
from gateway.settings.text.fault import Code
from gateway.settings.text.quantities import parse_duration

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([0-9]{1,9}(?:ms|s|m|h))")
_RATE_PATTERN: Final = "^[1-9][0-9]{0,8}/[0-9]{1,9}(ms|s|m|h)$"

# Time is counted in whole microseconds: intervals under ten would be too inexact.
_MAX_PER_SECOND: Final = 100_000
_MAX_PERIOD_SECONDS: Final = 31 * 24 * 60 * 60.0
_MAX_BURST: Final = 1_000_000

_PREFIX: Final = re.compile(r"[\x21-\x7e]{1,64}")


def _rate(value: object) -> tuple[int, int]:
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    seconds = None if found is None else parse_duration(found[2])
    if found is None or not seconds:
        raise bad(Code.BAD_VALUE, "not a rate: write requests/duration, e.g. 100/1m or 5/1s")
    requests = int(found[1])
    if seconds > _MAX_PERIOD_SECONDS:
        raise bad(Code.BAD_VALUE, "too long: at most 744h here")
    if requests > seconds * _MAX_PER_SECOND:
        raise bad(Code.BAD_VALUE, f"too many: at most {_MAX_PER_SECOND} requests in a second")
    return requests, round(seconds * 1_000_000)


def _burst(value: int) -> int:
    if value > _MAX_BURST:
        raise bad(Code.BAD_VALUE, f"too many: at most {_MAX_BURST} requests at once")
    return value


def _prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise bad(Code.BAD_VALUE, "not a prefix: up to 64 ASCII characters, no spaces")
    return value


Rate = Annotated[
    Any,
    BeforeValidator(_rate),
    WithJsonSchema({"type": "string", "pattern": _RATE_PATTERN}),
]
Kind = Literal["subject", "client", "route", "address"]


class ClaimKeyModel(Strict):
    """Count requests separately for each value of a claim."""

    claim: Text = Field(
        description='The claim; dots walk nested claims, ["a.b"] quotes a name.',
        examples=["tenant"],
    )


def _branch(value: object) -> str:
    return LIST if isinstance(value, list) else text_or_table(value)


KeyPartModel = Annotated[
    Annotated[Kind, Tag(TEXT)] | Annotated[ClaimKeyModel, Tag(TABLE)],
    Discriminator(text_or_table),
]
KeyModel = Annotated[
    Annotated[Kind, Tag(TEXT)]
    | Annotated[ClaimKeyModel, Tag(TABLE)]
    | Annotated[Annotated[list[KeyPartModel], Field(min_length=1)], Tag(LIST)],
    Discriminator(_branch),
]


class RateLimitModel(Strict):
    """How many requests a period may have, for each caller or address."""

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        return {"rate": value, "key": "subject"} if isinstance(value, str) else None

    rate: Rate = Field(
        description="Requests per period, on average: e.g. 100/1m.", examples=["100/1m", "5/1s"]
    )
    burst: Annotated[Count, AfterValidator(_burst)] | None = Field(
        default=None, description="Requests at once; by default as many as `rate` says."
    )
    key: KeyModel = Field(
        description="Count by subject, client, route, address, {claim: NAME}, or a list of these.",
        examples=["subject", {"claim": "tenant"}],
    )


class RedisModel(Strict):
    """The Redis or Valkey that gateways share to count requests."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [key]} for key in ("url", "url_env", "url_file")]}
    )

    url: RedisUrl | None = Field(
        default=None, description="redis://host:port/database, rediss:// for TLS; no password."
    )
    url_env: VariableText | None = Field(
        default=None, description="The environment variable with the URL, password included."
    )
    url_file: FileText | None = Field(
        default=None, description="The file with the URL, password included."
    )
    timeout: Duration = described("100ms", "Redis must answer within this time.")
    on_failure: Literal["memory", "allow", "refuse"] = Field(
        default="memory",
        description="While it does not: count in each process, allow all, or refuse all.",
    )
    prefix: Annotated[Text, AfterValidator(_prefix)] = Field(
        default="jwt-gateway:", description="The prefix of keys in Redis."
    )
