"""When to fetch a document and how long to trust it: pure functions of state and time."""

from dataclasses import dataclass, replace

from gateway.settings.values.configuration import FetchTimes

REFRESH_SHARE = 0.8  # of `fresh`: a refresh that fails leaves a fifth of it to try again
# Of a pause: documents that were had at one moment are fetched again over this long.
SPREAD_SHARE = 0.125
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 60.0
# However short `fresh` is, a source is not asked more often than this.
MIN_REFRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happened so far; times are of one clock, in seconds.

    *failures* counts the failed attempts since the last good one.
    """

    loaded_at: float | None = None
    attempted_at: float | None = None
    failures: int = 0


def after_success(state: Schedule, now: float) -> Schedule:
    """Return the state after a good document arrived at *now*."""
    return replace(state, loaded_at=now, attempted_at=now, failures=0)


def after_failure(state: Schedule, now: float) -> Schedule:
    """Return the state after an attempt failed at *now*; what is good stays good."""
    return replace(state, attempted_at=now, failures=state.failures + 1)


def backoff_seconds(failures: int) -> float:
    """Return the pause after *failures* failed attempts in a row: 1 s doubling to 60 s."""
    if failures < 1:
        return 0.0
    # 2^6 is above the cap already; a larger exponent would only grow the number.
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 6), LAST_BACKOFF_SECONDS)


def retry_at(state: Schedule, head_start: float = 0.0) -> float:
    """Return when a fetch is allowed again as far as failures go; *head_start* as below."""
    if state.attempted_at is None:
        return float("-inf")
    return state.attempted_at + _spread(backoff_seconds(state.failures), head_start)


def refresh_at(state: Schedule, times: FetchTimes, head_start: float = 0.0) -> float:
    """Return when the next fetch is due.

    A failure while the document is still fresh (a key set: an unknown `kid` made us ask) does
    not bring the refresh forward: a flood of such tokens must not become a flood of fetches.

    *head_start*, from 0 to 1, brings it forward by up to an eighth of its pause. Where each of
    a thousand documents has another one, they are not fetched all in one second because they
    were so at the start, or failed together.
    """
    if state.loaded_at is None:
        return retry_at(state, head_start)
    pause = max(times.fresh_seconds * REFRESH_SHARE, MIN_REFRESH_SECONDS)
    pause = _spread(pause, head_start)
    return max(state.loaded_at + pause, retry_at(state, head_start))


def _spread(pause_seconds: float, head_start: float) -> float:
    """Shorten a pause by *head_start*, but none to less than a second."""
    shortened = pause_seconds * (1.0 - SPREAD_SHARE * head_start)
    return max(shortened, min(pause_seconds, MIN_REFRESH_SECONDS))


def expires_at(state: Schedule, times: FetchTimes) -> float | None:
    """Return when the document in hand must no longer be used, or None if there is none."""
    if state.loaded_at is None:
        return None
    return state.loaded_at + times.fresh_seconds + times.stale_seconds


def is_usable(state: Schedule, times: FetchTimes, now: float) -> bool:
    """Say whether a document was had and is at most `stale` seconds older than fresh."""
    limit = expires_at(state, times)
    return limit is not None and now < limit


def may_try(state: Schedule, now: float) -> bool:
    """Say whether a fetch may start at *now* though none is due, as far as failures go."""
    return now >= retry_at(state)
