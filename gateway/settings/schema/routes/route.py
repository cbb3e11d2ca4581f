"""The schema of a route."""

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from gateway.settings.schema.identity import OwnIdentityModel
from gateway.settings.schema.login import LoginNames
from gateway.settings.schema.routes.claims import ClaimsModel
from gateway.settings.schema.routes.cors import CorsModel
from gateway.settings.schema.routes.rewrite import RewriteModel
from gateway.settings.schema.texts import (
    AudienceText,
    FieldText,
    HostText,
    PathText,
    PrefixText,
    Reference,
    Unique,
)
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
    OnlyFalse,
    OnlyTrue,
    Scope,
    SizeOrUnlimited,
    Strict,
    Text,
    Upgrade,
    WholeSeconds,
    Written,
    list_or_table,
    text_or_table,
)
from gateway.settings.text.scalars import shorten

# Of Traefik.
_PREFIX_RULE = re.compile(r"PathPrefix\(`(/[^`]*)`\)")


class ScopeGroup(Strict):
    """A group of scopes; it has exactly one key."""

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
        default=None, alias="none", min_length=1, description="None of these."
    )


ScopeTerm = Annotated[
    Annotated[Scope, Tag(TEXT)] | Annotated[ScopeGroup, Tag(TABLE)],
    Discriminator(text_or_table),
]


Scopes = (
    Annotated[
        Annotated[Annotated[list[ScopeTerm], Field(min_length=1)], Tag(LIST)]
        | Annotated[ScopeGroup, Tag(TABLE)],
        Discriminator(list_or_table),
    ]
    | None
)


class AlsoIdentityModel(Strict):
    """What services receive about the caller of the second token."""

    headers: dict[str, Text] = Field(
        min_length=1, description="Header name to claim.", examples=[{"X-Workload": "sub"}]
    )


class AlsoModel(Strict):
    """A second token, such as that of a workload: both are required."""

    header: FieldText = Field(
        description="The field with the token, with or without `Bearer`; no service receives it."
    )
    issuers: Unique[Reference] = Field(description="Its issuers, by name.")
    audiences: Unique[AudienceText] | None = Field(
        default=None, description="It must also name one of these in `aud`.", examples=[["orders"]]
    )
    scopes: Scopes = Field(default=None, description="As for the first token.")
    claims: ClaimsModel | None = Field(default=None, description="As for the first token.")
    identity: AlsoIdentityModel | None = Field(
        default=None, description="The headers that services receive about it; none by default."
    )


class RulesModel(Strict):
    """What tokens must have."""

    issuers: Unique[Reference] | None = Field(
        default=None,
        description="Issuers by name; by default those of the main file and of its own.",
    )
    scopes: Scopes = Field(
        default=None,
        description="All of a list, or nested all, any and none.",
        examples=[["orders:read"], {"any": ["orders:read", "orders:admin"]}],
    )
    audiences: Unique[AudienceText] | None = Field(
        default=None,
        description="The token must also name one of these in `aud`.",
        examples=[["orders"]],
    )
    claims: ClaimsModel | None = Field(
        default=None,
        description='Tests by claim; dots walk nested claims, ["a.b"] quotes a name with dots.'
        " `any`, `all` and `not` with a list are groups of tests.",
        examples=[{"tenant": {"equals": "acme"}, "realm_access.roles": {"contains": "staff"}}],
    )
    acr: Unique[Acr] | None = Field(
        default=None,
        description="The user authenticated with one of these, the preferred one first.",
        examples=[["urn:example:mfa"]],
    )
    max_age: WholeSeconds | None = Field(
        default=None, description="The user authenticated at most this long ago."
    )
    also: AlsoModel | None = Field(
        default=None,
        description="A second token that is required, in a field of its own.",
        examples=[{"header": "X-Workload-Token", "issuers": ["workloads"]}],
    )


