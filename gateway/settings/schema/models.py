"""The schema of a configuration file; what a schema cannot express is checked when it is built."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.balancing import BalancingModel
from gateway.settings.schema.credentials import CredentialsModel
from gateway.settings.schema.fetching import FetchingModel
from gateway.settings.schema.identity import IdentityModel
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.log import AccessLog
from gateway.settings.schema.login import LoginModel
from gateway.settings.schema.rates import RateLimitModel, RedisModel
from gateway.settings.schema.resources import ResourceModel
from gateway.settings.schema.revocations import RevocationModel
from gateway.settings.schema.routes.route import DefaultsModel, RouteModel
from gateway.settings.schema.texts import (
    AddressText,
    FileText,
    GrantedPrefix,
    HostText,
    NetworkText,
    ServerText,
    Unique,
    VariableText,
)
from gateway.settings.schema.tickets import TicketsModel
from gateway.settings.schema.tls import TlsModel, UpstreamTlsModel
from gateway.settings.schema.tracing import TracingModel
from gateway.settings.schema.types import (
    LIST,
    OFF,
    TABLE,
    TEXT,
    Count,
    Duration,
    DurationOrUnlimited,
    DurationOrZero,
    Name,
    Scope,
    Size,
    SizeOrUnlimited,
    Strict,
    Text,
    VersionOne,
    bad,
    described,
    text_or_table,
)
from gateway.settings.text.fault import Code
from gateway.settings.text.grants import Grant
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean


def _branch(value: object) -> str:
    if isinstance(value, bool):
        return OFF
    return text_or_table(value)


def _listen_branch(value: object) -> str:
    return LIST if isinstance(value, list) else text_or_table(value)


def _admin_off(value: bool) -> bool:
    if value:
        raise bad(Code.BAD_VALUE, "write an address, or false to turn the admin port off")
    return value


def _grant(word: str) -> Grant:
    if word == "routes":
        raise bad(Code.BAD_VALUE, "every included file may declare routes: leave the word out")
    if word not in set(Grant):
        message = f"`{shorten(word)}` is not one of {', '.join(Grant)}{did_you_mean(word, Grant)}"
        raise bad(Code.BAD_VALUE, message)
    return Grant(word)


class IncludeModel(Strict):
    """Files to include, and what they may declare besides routes."""

    files: Text = Field(
        description="A file or a pattern of files; * and ** match.", examples=["routes.d/*.yaml"]
    )
    may: (
        Annotated[
            list[
                Annotated[str, AfterValidator(_grant), WithJsonSchema({"enum": [*map(str, Grant)]})]
            ],
            Field(min_length=1),
        ]
        | None
    ) = Field(default=None, description="What they may declare besides routes; nothing by default.")
    hosts: Unique[HostText] | None = Field(
        default=None,
        description="The hosts they may own requests for, *.example.com for subdomains.",
    )
    under: Unique[GrantedPrefix] | None = Field(
        default=None,
        description="The path prefixes they may own; each ends with a slash.",
    )


class ListenModel(Strict):
    """An address of the data port in its long form."""

    address: AddressText = Field(description="Host and port, e.g. 0.0.0.0:8443.")
    tls: TlsModel | None = Field(
        default=None,
        description="Speak TLS with these files.",
        examples=[{"certificate": "tls.crt", "key": "tls.key"}],
    )


OneListen = Annotated[
    Annotated[AddressText, Tag(TEXT)] | Annotated[ListenModel, Tag(TABLE)],
    Discriminator(text_or_table),
]


class AdminModel(Strict):
    """The admin port in its long form."""

    address: AddressText = Field(default="127.0.0.1:9901", description="Host and port.")
    token_env: VariableText | None = Field(
        default=None,
        description="The environment variable with the bearer token that the admin port requires.",
    )
    token_file: FileText | None = Field(
        default=None, description="The file with that token, instead of a variable."
    )


class UpstreamModel(BalancingModel):
    """A service and its servers."""

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        if isinstance(value, str):
            return {"servers": [value]}
        return {"servers": value} if isinstance(value, list) else None

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *value* for *key*, or for an item of it."""
        if key == "tls" and value is True:
            return "leave it out: a server whose URL begins with `https://` is called by TLS"
        if key == "servers" and isinstance(value, dict):
            return "write `servers: [URL]`, each as text, e.g. http://10.0.0.7:8000"
        if key == "protocol":
            return "write `protocol: h2c` for HTTP/2 to http servers, `h2` to https ones, or http1"
        return None

    servers: Unique[ServerText] = Field(
        description="http:// or https:// with host and optional port; no path.",
        examples=[["http://10.0.0.7:8000"]],
    )
    protocol: Literal["http1", "h2c", "h2"] = Field(
        default="http1",
        description="How to speak to them: HTTP/1.1, or HTTP/2 without TLS (h2c) or with it (h2).",
    )
    grpc_web: bool = Field(
        default=False,
        description="Whether calls of gRPC-Web, as browsers send them, are translated to gRPC.",
    )
    connect_timeout: Duration = described("2s", "The timeout for a new connection.")
    response_timeout: Duration = described("30s", "Until the first byte of the response.")
    stall_timeout: Duration = described("60s", "Between two bytes of a response.")
    idle_timeout: Duration = described("55s", "A pooled connection idle this long is closed.")
    tls: UpstreamTlsModel = Field(
        default=UpstreamTlsModel(), description="How https servers and the gateway authenticate."
    )
    credentials: CredentialsModel | None = Field(
        default=None,
        description="An access token that the gateway gets for the service; none by default.",
        examples=[
            {
                "client_credentials": {
                    "issuer": "main",
                    "client_id": "gateway",
                    "client_secret": "${CLIENT_SECRET}",
                }
            }
        ],
    )

    @property
    def token_issuer(self) -> str | None:
        """Return the issuer that the tokens of `credentials` come from, by name."""
        return None if self.credentials is None else self.credentials.issuer


