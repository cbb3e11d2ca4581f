"""How the requests of one route are carried, once they are allowed."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.settings.cors_values import Cors
from gateway.settings.rewrite_values import NO_FIELDS, Rewrite


class Priority(IntEnum):
    """Which requests are refused first where not all can be served: the lowest."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Carriage:
    """What one route has of its own, or has of all others.

    *response_timeout_seconds* is until the first byte of the answer. *own* are the keys that the
    route itself says: ``response``, ``total``, ``body``, ``requests``. Without a *rewrite*
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

    @property
    def edits_answers(self) -> bool:
        """Say whether the fields of answers are not passed on as they come."""
        edits = NO_FIELDS if self.rewrite is None else self.rewrite.answer_fields
        return self.cors is not None or edits != NO_FIELDS
