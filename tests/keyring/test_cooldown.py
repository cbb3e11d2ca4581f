"""How often unknown kids may make the keyring fetch."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway.keyring.unknown_kids import may_ask_for_kid
from gateway.settings.values.configuration import KeyTimes

times = st.builds(
    KeyTimes,
    fresh_seconds=st.just(300.0),
    stale_seconds=st.just(3600.0),
    fetch_timeout_seconds=st.just(5.0),
    unknown_kid_cooldown_seconds=st.floats(0.0, 3600.0),
)


@given(st.lists(st.floats(0.0, 10.0), max_size=200), times)
def test_unknown_kids_start_at_most_one_fetch_per_cooldown(
    pauses: list[float], key_times: KeyTimes
) -> None:
    """CVE-2026-48524."""
    asked_at: float | None = None
    now = 0.0
    started: list[float] = []
    for pause in pauses:
        now += pause
        if may_ask_for_kid(asked_at, key_times, now):
            started.append(now)
            asked_at = now

    gaps = [later - earlier for earlier, later in itertools.pairwise(started)]
    # Adding and subtracting large floats may lose the last bits.
    assert all(gap >= key_times.unknown_kid_cooldown_seconds - 1e-6 for gap in gaps)
