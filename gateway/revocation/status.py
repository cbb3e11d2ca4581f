"""What there is to say about one revocation list."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """The state of one list at one moment.

    *location* is its place, without what may be secret. *loaded* says whether tokens can be
    compared with it, *was_loaded* whether they could be once, and *refuses_without* whether they
    are refused where not. *age_seconds* counts
    from the last good fetch; the list serves up to *age_limit_seconds*, and is *stale* behind
    the time for which it is fresh. *next_refresh_in_seconds* counts to the next fetch: 0 while
    one is due or under way. *failures* are all since the start, *failures_in_a_row* those since
    the last good fetch. *last_error* is of the last attempt, None if it was good.
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
