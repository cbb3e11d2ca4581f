"""Whether a server is healthy, by its health checks."""

from dataclasses import dataclass, replace
from typing import Final

from gateway.settings.values.balancing import HealthCheck

# A share of the interval, so that the checks of many gateways that started at once drift apart.
JITTER_SHARE: Final = 0.2

# The first checks of all servers are spread over this time, after a start or a reload.
FIRST_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one server; *in_a_row* counts the last checks that contradict *is_healthy*.

    A server is healthy until checks say otherwise, since the first one may come late. *due_at* is
    the time of the next check, 0 if it is not planned yet. *detail* says how the last check
    failed, and is empty if it passed.
    """

    is_healthy: bool = True
    in_a_row: int = 0
    detail: str = ""
    due_at: float = 0.0


def after_check(health: Health, check: HealthCheck, failure: str | None, at: float) -> Health:
    """Return the health after a check that ended with *failure*, or None; the next is due *at*."""
    passed = failure is None
    detail = failure or ""
    if passed == health.is_healthy:
        return Health(health.is_healthy, 0, detail, at)
    in_a_row = health.in_a_row + 1
    enough = check.healthy_after if passed else check.unhealthy_after
    if in_a_row < enough:
        return Health(health.is_healthy, in_a_row, detail, at)
    return Health(passed, 0, detail, at)


def postpone(health: Health, at: float) -> Health:
    """Return *health* with its next check due *at* that time."""
    return replace(health, due_at=at)


def first_check_at(check: HealthCheck, now: float, luck: float) -> float:
    """Return when the first check is due; *luck*, from 0 to 1, spreads those of servers."""
    return now + luck * min(check.interval_seconds, FIRST_SECONDS)


def next_check_at(check: HealthCheck, now: float, luck: float) -> float:
    """Return when the next check is due; *luck*, from 0 to 1, spreads it around the interval."""
    return now + check.interval_seconds * (1 + JITTER_SHARE * (luck - 0.5))
