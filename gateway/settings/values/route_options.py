"""The transport options of a route: timeouts, limits, priority, rewrites and CORS."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import NO_FIELDS, Rewrite


class Priority(IntEnum):
    """The lowest priority is refused first if not all requests can be served."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The transport options of one route: its own, or the general ones.

    *response_timeout_seconds* is until the first byte of the response, *stall_timeout_seconds*
    between two bytes of it. Rates are in bytes per second; None means no minimum. *own* has the
    keys of the timeouts and limits that the route itself sets. Without a *rewrite* nothing is
    changed; without *cors* no CORS fields are sent. With *grpc_web* calls of gRPC-Web are
    translated to gRPC.
    """

    response_timeout_seconds: float
    total_seconds: float  # as of Timeouts
    body_bytes: int | None  # None: no limit
    own: frozenset[str]
    rewrite: Rewrite | None = None
    cors: Cors | None = None
    requests: int | None = None  # in flight at one time; None: no limit
    priority: Priority = Priority.NORMAL
    stall_timeout_seconds: float = 60.0
    body_rate: int | None = 240
    read_rate: int | None = 240
    grpc_web: bool = False

    @property
    def edits_responses(self) -> bool:
        """Return whether response fields are changed."""
        edits = NO_FIELDS if self.rewrite is None else self.rewrite.response_fields
        return self.cors is not None or edits != NO_FIELDS
