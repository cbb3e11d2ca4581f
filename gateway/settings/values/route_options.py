"""How the requests of one route are carried, once they are allowed."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import NO_FIELDS, Rewrite


class Priority(IntEnum):
    """Which requests are refused first where not all can be served: the lowest."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What one route has of its own, or has of all others.

    *response_timeout_seconds* is until the first byte of the answer, *stall_timeout_seconds* from
    any byte of it to the next. Rates are in bytes a second; None is none. *own* are the keys of its
    times and limits that the route itself says. Without a *rewrite*
    nothing is changed, and without *cors* browsers are told nothing.
    """

    response_timeout_seconds: float
    total_seconds: float  # as of Timeouts
    body_bytes: int | None  # None: no limit
    own: frozenset[str]
    rewrite: Rewrite | None = None
    cors: Cors | None = None
    requests: int | None = None  # under way at one time; None: no limit
    priority: Priority = Priority.NORMAL
    stall_timeout_seconds: float = 60.0
    body_rate: int | None = 240
    read_rate: int | None = 240

    @property
    def edits_responses(self) -> bool:
        """Say whether the fields of answers are not passed on as they come."""
        edits = NO_FIELDS if self.rewrite is None else self.rewrite.answer_fields
        return self.cors is not None or edits != NO_FIELDS
