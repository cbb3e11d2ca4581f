from gateway.fetching.clock import SystemClock


async def test_the_systems_clock_has_moved_at_least_as_long_as_it_slept() -> None:
    clock = SystemClock()
    before = clock.now()

    await clock.sleep(0.02)

    # A timer may fire up to one tick of the loop's clock early.
    assert clock.now() - before >= 0.019
