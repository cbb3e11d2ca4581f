"""The state of one revocation list, for the status page and metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """The state of one list at one moment.

    *location* has no secrets. *loaded* is whether the list is in use, *was_loaded* whether it
    ever was, and *refuses_without* whether tokens are refused without it. *age_seconds* is the
    time since the last successful fetch; the list is used up to *age_limit_seconds*, and *stale*
    once it is no longer fresh. *next_refresh_in_seconds* is the time to the next fetch: 0 while
    one is due or in flight. *failures* are all since the start, *failures_in_a_row* those since
    the last successful fetch. *last_error* is that of the last attempt, None if it succeeded.
    """

    name: str
    location: str
    loaded: bool
    was_loaded: bool
    stale: bool
    refuses_without: bool
    entries: int
    age_seconds: float | None
    age_limit_seconds: float
    fetches: int
    failures: int
    failures_in_a_row: int
    last_error: str | None
    next_refresh_in_seconds: float
