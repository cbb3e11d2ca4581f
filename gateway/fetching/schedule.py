"""When to fetch a document and how long to use it: pure functions of state and time."""

from dataclasses import dataclass, replace

from gateway.settings.values.configuration import FetchTimes

REFRESH_SHARE = 0.8  # of `fresh`: leaves a fifth of it for retries
# Of a pause: documents fetched at one moment are fetched again spread over this share.
SPREAD_SHARE = 0.125
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 60.0
# However short `fresh` is, a source is not fetched more often than this.
MIN_REFRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """The state of a document's fetches; times are of one clock, in seconds.

    *failures* counts the failed attempts since the last success.
    """

    loaded_at: float | None = None
    attempted_at: float | None = None
    failures: int = 0


def after_success(state: Schedule, now: float) -> Schedule:
    """Return the state after a fetch succeeded at *now*."""
    return replace(state, loaded_at=now, attempted_at=now, failures=0)


def after_failure(state: Schedule, now: float) -> Schedule:
    """Return the state after a fetch failed at *now*; the document in use stays."""
    return replace(state, attempted_at=now, failures=state.failures + 1)


def backoff_seconds(failures: int) -> float:
    """Return the pause after *failures* failed attempts in a row: 1 s doubling to 60 s."""
    if failures < 1:
        return 0.0
    # 2^6 is above the cap already.
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 6), LAST_BACKOFF_SECONDS)


def retry_at(state: Schedule, head_start: float = 0.0) -> float:
    """Return when the backoff allows the next fetch; *head_start* as in ``refresh_at``."""
    if state.attempted_at is None:
        return float("-inf")
    return state.attempted_at + _spread(backoff_seconds(state.failures), head_start)


def refresh_at(state: Schedule, times: FetchTimes, head_start: float = 0.0) -> float:
    """Return when the next fetch is due.

    A failure while the document is still fresh (after an unknown `kid`) does not make the refresh
    earlier: a flood of such tokens must not cause a flood of fetches.

    *head_start*, from 0 to 1, makes it earlier by up to an eighth of the pause. Documents with
    different values are not all fetched in the same second, although they were loaded or failed
    together.
    """
    if state.loaded_at is None:
        return retry_at(state, head_start)
    pause = max(times.fresh_seconds * REFRESH_SHARE, MIN_REFRESH_SECONDS)
    pause = _spread(pause, head_start)
    return max(state.loaded_at + pause, retry_at(state, head_start))


def _spread(pause_seconds: float, head_start: float) -> float:
    """Shorten a pause by *head_start*, but not below a second."""
    shortened = pause_seconds * (1.0 - SPREAD_SHARE * head_start)
    return max(shortened, min(pause_seconds, MIN_REFRESH_SECONDS))


def expires_at(state: Schedule, times: FetchTimes) -> float | None:
    """Return when the document must no longer be used, or None if there is none."""
    if state.loaded_at is None:
        return None
    return state.loaded_at + times.fresh_seconds + times.stale_seconds


def is_usable(state: Schedule, times: FetchTimes, now: float) -> bool:
    """Return whether there is a document that has not expired."""
    limit = expires_at(state, times)
    return limit is not None and now < limit


def may_try(state: Schedule, now: float) -> bool:
    """Return whether the backoff allows a fetch at *now*, although none is due."""
    return now >= retry_at(state)
