"""What clients are told of limits is a list that they can read, and act on."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.fields import render_policy, render_retry, render_standing
from gateway.limits.gcra import Rate, Taken, take
from gateway.settings.values.rates import KeyPart, PartKind, RateLimit
from tests.limits.structured import parse_list

SECOND_US = 1_000_000

limits = st.builds(
    RateLimit,
    st.just("limit-1.a_b"),
    st.integers(1, 1000),
    st.integers(1, 3600).map(lambda seconds: seconds * SECOND_US),
    st.integers(1, 1000),
    st.just((KeyPart(PartKind.ROUTE),)),
)


def field(line: bytes, name: str) -> str:
    assert line.startswith(b"\r\n" + name.encode() + b": ")
    return line.decode("ascii").partition(": ")[2]


def limit(name: str, requests: int, seconds: int, burst: int) -> RateLimit:
    return RateLimit(name, requests, seconds * SECOND_US, burst, (KeyPart(PartKind.ROUTE),))


def test_the_policy_says_what_is_configured() -> None:
    line = render_policy([limit("each", 100, 60, 20), limit("all", 5, 1, 5)])

    assert parse_list(field(line, "RateLimit-Policy")) == {
        "each": {"q": 100, "w": 60},
        "all": {"q": 5, "w": 1},
    }


def test_a_burst_above_the_rate_is_told_as_what_is_given_in_the_time_that_fills_it() -> None:
    line = render_policy([limit("each", 2, 1, 10)])

    assert parse_list(field(line, "RateLimit-Policy")) == {"each": {"q": 10, "w": 5}}


def test_the_standing_says_what_remains_and_when_all_of_it_is_back() -> None:
    taken = Taken(None, (2 * SECOND_US + 1, 0), 0)

    line = render_standing([b"each", b"all"], [Rate(SECOND_US, 4), Rate(10, 7)], taken)

    assert parse_list(field(line, "RateLimit")) == {
        "each": {"r": 1, "t": 3},
        "all": {"r": 7, "t": 0},
    }


def test_who_is_refused_is_told_whole_seconds_after_which_there_is_room() -> None:
    rates = [Rate(SECOND_US, 1), Rate(1_500_000, 1)]
    taken = take(rates, [SECOND_US, 1_500_000], 0)

    assert render_retry(rates, taken) == b"\r\nRetry-After: 2"
    assert render_retry(rates, take(rates, [None, None], 0)) == b""


@given(limits, st.lists(st.integers(0, 5 * SECOND_US), min_size=1, max_size=30))
def test_what_remains_is_never_more_than_the_quota_nor_later_than_its_window(
    limit: RateLimit, steps: list[int]
) -> None:
    rate = Rate(limit.interval_us, limit.burst)
    policy = parse_list(field(render_policy([limit]), "RateLimit-Policy"))[limit.name]
    moments: tuple[int | None, ...] = (None,)
    now_us = 0
    for step in steps:
        now_us += step
        taken = take([rate], moments, now_us)
        line = render_standing([limit.name.encode()], [rate], taken)
        standing = parse_list(field(line, "RateLimit"))[limit.name]
        moments = taken.whole_at_us

        assert 0 <= standing["r"] <= policy["q"]
        assert 0 <= standing["t"] <= policy["w"] + 1  # an interval is rounded up
        if taken.refused is not None:
            seconds = int(render_retry([rate], taken).rpartition(b" ")[2])
            assert seconds >= 1
            assert take([rate], moments, now_us + seconds * SECOND_US).refused is None
