"""Workers that are merely busy are waited for; those that hang are not, for ever."""

from dataclasses import asdict
from math import isfinite

from gateway.supervisor.patience import PATIENCE


def test_every_wait_ends() -> None:
    assert all(isfinite(wait) and wait > 0 for wait in asdict(PATIENCE).values())


def test_a_worker_hangs_only_after_longer_than_it_may_take_to_go_on() -> None:
    """Else it could be killed in the middle of that, for being slow at it."""
    each = PATIENCE.count_seconds + PATIENCE.count_each_seconds
    assert PATIENCE.counts_unanswered * each > 2 * PATIENCE.commit_seconds


def test_ending_takes_no_longer_than_service_managers_wait() -> None:
    """Behind a drain of 30 s: `TimeoutStopSec` of config/systemd is 45 s."""
    assert PATIENCE.settle_seconds + PATIENCE.stop_seconds <= 10.0