class RequireModel(RulesModel):
    """What a token must have; empty means any valid token of an accepted issuer."""

    optional: Written = Field(
        default=False, description="Whether a request without a token passes, without identity."
    )


class MatchedModel(Strict):
    """Which requests routes own, whatever their path."""

    hosts: Unique[HostText] | None = Field(
        default=None, description="Lower-case hosts, *.example.com for subdomains."
    )
    methods: Unique[Method] | None = Field(default=None, description="Methods; by default all.")


class MatchModel(MatchedModel):
    """Which requests a route owns; the most specific route wins."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["path_prefix"]}]}
    )

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        path = value[0] if isinstance(value, list) and value else value
        if not isinstance(path, str):
            return None
        rule = _PREFIX_RULE.fullmatch(path)
        if rule is not None:
            return {"path_prefix": f"{rule[1].rstrip('/')}/"}
        method, _, rest = path.partition(" ")
        if rest.startswith("/") and method.isupper():
            return {"path": rest, "methods": [method]}
        if not path.startswith("/"):
            return None
        return {"path_prefix" if path.endswith("/") else "path": path}

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *value* for *key*."""
        if key == "path" and isinstance(value, list):
            return "write a route for each, or all paths below one as `path_prefix: /orders/`"
        if key == "methods" and isinstance(value, str) and value.upper() in {"ALL", "ANY", "*"}:
            return "for every method, leave it out"
        return None

    path: PathText | None = Field(
        default=None, description="The whole path; {name} stands for one segment."
    )
    path_prefix: PrefixText | None = Field(
        default=None, description="The start of the path; ends with a slash."
    )


class RouteTimeoutsModel(Strict):
    """How long the requests of one route may take."""

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        return {"response": value} if isinstance(value, str) else None

    response: Duration | None = Field(
        default=None,
        description="Until the first byte of the response; by default the upstream's.",
    )
    stall: Duration | None = Field(
        default=None,
        description="Between two bytes of a response; by default the upstream's.",
    )
    total: DurationOrUnlimited | None = Field(
        default=None,
        description="From the head to the end of the response; by default `timeouts.total`.",
    )


class RouteLimitsModel(Strict):
    """How much one route accepts."""

    body: SizeOrUnlimited | None = Field(
        default=None, description="A request body; by default `limits.body`."
    )
    body_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="The least a client must send of a body per second; by default "
        "`limits.body_rate`.",
    )
    read_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="The least a client must read of a response per second; by default "
        "`limits.read_rate`.",
    )
    requests: Count | None = Field(
        default=None, description="Requests in flight at one time; unlimited by default."
    )


class TokenHeaderModel(Strict):
    """A header field as the place of a token."""

    header: FieldText = Field(
        description="Its name; its value is the token, with or without `Bearer`."
    )


TokenPlace = Annotated[
    Annotated[Literal["authorization", "subprotocol", "ticket", "query"], Tag(TEXT)]
    | Annotated[TokenHeaderModel, Tag(TABLE)],
    Discriminator(text_or_table),
]


class SharedModel(Strict):
    """What routes can have alike."""

    login: LoginNames | None = Field(
        default=None, description="Ways to log in, by name: a session counts like its token."
    )
    identity: OwnIdentityModel | None = Field(
        default=None,
        description="Identity headers of its requests, in place of the general and the issuer's.",
        examples=[{"headers": {"X-User": "sub"}}],
    )
    token_from: list[TokenPlace] | None = Field(
        default=None,
        min_length=1,
        description="Where the token may be; by default in Authorization alone.",
    )
    timeouts: RouteTimeoutsModel | None = Field(
        default=None, description="How long its requests may take.", examples=[{"response": "10s"}]
    )
    limits: RouteLimitsModel | None = Field(
        default=None, description="How much it accepts.", examples=[{"body": "10MiB"}]
    )
    priority: Literal["low", "normal", "high"] = Field(
        default="normal", description="Under overload, requests of low priority are refused first."
    )
    rate_limits: Unique[Reference] | None = Field(
        default=None, description="Rate limits of its requests, by name."
    )
    rewrite: RewriteModel | None = Field(
        default=None,
        description="What is changed in its requests and responses.",
        examples=[{"strip_prefix": "/api"}],
    )
    cors: CorsModel | None = Field(
        default=None,
        description="Which pages of other origins may read its responses.",
        examples=[{"origins": ["https://app.example.com"]}],
    )


