"""What is kept of limits."""

import pytest

from gateway.settings.values.rates import OnFailure, RateLimit, Redis


@pytest.mark.parametrize(
    ("requests", "period_us", "interval_us"), [(3, 10, 4), (5, 10, 2), (1, 7, 7)]
)
def test_an_interval_is_never_shorter_than_the_rate_allows(
    requests: int, period_us: int, interval_us: int
) -> None:
    assert RateLimit("a", requests, period_us, 1, ()).interval_us == interval_us


def test_where_all_count_together_is_not_shown() -> None:
    assert "word" not in repr(Redis("redis://:word@h", 1.0, OnFailure.ALLOW, "a:"))