class TimeoutsModel(Strict):
    """How long the data port waits for a client."""

    head: Duration = described("10s", "From the first byte of a request head to its end.")
    idle: Duration = described("60s", "Between requests on a connection.")
    body: Duration = described("30s", "Without progress of a body, in either direction.")
    tunnel: Duration = described(
        "1h", "Without a byte in either direction of a tunnel or an event stream."
    )
    total: DurationOrUnlimited = described(
        "1h", "From a request's head to the end of its response; not for streams and tunnels."
    )
    token_grace: DurationOrUnlimited = described(
        "0s", "How long a tunnel or an event stream may outlast its token."
    )


# Gunicorn, Tomcat and Apache httpd accept 100 fields in a request. By default the gateway adds 15:
# Host, Authorization, five identity headers and an assertion, X-Request-Id, three of
# X-Forwarded-*, Forwarded, Via and traceparent. That leaves five for configured ones.
DEFAULT_FIELDS = 80


class LimitsModel(Strict):
    """How much the data port accepts."""

    head: Size = described("32KiB", "A whole request head.")
    fields: Count = described(
        DEFAULT_FIELDS, "Header fields of a request, not counting those that the gateway adds."
    )
    target: Size = described("8KiB", "A request target.")
    token: Size = described("8KiB", "A bearer token.")
    body: SizeOrUnlimited = described("unlimited", "A request body.")
    body_rate: SizeOrUnlimited = described(
        "240B", "The least a client must send of a body per second, on average."
    )
    read_rate: SizeOrUnlimited = described(
        "240B", "The least a client must read of a response per second, on average."
    )
    connections: Count = described(10_000, "Client connections at one time.")
    connections_per_address: Count | None = Field(
        default=None,
        description="Of these, from one address or one IPv6 /64 network; unlimited by default. "
        "Connections of `trusted_proxies` do not count.",
    )
    requests: Count | None = Field(
        default=None, description="Requests in flight at one time; unlimited by default."
    )


class ReloadModel(Strict):
    """When the configuration is reloaded automatically, and what must pass first."""

    watch: Duration | None = Field(
        default=None,
        description="How often to check the files for changes; by default never.",
    )
    suites: bool = Field(
        default=False,
        description="Whether to run `suites` first; if one fails, the reload is rejected.",
    )
    wait: Duration = described(
        "30s", "How long a reload waits for the keys and revocation lists that it needs."
    )


class DrainModel(Strict):
    """The drain, in its long form."""

    deadline: DurationOrZero = described("30s", "How long requests may finish, after the delay.")
    delay: DurationOrZero = described(
        "0s", "How long the gateway is not ready but still accepts connections."
    )
    streams: DurationOrZero | None = Field(
        default=None,
        description="Tunnels and event streams are closed over this time; half the deadline.",
    )


class TeamFile(Strict):
    """A file of a team: routes, and the issuers, upstreams and resources it was granted."""

    issuers: dict[Name, IssuerModel] = Field(
        default={},
        description="Trusted issuers, by name.",
        examples=[
            {
                "main": {
                    "issuer": "https://login.example.com/",
                    "discovery": True,
                    "audiences": ["orders"],
                }
            }
        ],
    )
    upstreams: dict[Name, UpstreamModel] = Field(
        default={},
        description="Services, by name.",
        examples=[{"orders": {"servers": ["http://10.0.0.7:8000"]}}],
    )
    resources: dict[Name, ResourceModel] = Field(
        default={},
        description="Metadata about parts of the API (RFC 9728), by name.",
        examples=[{"orders": {"resource": "https://api.example.com/orders"}}],
    )
    defaults: DefaultsModel | None = Field(
        default=None, description="What routes have that do not say it themselves."
    )
    routes: list[RouteModel] | None = Field(
        default=None,
        min_length=1,
        description="Which requests go where, and what they require.",
        examples=[
            [
                {
                    "name": "orders",
                    "match": {"path_prefix": "/orders/"},
                    "upstream": "orders",
                    "require": {"scopes": ["orders:read"]},
                }
            ]
        ],
    )


