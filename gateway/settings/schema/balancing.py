"""The shape of what an upstream says about spreading requests over its servers."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import Count, Duration, Share, Strict, Text, bad, described
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten

_STATUS: Final = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")

# RFC 9110 section 9.2.2. What another method asks for may be done twice if it is sent twice.
_IDEMPOTENT: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")

# An absolute path, maybe with a query, as it stands in a request line (RFC 9112 section 3.2.1).
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


def _idempotent(value: str) -> str:
    if value not in _IDEMPOTENT:
        message = f"`{shorten(value)}` is never sent twice: only {', '.join(_IDEMPOTENT)} may be"
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
IdempotentMethod = Annotated[
    str,
    AfterValidator(_idempotent),
    WithJsonSchema({"type": "string", "enum": list(_IDEMPOTENT)}),
]


class OverloadModel(Strict):
    """How many requests are under way to a service, by how fast it is."""

    target: Duration = Field(description="Its answers shall begin within this time.")


class HealthModel(Strict):
    """How each server is asked whether it is well."""

    path: Annotated[Text, AfterValidator(_target)] = Field(description="What is asked for, by GET.")
    interval: Duration = described("5s", "From the end of a check to the next one.")
    timeout: Duration = described("2s", "A check must be over within this time.")
    statuses: list[Statuses] = Field(
        default=["200-299"],
        validate_default=True,
        min_length=1,
        description="Answers of a server that is well: numbers, and ranges like 200-299.",
    )
    unhealthy_after: Count = described(3, "Checks that fail in a row until a server is left out.")
    healthy_after: Count = described(2, "Checks that hold in a row until it is used again.")
    panic_below: Share = Field(
        default=0, description="Where a smaller share of the servers is left, all are used: 0 to 1."
    )


class EjectionModel(Strict):
    """When a server is left out for a while because requests to it fail."""

    after: Count = described(5, "Requests that fail in a row until it is left out.")
    time: Duration = described("10s", "For how long, the first time; doubled by each that follows.")
    max_time: Duration = described("5m", "For how long at most.")
    max_share: Share = Field(
        default=0.5, description="The share of the servers that is left out at most: 0 to 1."
    )


class RetriesModel(Strict):
    """Which requests may be sent a second time."""

    methods: list[IdempotentMethod] | None = Field(
        default=None,
        min_length=1,
        description="Sent again, once, where the connection ended before an answer began.",
    )
    budget: Share = Field(
        default=0.2, description="How many retries there may be for each request: 0 to 1."
    )
    kept_connections: bool = described(
        True, "GET, HEAD and OPTIONS, once, where a kept connection ended before an answer began."
    )


class QueueModel(Strict):
    """Requests that wait while each server has as many connections as it may."""

    size: Count = described(100, "How many may wait.")
    timeout: Duration = described("1s", "How long each may wait.")


class BreakerModel(Strict):
    """When nothing more is sent to an upstream for a while."""

    failures: Share = Field(default=0.5, description="The share of requests that fail: 0 to 1.")
    requests: Count = described(20, "The share of fewer requests says nothing.")
    window: Duration = described("10s", "Of the requests that ended within this time.")
    open: Duration = described("5s", "Until one request is let through to see whether it is back.")


class BalancingModel(Strict):
    """How requests are spread over the servers of a service, and what keeps it from harm."""

    balance: Literal["round_robin", "least_requests"] = Field(
        default="round_robin", description="Which of the servers gets the next request."
    )
    resolve: Duration = described("30s", "Names of servers are looked up again this often.")
    health: HealthModel | None = Field(
        default=None, description="Ask each server whether it is well; by default none is asked."
    )
    failure_statuses: list[Statuses] | None = Field(
        default=None,
        min_length=1,
        description="Answers that count as failures, e.g. 502-504; they are passed on still.",
    )
    ejection: EjectionModel = Field(
        default=EjectionModel(), description="Leave out a server that fails requests."
    )
    retries: RetriesModel = Field(
        default=RetriesModel(), description="Send some requests a second time."
    )
    max_connections: Count | None = Field(
        default=None, description="Connections to each server at one time; by default any number."
    )
    queue: QueueModel | None = Field(
        default=None, description="With `max_connections`: requests that wait for a connection."
    )
    breaker: BreakerModel | None = Field(
        default=None, description="Send nothing for a while where too many requests fail."
    )
    overload: OverloadModel | None = Field(
        default=None, description="Refuse requests where its answers begin too late."
    )
