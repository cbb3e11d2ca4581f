"""The supervisor waits for busy workers, but not forever for those that hang."""

from dataclasses import asdict
from math import isfinite

from gateway.supervisor.timeouts import DEFAULT_TIMEOUTS


def test_every_wait_ends() -> None:
    assert all(isfinite(wait) and wait > 0 for wait in asdict(DEFAULT_TIMEOUTS).values())


def test_a_worker_that_hangs_is_noticed_within_five_seconds() -> None:
    """A beat may have just come, and the look that finds out may be late by one."""
    assert DEFAULT_TIMEOUTS.hang_seconds + 3 * DEFAULT_TIMEOUTS.beat_interval_seconds < 5.0


def test_where_there_is_but_the_clock_it_is_no_quicker_than_a_worker_that_goes_on() -> None:
    """Else it could be killed in the middle of that, for being slow at it."""
    assert DEFAULT_TIMEOUTS.unanswered_seconds > 2 * DEFAULT_TIMEOUTS.commit_seconds


def test_ending_takes_no_longer_than_service_managers_wait() -> None:
    """Behind a drain of 30 s: `TimeoutStopSec` of config/systemd is 45 s."""
    assert DEFAULT_TIMEOUTS.settle_seconds + DEFAULT_TIMEOUTS.stop_seconds <= 10.0