class DefaultsModel(SharedModel):
    """What routes have that do not say it themselves; nothing here opens a route."""

    match: MatchedModel | None = Field(
        default=None,
        description="Hosts and methods, each of routes that list none.",
        examples=[{"hosts": ["api.example.com"]}],
    )
    upstream: Reference | None = Field(default=None, description="The upstream, by name.")
    require: RulesModel | None = Field(
        default=None,
        description="What a token must have, key by key; not for public routes.",
        examples=[{"issuers": ["main"]}],
    )


# What a route has, if not from `defaults`.
WHOLE_ROUTE: dict[str, Any] = {
    "required": ["upstream"],
    "anyOf": [{"required": [key]} for key in ("public", "require")],
}
_OF_CALLERS = ("require", "login", "identity", "token_from")


class RouteModel(SharedModel):
    """One route; it has either `public` or `require`."""

    model_config = ConfigDict(
        json_schema_extra={
            # Where it comes from `defaults`, a route needs no more than these.
            "required": ["name", "match"],
            "allOf": [
                {
                    "if": {"required": ["public"]},
                    "then": {
                        "properties": {"mode": {"const": "enforce"}},
                        "not": {"anyOf": [{"required": [key]} for key in _OF_CALLERS]},
                    },
                },
                {"if": {"required": ["defaults"]}, "then": WHOLE_ROUTE},
            ],
        }
    )

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *value* for *key*."""
        if key == "require" and isinstance(value, str | bool):
            return "write `require: {}` for any valid token, or `public: true` for no token"
        if key == "rate_limits" and (
            isinstance(value, dict) or (isinstance(value, str) and "/" in value)
        ):
            rate = value if isinstance(value, str) else "100/1m"
            return (
                f"declare it in the main file, `rate_limits: {{NAME: {{rate: {shorten(rate)}, key:"
                " subject}}`, and write its name here: `rate_limits: [NAME]`"
            )
        if key == "upstream" and isinstance(value, dict):
            return "declare it under `upstreams`, and write its name here: `upstream: NAME`"
        if key == "public" and isinstance(value, list):
            return "write a route for each path, with `public: true`"
        return None

    name: Name = Field(description="The name in logs and metrics; unique.", examples=["read-order"])
    match: MatchModel = Field(
        description="Which requests this route owns.",
        examples=[
            {"path": "/orders/{id}", "methods": ["GET", "HEAD"]},
            {"hosts": ["api.example.com"], "path_prefix": "/orders/"},
        ],
    )
    upstream: Reference = Field(description="The upstream, by name.")
    public: OnlyTrue | None = Field(default=None, description="No token is required or read.")
    require: RequireModel | None = Field(
        default=None,
        description="What a token must have.",
        examples=[{"scopes": ["orders:read"]}, {}],
    )
    mode: Mode = Field(
        default="enforce",
        description="`report` only reports bad tokens; their requests pass without identity.",
    )
    upgrades: Unique[Upgrade] | None = Field(
        default=None,
        description="Protocols a client may switch to, e.g. websocket.",
        examples=[["websocket"]],
    )
    defaults: OnlyFalse | None = Field(
        default=None, description="`false` takes nothing from `defaults`."
    )
    allow_encoded_slash: bool = Field(
        default=False, description="Whether the path may have %2F, as part of a segment."
    )
    allow_semicolon: bool = Field(
        default=False, description="Whether the path may have a semicolon, as part of a segment."
    )
