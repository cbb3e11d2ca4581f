"""How slow a peer may be, by a clock of the test."""

import pytest

from gateway.proxy.transport.pace import Pace

GRACE = 30.0
RATE = 240


class Peer:
    """A peer, looked at four times a second as the sweep does."""

    def __init__(self, rate: int | None = RATE, grace_seconds: float = GRACE) -> None:
        self.rate = rate
        self.now = 1000.0
        self.count = 5
        self.pace = Pace(grace_seconds, self.count)
        self.pace.start(self.now, self.count, rate)

    def goes_on(self, seconds: float, rate: float) -> bool:
        """Let it send so many bytes a second for *seconds*; return whether it may."""
        sent = 0.0
        for _ in range(int(seconds * 4)):
            self.now += 0.25
            sent += rate / 4
            if not self.pace.is_fast_enough(self.now, self.count + int(sent), self.rate):
                return False
        self.count += int(sent)
        return True


def test_a_peer_that_sends_nothing_has_the_grace() -> None:
    assert Peer().goes_on(GRACE - 1, 0)
    assert not Peer().goes_on(GRACE + 1, 0)


@pytest.mark.parametrize("rate", [0.1, 1, 4])
def test_a_peer_that_drips_has_little_more(rate: float) -> None:
    assert not Peer().goes_on(GRACE + 1, rate)


def test_a_peer_at_the_rate_may_go_on_forever() -> None:
    assert Peer().goes_on(3 * 60 * 60, RATE)


def test_a_peer_somewhat_under_the_rate_has_its_time() -> None:
    """It loses a tenth of a second in each: a small body gets through."""
    assert Peer().goes_on(9 * GRACE, RATE * 0.9)
    assert not Peer().goes_on(11 * GRACE, RATE * 0.9)


def test_a_peer_on_a_poor_network_may_pause_as_long_as_it_is_fast_enough_on_average() -> None:
    peer = Peer()
    for _ in range(50):
        assert peer.goes_on(GRACE - 5, 0)
        assert peer.goes_on(5, RATE * GRACE / 5)


def test_early_speed_earns_no_more_than_the_grace() -> None:
    """Otherwise a peer that begins with a megabyte has an hour."""
    peer = Peer()
    assert peer.goes_on(1, 10_000_000)
    assert not peer.goes_on(GRACE + 1, 0)


def test_time_spent_waiting_for_somebody_else_does_not_count() -> None:
    peer = Peer()
    for _ in range(100):
        assert peer.goes_on(GRACE / 200, 0)
        peer.pace.stop(peer.now)
        peer.now += 3600.0
        peer.pace.start(peer.now, peer.count, RATE)
    assert not peer.goes_on(GRACE, 0)


def test_what_came_meanwhile_counts() -> None:
    peer = Peer()
    assert peer.goes_on(GRACE - 1, 0)
    peer.pace.stop(peer.now)
    peer.count += 10_000
    peer.pace.start(peer.now + 60, peer.count, RATE)
    peer.now += 60

    assert peer.goes_on(GRACE - 1, 0)


def test_without_a_rate_any_byte_is_enough() -> None:
    peer = Peer(rate=None)
    for _ in range(50):
        assert peer.goes_on(GRACE - 2, 0)
        assert peer.goes_on(1, 4)
    assert not peer.goes_on(GRACE + 1, 0)


def test_a_count_that_goes_back_takes_nothing_away() -> None:
    """There may be more unsent bytes than before."""
    peer = Peer()
    assert peer.pace.is_fast_enough(peer.now + 1, peer.count - 1000, RATE)
    assert peer.pace.is_fast_enough(peer.now + 2, peer.count - 900, RATE)


def test_a_blocked_event_loop_cuts_nobody() -> None:
    """It read nothing either: what came meanwhile is not seen yet."""
    peer = Peer()
    assert peer.goes_on(1, RATE)

    assert peer.pace.is_fast_enough(peer.now + 3600, peer.count, RATE)


@pytest.mark.parametrize(("grace", "pause"), [(30.0, 1.0), (2.0, 0.25)])
def test_a_look_is_taken_often_enough(grace: float, pause: float) -> None:
    assert Pace(grace, 0).look_seconds == pause
