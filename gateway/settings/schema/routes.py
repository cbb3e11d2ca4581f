"""The shape of a route in a configuration file."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from gateway.settings.schema.cors import CorsModel
from gateway.settings.schema.rewrite import RewriteModel
from gateway.settings.schema.types import (
    LIST,
    TABLE,
    TEXT,
    Acr,
    Count,
    Duration,
    DurationOrUnlimited,
    Method,
    Mode,
    Name,
    Number,
    OnlyTrue,
    Scalar,
    Scope,
    SizeOrUnlimited,
    Strict,
    Text,
    Upgrade,
    WholeSeconds,
    list_or_table,
    text_or_table,
)


class ScopeGroup(Strict):
    """A group of scopes; exactly one of its keys."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [key]} for key in ("all", "any", "none")]}
    )

    all_of: "list[ScopeTerm] | None" = Field(
        default=None, alias="all", min_length=1, description="Every one of these."
    )
    any_of: "list[ScopeTerm] | None" = Field(
        default=None, alias="any", min_length=1, description="At least one of these."
    )
    none_of: "list[ScopeTerm] | None" = Field(
        default=None, alias="none", min_length=1, description="Not one of these."
    )


ScopeTerm = Annotated[
    Annotated[Scope, Tag(TEXT)] | Annotated[ScopeGroup, Tag(TABLE)],
    Discriminator(text_or_table),
]


class ClaimModel(Strict):
    """What one claim must be; with several tests, all must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    equals: Scalar = Field(
        default=None, description='The claim is this value; "{path.name}" is a path variable.'
    )
    not_equals: Scalar = Field(default=None, description="The claim is there and is another value.")
    in_: list[Scalar] | None = Field(
        default=None, alias="in", min_length=1, description="The claim is one of these values."
    )
    contains: Scalar = Field(default=None, description="The claim is a list with this value.")
    exists: bool | None = Field(default=None, description="Whether the claim must be there.")
    matches: Text | None = Field(default=None, description="The claim matches this glob.")
    at_least: Number = Field(default=None, description="The claim is a number not under this.")


class RequireModel(Strict):
    """What a token must bring; empty means any valid token of an issuer in reach."""

    optional: bool = Field(
        default=False, description="Whether a request without a token passes, without identity."
    )
    issuers: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Issuers by name; by default those of the main file and of its own.",
    )
    scopes: (
        Annotated[
            Annotated[Annotated[list[ScopeTerm], Field(min_length=1)], Tag(LIST)]
            | Annotated[ScopeGroup, Tag(TABLE)],
            Discriminator(list_or_table),
        ]
        | None
    ) = Field(default=None, description="All of a list, or nested all, any and none.")
    audiences: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="The token must name one of these in `aud`, besides one of its issuer's.",
    )
    claims: dict[Text, ClaimModel] | None = Field(
        default=None,
        min_length=1,
        description='Tests by claim; dots walk nested claims, ["a.b"] quotes a name with dots.',
    )
    acr: list[Acr] | None = Field(
        default=None,
        min_length=1,
        description="The user was authenticated in one of these ways, the preferred one first.",
    )
    max_age: WholeSeconds | None = Field(
        default=None, description="The user was authenticated at most so long ago."
    )


class MatchModel(Strict):
    """Which requests a route owns; the most specific route wins."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["path_prefix"]}]}
    )

    hosts: list[Text] | None = Field(
        default=None, min_length=1, description="Lower-case hosts, *.example.com for subdomains."
    )
    path: Text | None = Field(
        default=None, description="The whole path; {name} stands for one segment."
    )
    path_prefix: Text | None = Field(
        default=None, description="The start of the path; ends with a slash."
    )
    methods: list[Method] | None = Field(
        default=None, min_length=1, description="Methods; by default all."
    )


class RouteTimeoutsModel(Strict):
    """How long the requests of one route may take."""

    response: Duration | None = Field(
        default=None,
        description="Until the first byte of the answer; by default the upstream's.",
    )
    stall: Duration | None = Field(
        default=None,
        description="Without a byte of an answer that has begun; by default the upstream's.",
    )
    total: DurationOrUnlimited | None = Field(
        default=None,
        description="From the head to the end of the answer; by default `timeouts.total`.",
    )


class RouteLimitsModel(Strict):
    """How much one route takes."""

    body: SizeOrUnlimited | None = Field(
        default=None, description="A request body; by default `limits.body`."
    )
    body_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="What a client must send of a body in a second; by default `limits.body_rate`.",
    )
    read_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="What a client must take of an answer in a second; by default "
        "`limits.read_rate`.",
    )
    requests: Count | None = Field(
        default=None, description="Requests under way at one time; by default as many as come."
    )


class RouteModel(Strict):
    """One route: exactly one of public and require."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["public"], "properties": {"mode": {"const": "enforce"}}},
                {"required": ["require"]},
            ]
        }
    )

    name: Name = Field(description="The name in logs, metrics and answers; unique.")
    match: MatchModel = Field(description="Which requests this route owns.")
    upstream: Text = Field(description="The upstream, by name.")
    public: OnlyTrue | None = Field(default=None, description="No token is asked for or read.")
    require: RequireModel | None = Field(default=None, description="What a token must bring.")
    mode: Mode = Field(
        default="enforce",
        description="`report` lets through, without identity, what is refused for its token.",
    )
    timeouts: RouteTimeoutsModel | None = Field(
        default=None, description="How long its requests may take."
    )
    limits: RouteLimitsModel | None = Field(default=None, description="How much it takes.")
    priority: Literal["low", "normal", "high"] = Field(
        default="normal", description="Which requests are refused last where not all can be served."
    )
    rate_limits: list[Text] | None = Field(
        default=None, min_length=1, description="Rate limits that hold its requests, by name."
    )
    rewrite: RewriteModel | None = Field(
        default=None, description="What is changed of its requests and answers."
    )
    cors: CorsModel | None = Field(
        default=None, description="Which pages of other origins may read its answers."
    )
    upgrades: list[Upgrade] | None = Field(
        default=None, min_length=1, description="Protocols a client may switch to, e.g. websocket."
    )
    allow_encoded_slash: bool = Field(
        default=False, description="Whether %2F may stand in the path, as part of a segment."
    )
    allow_semicolon: bool = Field(
        default=False, description="Whether ; may stand in the path, as part of a segment."
    )