class ConfigFile(TeamFile):
    """The configuration of one gateway."""

    model_config = ConfigDict(title="JWT Gateway configuration")

    version: VersionOne = Field(description="The version of this format: 1.", examples=[1])
    listen: Annotated[
        Annotated[AddressText, Tag(TEXT)]
        | Annotated[ListenModel, Tag(TABLE)]
        | Annotated[Annotated[list[OneListen], Field(min_length=1)], Tag(LIST)],
        Discriminator(_listen_branch),
    ] = Field(
        default="0.0.0.0:8080", description="Where the data port listens: an address, or several."
    )

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *value* for *key*."""
        is_port = isinstance(value, int) and not isinstance(value, bool)
        if key == "listen" and is_port:
            return f"write `listen: 0.0.0.0:{value}`"
        if key == "admin" and is_port:
            return f"write `admin: 127.0.0.1:{value}`"
        return None

    admin: Annotated[
        Annotated[AddressText, Tag(TEXT)]
        | Annotated[AdminModel, Tag(TABLE)]
        | Annotated[
            Annotated[bool, AfterValidator(_admin_off), WithJsonSchema({"const": False})],
            Tag(OFF),
        ],
        Discriminator(_branch),
    ] = Field(
        default="127.0.0.1:9901", description="Where the admin port listens; false turns it off."
    )
    include: (
        list[
            Annotated[
                Annotated[Text, Tag(TEXT)] | Annotated[IncludeModel, Tag(TABLE)],
                Discriminator(text_or_table),
            ]
        ]
        | None
    ) = Field(
        default=None,
        min_length=1,
        description="Files with more routes, and what else they may declare; * and ** match.",
        examples=[["routes.d/*.yaml"]],
    )
    workers: Annotated[
        Annotated[Literal["auto"], Tag(TEXT)] | Annotated[Count, Tag(OFF)],
        Discriminator(lambda value: TEXT if isinstance(value, str) else OFF),
    ] = Field(default=1, description="Processes that serve requests; `auto`: one per core.")
    revocations: dict[Name, RevocationModel] = Field(
        default={},
        description="Lists of revoked tokens, by name.",
        examples=[{"lost": {"url": "https://login.example.com/revoked"}}],
    )
    login: dict[Name, LoginModel] = Field(
        default={}, description="Ways to log in with a browser, by name."
    )
    identity: IdentityModel = Field(
        default=IdentityModel(),
        description="The headers that services receive.",
        examples=[{"headers": {"X-User": "sub", "X-Issuer": "iss"}}],
    )
    scope_implies: dict[Scope, Annotated[list[Scope], Field(min_length=1)]] = Field(
        default={},
        description="A scope, and the scopes that it implies.",
        examples=[{"orders:admin": ["orders:read", "orders:write"]}],
    )
    timeouts: TimeoutsModel = Field(
        default=TimeoutsModel(),
        description="Timeouts of the data port.",
        examples=[{"head": "10s", "idle": "60s"}],
    )
    limits: LimitsModel = Field(
        default=LimitsModel(),
        description="Limits of the data port.",
        examples=[{"body": "64MiB", "connections": 10000}],
    )
    rate_limits: dict[Name, RateLimitModel] = Field(
        default={},
        description="Rate limits, by name.",
        examples=[{"per-caller": {"rate": "100/1m", "key": "subject"}}],
    )
    redis: RedisModel | None = Field(
        default=None,
        description="The Redis that gateways share.",
        examples=[{"url": "redis://10.0.0.5:6379/0"}],
    )
    suites: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Test suites for this configuration; * and ** match.",
        examples=[["suites/*.test.yaml"]],
    )
    reload: ReloadModel = Field(
        default=ReloadModel(),
        description="How the configuration is reloaded.",
        examples=[{"watch": "10s"}],
    )
    drain: Annotated[
        Annotated[DurationOrZero, Tag(TEXT)] | Annotated[DrainModel, Tag(TABLE)],
        Discriminator(text_or_table),
    ] = described("30s", "How long requests may finish after SIGTERM.")
    trusted_proxies: Unique[NetworkText] | None = Field(
        default=None,
        description="Networks of proxies whose Forwarded fields are trusted, e.g. 10.0.0.0/8.",
        examples=[["10.0.0.0/8"]],
    )
    underscore_names: Literal["drop", "reject", "keep"] = Field(
        default="drop", description="How to treat request fields with an underscore in the name."
    )
    half_close: Literal["cancel", "answer"] = Field(
        default="cancel",
        description="What to do if a client closes its sending half while a request is in flight.",
    )
    http2: bool = Field(
        default=True, description="Whether clients may speak HTTP/2; false leaves HTTP/1.1 alone."
    )
    access_log: AccessLog = Field(
        default="stdout", description="Where the access log goes, and in which format."
    )
    fetching: FetchingModel | None = Field(
        default=None,
        description="How keys, metadata, lists and tokens are fetched.",
        examples=[{"proxy": "http://proxy.internal:3128"}],
    )
    tickets: TicketsModel | None = Field(
        default=None,
        description="One-time tickets, for URLs of WebSockets and event streams.",
        examples=[{"path": "/gateway/ticket", "lifetime": "30s"}],
    )
    tracing: TracingModel | None = Field(
        default=None,
        description="Where spans of requests are exported.",
        examples=[{"otlp": "http://127.0.0.1:4318/v1/traces"}],
    )
