"""What logins keep over reloads."""

from gateway.login.kept import LoginsKept
from tests.login.sessions import make_session


def test_a_session_is_paused_for_its_own_time() -> None:
    kept = LoginsKept()
    kept.pause(b"a", 11.0, 10.0)

    assert kept.is_paused(b"a", 10.5)
    assert not kept.is_paused(b"a", 11.0)
    assert not kept.is_paused(b"b", 10.5)


def test_pauses_that_are_over_are_forgotten_when_there_are_many() -> None:
    kept = LoginsKept()
    for number in range(10_000):
        kept.pause(number.to_bytes(4), 1.0, 0.0)
    kept.pause(b"new", 3.0, 2.0)

    assert kept.is_paused(b"new", 2.5)
    assert not kept.is_paused((7).to_bytes(4), 0.5)  # forgotten


def test_a_session_that_no_store_took_is_not_held_for_ever() -> None:
    """Redis failed during its refresh, and its browser never came back."""
    kept = LoginsKept()
    for number in range(1000):
        kept.hold(make_session(1000.0, id=number.to_bytes(4)), 1000.0)
    kept.hold(make_session(1099.0, id=b"live"), 1099.0)
    assert len(kept.unsaved) == 1001
    kept.hold(make_session(1100.0, id=b"new"), 1100.0)

    assert set(kept.unsaved) == {b"live", b"new"}


def test_all_listeners_hear_of_an_end() -> None:
    heard: list[frozenset[bytes]] = []
    kept = LoginsKept()
    kept.listeners += [heard.append, heard.append]
    kept.pause(b"a", 11.0, 10.0)
    kept.tell(frozenset())
    kept.tell(frozenset((b"a",)))

    assert heard == [frozenset((b"a",))] * 2
    assert not kept.is_paused(b"a", 10.5)


def test_two_gateways_seal_with_other_keys() -> None:
    assert LoginsKept().ring is not LoginsKept().ring
