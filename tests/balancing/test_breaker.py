"""A circuit breaker opens if too many requests fail, and closes after a probe that succeeds."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.breaker import Breaker, BreakerState
from gateway.settings.values.balancing import BreakerLimits

LIMITS = BreakerLimits(failures=0.5, requests=4, window_seconds=10.0, open_seconds=5.0)


def make_open(now: float = 0.0) -> Breaker:
    breaker = Breaker(LIMITS)
    for _ in range(4):
        breaker.fail(now, now)
    assert breaker.state is BreakerState.OPEN
    return breaker


def test_a_few_failures_do_not_open_it() -> None:
    breaker = Breaker(LIMITS)

    assert [breaker.fail(0.0, 0.0) for _ in range(3)] == [False] * 3
    assert breaker.admit(0.0)


def test_it_opens_when_the_share_is_reached() -> None:
    breaker = Breaker(LIMITS)
    for _ in range(3):
        breaker.succeed(0.0, 0.0)

    assert [breaker.fail(1.0, 1.0) for _ in range(3)] == [False, False, True]
    assert not breaker.admit(1.0)


def test_failures_older_than_the_window_do_not_count() -> None:
    breaker = Breaker(LIMITS)
    for _ in range(3):
        breaker.fail(0.0, 0.0)

    assert not breaker.fail(11.0, 11.0)
    assert breaker.admit(11.0)


def test_it_stays_open_for_its_time_and_then_admits_a_probe() -> None:
    breaker = make_open()

    assert not breaker.admit(4.9)
    assert breaker.admit(5.0)
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.admit(5.0)


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    breaker.succeed(6.0, 5.0)

    assert breaker.state is BreakerState.CLOSED
    assert not breaker.fail(6.0, 6.0)  # and what was before is forgotten


def test_a_probe_that_fails_opens_it_again_for_as_long() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    assert breaker.fail(6.0, 5.0)
    assert not breaker.admit(10.9)
    assert breaker.admit(11.0)


def test_after_an_abandoned_probe_the_next_is_admitted() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    breaker.abandon(5.0)

    assert breaker.admit(5.0)


def test_after_a_probe_without_an_outcome_the_next_is_admitted() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    assert not breaker.admit(9.9)
    assert breaker.admit(10.0)


def test_requests_sent_before_it_opened_do_not_count() -> None:
    breaker = make_open()

    assert not breaker.fail(4.0, 0.0)
    breaker.succeed(4.0, 0.0)

    assert breaker.state is BreakerState.OPEN
    assert breaker.admit(5.0)


def test_an_older_request_that_succeeds_does_not_close_it() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    breaker.succeed(5.5, 0.0)

    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.admit(5.5)


def test_an_older_request_that_fails_does_not_open_it_again() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    assert not breaker.fail(5.5, 0.0)
    breaker.succeed(6.0, 5.0)

    assert breaker.state is BreakerState.CLOSED


def test_an_older_request_that_is_abandoned_admits_no_second_probe() -> None:
    breaker = make_open()
    breaker.admit(5.0)

    breaker.abandon(0.0)

    assert not breaker.admit(5.5)


def test_older_requests_do_not_count_once_it_is_closed_again() -> None:
    """They wait for a service that was down, and time out after it is back."""
    breaker = make_open()
    breaker.admit(5.0)
    breaker.succeed(6.0, 5.0)

    assert not any(breaker.fail(7.0, 0.0) for _ in range(100))
    assert [breaker.fail(7.0, 6.5) for _ in range(3)] == [False, False, True]


def test_the_first_of_two_probes_counts_as_much_as_the_second() -> None:
    breaker = make_open()
    breaker.admit(5.0)
    breaker.admit(10.0)

    breaker.abandon(5.0)
    assert not breaker.admit(11.0)
    breaker.succeed(11.0, 5.0)

    assert breaker.state is BreakerState.CLOSED


@given(st.lists(st.tuples(st.sampled_from("sfa"), st.floats(0, 3)), max_size=80))
def test_while_it_is_open_at_most_one_probe_passes_in_each_pause(
    events: list[tuple[str, float]],
) -> None:
    breaker, now = Breaker(LIMITS), 0.0
    last = float("-inf")

    for event, pause in events:
        now += pause
        was_closed = breaker.state is BreakerState.CLOSED
        if breaker.admit(now) and not was_closed:
            assert now - last >= LIMITS.open_seconds
            last = now
        if event == "s":
            breaker.succeed(now, now)
        elif event == "f" and breaker.fail(now, now):
            last = now


@given(st.lists(st.floats(0, 5), max_size=100))
def test_successes_alone_never_open_it(pauses: list[float]) -> None:
    breaker, now = Breaker(LIMITS), 0.0

    for pause in pauses:
        now += pause
        assert breaker.admit(now)
        breaker.succeed(now, now)
