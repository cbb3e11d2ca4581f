"""Open streams end with their token: by the wall clock, once, and without a timer for each."""

import asyncio
import gc
import math

import pytest

from gateway.proxy.streams.open_streams import Clocks, OpenStreams


class Time:
    """Two clocks that stand still."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.steady = 5.0

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall, lambda: self.steady)


class FakeStream:
    """Remembers what it was told; *timeout* is set when the token has ended."""

    def __init__(self, streams: OpenStreams, timeout: float | None = None) -> None:
        self.told: list[str] = []
        self.revoked = False
        self._streams = streams
        self._timeout = timeout

    def is_revoked(self) -> bool:
        return self.revoked

    def token_ended(self) -> None:
        self.told.append("ended")
        if self._timeout is not None:
            self._streams.set_timeout(self, self._timeout)

    def timed_out(self) -> None:
        self.told.append("timed out")

    def cut(self) -> None:
        self.told.append("cut")


def test_a_stream_ends_at_its_time_and_not_before() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    early, late = FakeStream(streams), FakeStream(streams)
    streams.add(late, time.wall + 20)
    streams.add(early, time.wall + 10)

    for now, expected in ((9.9, ([], [])), (10, (["ended"], [])), (19.9, (["ended"], []))):
        time.wall = 1_000_000.0 + now
        streams.sweep()
        assert (early.told, late.told) == expected
    time.wall += 1000
    streams.sweep()
    streams.sweep()

    assert (early.told, late.told) == (["ended"], ["ended"])
    assert len(streams) == 0


def test_a_stream_whose_token_has_expired_already_ends_with_the_next_sweep() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    stream = FakeStream(streams)
    streams.add(stream, time.wall - 5)

    streams.sweep()

    assert stream.told == ["ended"]


def test_timeouts_are_counted_on_a_clock_that_nobody_sets() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    stream = FakeStream(streams, timeout=5)
    streams.add(stream, time.wall)
    streams.sweep()

    time.wall -= 86_400
    time.steady += 4.9
    streams.sweep()
    assert stream.told == ["ended"]

    time.steady += 0.1
    streams.sweep()
    streams.sweep()
    assert stream.told == ["ended", "timed out"]


def test_a_timeout_can_be_set_anew() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    stream = FakeStream(streams)
    streams.set_timeout(stream, 5)
    time.steady += 4
    streams.set_timeout(stream, 5)

    time.steady += 4
    streams.sweep()
    assert stream.told == []

    time.steady += 1
    streams.sweep()
    assert stream.told == ["timed out"]


def test_a_clock_that_is_set_back_only_delays() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    stream = FakeStream(streams)
    streams.add(stream, time.wall + 10)

    time.wall -= 3600
    streams.sweep()
    assert stream.told == []

    time.wall += 3700
    streams.sweep()
    assert stream.told == ["ended"]


@pytest.mark.parametrize("count", [1, 100])
def test_a_stream_that_is_over_is_forgotten(count: int) -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    held = [FakeStream(streams) for _ in range(count)]
    for number, stream in enumerate(held):
        streams.add(stream, time.wall + number)
        streams.set_timeout(stream, 5)

    del held, stream
    gc.collect()

    assert len(streams) == 0
    time.wall += 1000
    time.steady += 1000
    streams.sweep()


def test_the_clocks_of_the_machine_are_used_unless_others_are_given() -> None:
    streams = OpenStreams(Clocks())
    stream = FakeStream(streams)
    streams.add(stream, 0)

    streams.sweep()

    assert stream.told == ["ended"]


def test_a_revoked_stream_ends_in_the_next_sweep_after_a_list_has_changed() -> None:
    streams = OpenStreams(Time().clocks())
    stream, other = FakeStream(streams), FakeStream(streams)
    for one in (stream, other):
        streams.add(one, math.inf)
    streams.sweep()
    stream.revoked = True
    streams.sweep()
    assert stream.told == []

    streams.check_revocation()
    for _ in range(3):
        streams.sweep()

    assert (stream.told, other.told) == (["ended"], [])
    assert len(streams) == 1


def test_a_stream_is_checked_for_revocation_when_it_begins() -> None:
    """A list may have changed between the decision about its request and its first byte."""
    streams = OpenStreams(Time().clocks())
    stream = FakeStream(streams)
    stream.revoked = True

    streams.add(stream, math.inf)
    streams.sweep()

    assert stream.told == ["ended"]


def test_a_stream_that_is_both_expired_and_revoked_ends_once() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    stream = FakeStream(streams)
    stream.revoked = True
    streams.add(stream, time.wall)

    for _ in range(2):
        streams.check_revocation()
        streams.sweep()

    assert stream.told == ["ended"]


class BrokenStream(FakeStream):
    """Fails to say whether it is revoked."""

    def is_revoked(self) -> bool:
        raise ZeroDivisionError


async def test_a_stream_whose_revocation_check_fails_is_cut_and_the_others_still_end() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(context["message"])
    )
    streams = OpenStreams(Time().clocks())
    broken, revoked = BrokenStream(streams), FakeStream(streams)
    revoked.revoked = True
    for stream in (broken, revoked):
        streams.add(stream, math.inf)

    streams.sweep()

    assert (broken.told, revoked.told) == (["cut"], ["ended"])
    assert reported == ["unexpected error in the revocation check of a stream"]


class FakeSessionStream(FakeStream):
    """Came by session *session_id*, and looks after it again in so many seconds."""

    def __init__(self, streams: OpenStreams, session_id: bytes, seconds: float) -> None:
        super().__init__(streams)
        self.session_id = session_id
        self.seconds = seconds

    def check_session(self) -> None:
        self.told.append("looked")

    def session_ended(self) -> None:
        self.told.append("session ended")


def test_a_session_is_looked_after_when_it_is_time_and_once() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    soon, late = FakeSessionStream(streams, b"a", 0), FakeSessionStream(streams, b"b", 0)
    streams.follow(soon, time.wall - 100)  # not at once: others would be asked without a pause
    streams.follow(late, time.wall + 10)

    for steady, expected in ((0.9, ([], [])), (1, (["looked"], [])), (9, (["looked"], []))):
        time.steady = 5.0 + steady
        streams.sweep()
        assert (soon.told, late.told) == expected
    time.wall -= 3600  # somebody set the clock back
    time.steady = 15.0
    streams.sweep()
    assert late.told == ["looked"]


def test_a_session_that_ends_ends_its_streams_alone() -> None:
    time = Time()
    streams = OpenStreams(time.clocks())
    one, same, other = (FakeSessionStream(streams, name, 0) for name in (b"a", b"a", b"b"))
    for stream in (one, same, other):
        streams.follow(stream, time.wall + 10)
        streams.add(stream, time.wall + 20)
    streams.discard(same)

    streams.end_sessions(frozenset((b"a", b"c")))
    time.wall += 30
    streams.sweep()

    assert (one.told, same.told, other.told) == (["session ended", "ended"], [], ["ended"])
