"""The shape of a suite file, and its JSON Schema; other rules are checked after the shape."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.decision.reason import Reason
from gateway.http.writing.grpc_status import grpc_status_of
from gateway.settings.schema.issuers.issuer import Algorithm
from gateway.settings.schema.json_schema import tidy
from gateway.settings.schema.types import (
    LIST,
    TABLE,
    TEXT,
    TOKEN,
    Method,
    Name,
    OnlyTrue,
    Strict,
    Text,
    VersionOne,
    bad,
    described,
    text_or_list,
    text_or_table,
)
from gateway.settings.text.fault import Code
from gateway.settings.text.quantities import parse_duration
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.suites.files.attack_names import NAMES
from gateway.suites.simulation.token_attacks import ATTACKS

ALLOW, PUBLISHED, LOGIN = "allow", "published", "login"
# The personas that a test does not name, and the expectation of those that it does not try.
OTHERS, SKIP = "others", "skip"
REASONS = tuple(reason.code for reason in Reason)
ANSWERS = (ALLOW, PUBLISHED, LOGIN, *REASONS)
# What callers of gRPC receive instead of reasons.
STATUSES = tuple(dict.fromkeys(grpc_status_of(reason).name for reason in Reason))
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OFFSET_PATTERN = "^[+-][0-9]{1,9}(ms|s|m|h)$"

# A persona has at least one of these.
_BEGINNINGS = ("anonymous", "issuer", "extends")

# Any day, but the same in every run.
DEFAULT_AT = "2026-01-01T12:00:00Z"


def _time(value: object) -> float:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise bad(Code.BAD_VALUE, f'not a time: write it like "{DEFAULT_AT}"')
    if at.timestamp() < 0:
        raise bad(Code.BAD_VALUE, "a token has no time before 1970")
    return at.timestamp()


def _offset(value: object) -> float:
    text = value if isinstance(value, str) else ""
    seconds = parse_duration(text[1:]) if text[:1] in {"+", "-"} and text else None
    if seconds is None:
        raise bad(Code.BAD_VALUE, "not a distance from now: write it like -30s, +5m or +1h")
    return -seconds if text[0] == "-" else seconds


def _one_of(known: tuple[str, ...], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            message = f"no {what} `{shorten(value)}`{did_you_mean(value, known)}"
            raise bad(Code.UNKNOWN_REFERENCE, message)
        return value

    return AfterValidator(check)


def _field_name(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise bad(Code.BAD_VALUE, f"`{shorten(value)}` is not a header name")
    return value


def _environment_name(value: str) -> str:
    if not _ENVIRONMENT_NAME.fullmatch(value):
        raise bad(Code.BAD_VALUE, f"`{shorten(value)}` is not the name of a variable")
    return value


def _schema(**schema: object) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


Time = Annotated[float, BeforeValidator(_time), _schema(type="string", format="date-time")]
Offset = Annotated[float, BeforeValidator(_offset), _schema(type="string", pattern=_OFFSET_PATTERN)]
_EXPECTED = (*ANSWERS, *STATUSES, SKIP)
Answer = Annotated[str, _one_of(_EXPECTED, "reason"), _schema(enum=[*_EXPECTED])]
ReasonCode = Annotated[str, _one_of(REASONS, "reason"), _schema(enum=list(REASONS))]
TokenAttack = Annotated[str, _one_of(tuple(ATTACKS), "attack"), _schema(enum=list(ATTACKS))]
HostileAttack = Annotated[
    str, _one_of(tuple(NAMES), "attack"), _schema(type="string", enum=list(NAMES))
]
FieldName = Annotated[str, AfterValidator(_field_name), _schema(type="string")]
FieldValues = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[Annotated[list[str], Field(min_length=1)], Tag(LIST)],
    Discriminator(text_or_list),
]


class PersonaModel(Strict):
    """One caller and the token it brings."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in _BEGINNINGS]}
    )

    extends: Text | None = Field(default=None, description="The persona to inherit from.")
    anonymous: OnlyTrue | None = Field(default=None, description="No token is sent.")
    issuer: Text | None = Field(
        default=None,
        description="The issuer in the configuration that signs the token, by name.",
    )
    claims: dict[Text, Any] = Field(
        default={}, description="Claims of the token, in addition to the default ones."
    )
    times: dict[Text, Offset] = Field(
        default={}, description="Claims that are times, relative to `at`."
    )
    without: list[Text] | None = Field(
        default=None, min_length=1, description="Claims that the token does not have."
    )
    header: dict[Text, Any] = Field(
        default={}, description="Members of the token's header, in addition to alg, kid and typ."
    )
    algorithm: Algorithm | None = Field(
        default=None, description="The signature algorithm; by default the fastest that is allowed."
    )
    attack: TokenAttack | None = Field(
        default=None, description="What is done to the token before it is sent."
    )
    revoked: list[Text] | None = Field(
        default=None, min_length=1, description="The revocation lists that the token is on."
    )
    session: Text | None = Field(
        default=None,
        description="The login whose session has the token, by name; then none is sent.",
    )
    browser: Literal["page", "navigation", "other-site"] | None = Field(
        default=None,
        description="What sends its requests: a script of the same origin, the person, or a page"
        " of another site; with `session` the first.",
    )


