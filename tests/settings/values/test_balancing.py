"""What an upstream without any of it is configured with."""

from gateway.settings.values.balancing import PLAIN, Balance


def test_by_default_nothing_is_asked_refused_or_sent_twice() -> None:
    assert PLAIN.balance is Balance.ROUND_ROBIN
    assert (PLAIN.health, PLAIN.max_connections, PLAIN.breaker) == (None, None, None)
    assert not PLAIN.retries.methods
    assert not PLAIN.failure_statuses
