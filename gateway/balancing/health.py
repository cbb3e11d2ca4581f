"""Whether a server is well, by the checks that it was given."""

from dataclasses import dataclass, replace
from typing import Final

from gateway.settings.values.balancing import HealthCheck

# Of the interval: the checks of many gateways, begun at one moment, drift apart.
JITTER_SHARE: Final = 0.2

# The first checks of all servers are spread over so long, at a start or a reload.
FIRST_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one server; *in_a_row* are the last checks that all speak against *is_well*.

    A server is well until checks say otherwise: the first of them may come late. *due_at* is 0
    where it is not known yet when that is.
    *detail* says how the last check failed, and is empty where it did not.
    """

    is_well: bool = True
    in_a_row: int = 0
    detail: str = ""
    due_at: float = 0.0


def after_check(health: Health, check: HealthCheck, failure: str | None, at: float) -> Health:
    """Return what is known after a check, which ended with *failure* or None; *at* is the next."""
    passed = failure is None
    detail = failure or ""
    if passed == health.is_well:
        return Health(health.is_well, 0, detail, at)
    in_a_row = health.in_a_row + 1
    enough = check.healthy_after if passed else check.unhealthy_after
    if in_a_row < enough:
        return Health(health.is_well, in_a_row, detail, at)
    return Health(passed, 0, detail, at)


def postpone(health: Health, at: float) -> Health:
    """Return *health* with its next check *at* that time."""
    return replace(health, due_at=at)


def first_check_at(check: HealthCheck, now: float, luck: float) -> float:
    """Return when a server is checked first; *luck*, from 0 to 1, keeps all from one moment."""
    return now + luck * min(check.interval_seconds, FIRST_SECONDS)


def next_check_at(check: HealthCheck, now: float, luck: float) -> float:
    """Return when the next check is due; *luck*, from 0 to 1, spreads it around the interval."""
    return now + check.interval_seconds * (1 + JITTER_SHARE * (luck - 0.5))
