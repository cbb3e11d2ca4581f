"""The schema of an upstream's balancing options."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import Count, Duration, Share, Strict, Text, bad, described
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten

_STATUS: Final = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")

# RFC 9110 section 9.2.2. A retry of any other method could be acted on twice.
_IDEMPOTENT: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")

# A service of gRPC by its full name, as in the path of its methods.
_SERVICE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")

# An absolute path, optionally with a query, as in a request line (RFC 9112 section 3.2.1).
_TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*")


def _statuses(value: object) -> tuple[int, int]:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _STATUS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise bad(Code.BAD_VALUE, "not a status: write a number like 200, or a range like 200-299")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise bad(Code.BAD_VALUE, f"an empty range: write {last}-{first}")
    return first, last


def _target(value: str) -> str:
    if not _TARGET.fullmatch(value):
        raise bad(Code.BAD_VALUE, f"`{shorten(value)}` is not a path: begin with `/`, no spaces")
    return value


def _grpc_service(value: object) -> str:
    if value is True:
        return ""
    if not isinstance(value, str) or not _SERVICE.fullmatch(value):
        message = "not a service: write `true` for the whole server, or a name like orders.Orders"
        raise bad(Code.BAD_VALUE, message)
    return value


def _idempotent(value: str) -> str:
    if value not in _IDEMPOTENT:
        message = f"`{shorten(value)}` is never retried: only {', '.join(_IDEMPOTENT)} can be"
        raise bad(Code.BAD_VALUE, message)
    return value


Statuses = Annotated[
    Any,
    BeforeValidator(_statuses),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"},
            ]
        }
    ),
]
GrpcService = Annotated[
    Any,
    BeforeValidator(_grpc_service),
    WithJsonSchema(
        {"anyOf": [{"const": True}, {"type": "string", "pattern": f"^{_SERVICE.pattern}$"}]}
    ),
]
IdempotentMethod = Annotated[
    str,
    AfterValidator(_idempotent),
    WithJsonSchema({"type": "string", "enum": list(_IDEMPOTENT)}),
]


_TARGET_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": '^/[!"$-~]*$', "examples": ["/healthz"]}
)


class OverloadModel(Strict):
    """Limit requests in flight to a service, adapted to its latency."""

    target: Duration = Field(description="Latency target: responses should begin within this time.")


class HealthModel(Strict):
    """Active health checks of each server."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["grpc"]}]}
    )

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        return {"path": value} if isinstance(value, str) else None

    path: Annotated[Text, AfterValidator(_target), _TARGET_SCHEMA] | None = Field(
        default=None, description="The path of the GET request."
    )
    grpc: GrpcService | None = Field(
        default=None,
        description="Call grpc.health.v1.Health/Check instead: true, or the name of a service.",
        examples=[True, "orders.Orders"],
    )
    interval: Duration = described("5s", "From the end of a check to the next one.")
    timeout: Duration = described("2s", "A check fails after this time.")
    statuses: list[Statuses] = Field(
        default=["200-299"],
        validate_default=True,
        min_length=1,
        description="Status codes of a healthy server: numbers, and ranges like 200-299.",
    )
    unhealthy_after: Count = described(3, "Failed checks in a row until a server is unhealthy.")
    healthy_after: Count = described(2, "Passed checks in a row until it is healthy again.")
    panic_below: Share = Field(
        default=0, description="If a smaller share of the servers is healthy, all are used: 0 to 1."
    )


class EjectionModel(Strict):
    """When a server is ejected for a while because requests to it fail."""

    after: Count = described(5, "Failed requests in a row until a server is ejected.")
    time: Duration = described("10s", "How long the first time; doubled by each further ejection.")
    max_time: Duration = described("5m", "How long at most.")
    max_share: Share = Field(
        default=0.5, description="The largest share of the servers that may be ejected: 0 to 1."
    )


class RetriesModel(Strict):
    """Which requests may be retried."""

    methods: list[IdempotentMethod] | None = Field(
        default=None,
        min_length=1,
        description="Retried once if the connection ended before a response began.",
    )
    budget: Share = Field(default=0.2, description="Retries per request: 0 to 1.")
    kept_connections: bool = described(
        True, "Retry GET, HEAD and OPTIONS once if a reused connection ended before a response."
    )


class QueueModel(Strict):
    """Requests that wait for a connection while `max_connections` are in use."""

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        return {"size": value} if isinstance(value, int) and value > 1 else None

    size: Count = described(100, "How many may wait.")
    timeout: Duration = described("1s", "How long each may wait.")


class BreakerModel(Strict):
    """A circuit breaker: when nothing more is sent to an upstream for a while."""

    failures: Share = Field(default=0.5, description="Open at this share of failures: 0 to 1.")
    requests: Count = described(20, "The least number of requests in the window.")
    window: Duration = described("10s", "Count the requests that ended within this time.")
    open: Duration = described("5s", "How long until one request tests the upstream.")


class BalancingModel(Strict):
    """How requests are balanced over the servers of a service, and how it is protected."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"queue": ["max_connections"]}}
    )

    balance: Literal["round_robin", "least_requests"] = Field(
        default="round_robin", description="Which server gets the next request."
    )
    resolve: Duration = described("30s", "How often the servers' names are resolved again.")
    health: HealthModel | None = Field(
        default=None,
        description="Active health checks; off by default.",
        examples=[{"path": "/healthz"}],
    )
    failure_statuses: list[Statuses] | None = Field(
        default=None,
        min_length=1,
        description="Statuses that count as failures, e.g. 502-504; they are still passed on.",
    )
    ejection: EjectionModel = Field(
        default=EjectionModel(),
        description="Eject a server whose requests fail.",
        examples=[{"after": 5, "time": "10s"}],
    )
    retries: RetriesModel = Field(
        default=RetriesModel(),
        description="Retry some requests.",
        examples=[{"methods": ["GET", "HEAD"]}],
    )
    max_connections: Count | None = Field(
        default=None, description="Connections to each server at one time; unlimited by default."
    )
    queue: QueueModel | None = Field(
        default=None,
        description="With `max_connections`: how requests wait for a connection.",
        examples=[{"size": 100, "timeout": "1s"}],
    )
    breaker: BreakerModel | None = Field(
        default=None,
        description="Send nothing for a while if too many requests fail.",
        examples=[{"failures": 0.5}],
    )
    overload: OverloadModel | None = Field(
        default=None,
        description="Refuse requests while responses begin too late.",
        examples=[{"target": "500ms"}],
    )
