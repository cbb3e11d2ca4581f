"""When to fetch keys and how long to trust them: pure functions of state and time."""

from dataclasses import dataclass, replace

from gateway.settings.values import KeyTimes

REFRESH_SHARE = 0.8  # of `fresh`: a refresh that fails leaves a fifth of it to try again
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 60.0
# However short `fresh` is, an issuer is not asked more often than this.
MIN_REFRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happened so far; times are of the keyring's clock, in seconds.

    *failures* counts the failed attempts since the last good one. *asked_at* is when an
    unknown `kid` last made us fetch.
    """

    loaded_at: float | None = None
    attempted_at: float | None = None
    failures: int = 0
    asked_at: float | None = None


def after_success(state: Schedule, now: float) -> Schedule:
    """Return the state after good keys arrived at *now*."""
    return replace(state, loaded_at=now, attempted_at=now, failures=0)


def after_failure(state: Schedule, now: float) -> Schedule:
    """Return the state after an attempt failed at *now*; good keys stay good."""
    return replace(state, attempted_at=now, failures=state.failures + 1)


def after_unknown_kid(state: Schedule, now: float) -> Schedule:
    """Return the state once an unknown `kid` has started a fetch at *now*."""
    return replace(state, asked_at=now)


def backoff_seconds(failures: int) -> float:
    """Return the pause after *failures* failed attempts in a row: 1 s doubling to 60 s."""
    if failures < 1:
        return 0.0
    # 2^6 is above the cap already; a larger exponent would only grow the number.
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 6), LAST_BACKOFF_SECONDS)


def retry_at(state: Schedule) -> float:
    """Return when a fetch is allowed again as far as failures go."""
    if state.attempted_at is None:
        return float("-inf")
    return state.attempted_at + backoff_seconds(state.failures)


def refresh_at(state: Schedule, times: KeyTimes) -> float:
    """Return when the next fetch is due.

    A failure while keys are still fresh (an unknown `kid` made us ask) does not bring the
    refresh forward: a flood of such tokens must not become a flood of fetches.
    """
    if state.loaded_at is None:
        return retry_at(state)
    pause = max(times.fresh_seconds * REFRESH_SHARE, MIN_REFRESH_SECONDS)
    return max(state.loaded_at + pause, retry_at(state))


def expires_at(state: Schedule, times: KeyTimes) -> float | None:
    """Return when the keys in hand must no longer be used, or None if there are none."""
    if state.loaded_at is None:
        return None
    return state.loaded_at + times.fresh_seconds + times.stale_seconds


def is_usable(state: Schedule, times: KeyTimes, now: float) -> bool:
    """Say whether keys were had and are at most `stale` seconds older than fresh."""
    limit = expires_at(state, times)
    return limit is not None and now < limit


def may_ask_for_kid(state: Schedule, times: KeyTimes, now: float) -> bool:
    """Say whether an unknown `kid` may start a fetch: once per cooldown."""
    return state.asked_at is None or now >= state.asked_at + times.unknown_kid_cooldown_seconds


def may_ask_for_keys(state: Schedule, now: float) -> bool:
    """Say whether a request may start a fetch because no keys are in hand at all."""
    return now >= retry_at(state)