class RequestModel(Strict):
    """A request in its long form."""

    method: Method | None = Field(
        default=None, description="The method; by default GET, and POST for a call of gRPC."
    )
    url: Text = Field(description="The URL; its path is sent as written.")
    headers: dict[FieldName, FieldValues] = Field(
        default={}, description="Header fields besides Host; a list is one field per value."
    )
    grpc: OnlyTrue | None = Field(
        default=None, description="It is a call of gRPC: POST, over HTTP/2."
    )


class AllowModel(Strict):
    """What must be true of an allowed request."""

    route: Text | None = Field(default=None, description="The route that owns it.")
    upstream: Text | None = Field(default=None, description="The upstream that receives it.")
    target: Text | None = Field(default=None, description="The target that the service receives.")
    headers: dict[FieldName, FieldValues] = Field(
        default={},
        description="Header fields that the service receives, with these values.",
    )
    present: list[FieldName] | None = Field(
        default=None, min_length=1, description="Header fields that the service receives."
    )
    absent: list[FieldName] | None = Field(
        default=None, min_length=1, description="Header fields that the service does not receive."
    )
    would_deny: ReasonCode | None = Field(
        default=None, description="The refusal that is only reported, in report mode."
    )


class ExpectModel(Strict):
    """An expectation in its long form."""

    allow: AllowModel = Field(description="The request is allowed, and all of this is true.")


Expected = Annotated[
    Annotated[Answer, Tag(TEXT)] | Annotated[ExpectModel, Tag(TABLE)],
    Discriminator(text_or_table),
]


class TestModel(Strict):
    """One request, and its expected outcome for each persona."""

    __test__ = False  # pytest would collect a class of this name

    name: Text = Field(description="What is tested, in plain words; unique.")
    request: Annotated[
        Annotated[Text, Tag(TEXT)] | Annotated[RequestModel, Tag(TABLE)],
        Discriminator(text_or_table),
    ] = Field(description="Method and URL, or a table.")
    also: Text | None = Field(
        default=None, description="The persona whose token is sent as the second one, by name."
    )
    expect: Annotated[dict[Text, Expected], Field(min_length=1)] = Field(
        description="`allow`, `published`, `login`, a reason or `skip`, by persona; `others` are"
        " the rest. For a call of gRPC also a status, such as `PERMISSION_DENIED`."
    )


class WaiverModel(Strict):
    """Attacks that may get through."""

    attacks: list[HostileAttack] = Field(min_length=1, description="Attacks, by name.")
    routes: list[Text] | None = Field(
        default=None, min_length=1, description="On these routes; by default on all."
    )
    reason: Text = Field(description="Why they do no harm, or who is responsible.")


class HostileModel(Strict):
    """Options of `--hostile`."""

    waive: list[WaiverModel] = Field(min_length=1, description="What may get through, and why.")


class PersonasFile(Strict):
    """A file of personas that suites share."""

    model_config = ConfigDict(title="Personas for JWT Gateway")

    version: VersionOne = Field(description="The version of this format: 1.")
    personas: dict[Name, PersonaModel] = Field(default={}, description="Callers, by name.")


class SuiteFile(PersonasFile):
    """Tests of access rules."""

    model_config = ConfigDict(title="Test suite for JWT Gateway")

    gateway: Text | None = Field(
        default=None, description="The configuration under test; relative to this file."
    )
    environment: dict[Annotated[str, AfterValidator(_environment_name)], str] = Field(
        default={}, description="Environment variables that the configuration names."
    )
    at: Time = described(DEFAULT_AT, "The time of all tests.")
    include: list[Text] | None = Field(
        default=None, min_length=1, description="Files of personas; relative to this file."
    )
    hostile: HostileModel | None = Field(
        default=None, description="What attacks of `--hostile` may do."
    )
    tests: list[TestModel] | None = Field(default=None, min_length=1, description="The tests.")


def make_suite_schema() -> dict[str, Any]:
    """Return the schema of a suite file, JSON Schema draft 2020-12.

    ``$defs/PersonasFile`` is the schema of a file of personas that suites include.
    """
    schema: dict[str, Any] = SuiteFile.model_json_schema()
    personas = PersonasFile.model_json_schema()
    del personas["$defs"]  # the whole schema has all of them
    schema["$defs"]["PersonasFile"] = personas
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = "urn:jwt-gateway:suite:1"
    tidy(schema)
    return schema


def format_suite_schema() -> str:
    """Return the schema as the text that is committed and that ``gateway schema`` prints."""
    text = json.dumps(make_suite_schema(), indent=2, ensure_ascii=False, sort_keys=True)
    return f"{text}\n"
