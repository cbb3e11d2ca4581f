"""What one gateway remembers is bounded, and what it forgets lets nobody in."""

import pytest

from gateway.login.store import Ended, StoreUnavailable
from gateway.login.stores.memory_ledger import MemoryLedger
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_id(number: int) -> bytes:
    return number.to_bytes(32)


async def test_an_end_is_remembered_for_its_time(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    session = make_session(id=make_id(1), subject="ada", sid="s")
    await ledger.end(session.id, clock.now + 10)
    clock.now += 9.9
    assert ledger.has_ended(session)
    clock.now += 0.1
    assert not ledger.has_ended(session)


async def test_of_two_ends_the_longer_one_is_remembered(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    await ledger.end_all(Ended(ISSUER, subject="ada", before=BEGUN_AT + 1), clock.now + 100)
    await ledger.end_all(Ended(ISSUER, subject="ada", before=BEGUN_AT + 1), clock.now + 10)
    clock.now += 99

    assert ledger.has_ended(make_session(BEGUN_AT))


async def test_too_many_ends_end_sessions_that_nobody_ended(clock: Clock) -> None:
    """A list that forgot ends instead would let in those who logged out."""
    ledger = MemoryLedger(clock, most_ended=10)
    ended = [make_session(clock.now + n, id=make_id(n)) for n in range(30)]
    for session in ended:
        clock.now = session.begun_at
        await ledger.end(session.id, session.ends_at)

    assert all(map(ledger.has_ended, ended))
    assert len(ledger._ended) <= 10
    assert ledger.has_ended(make_session(BEGUN_AT, id=make_id(99)))
    assert not ledger.has_ended(make_session(clock.now + 1, id=make_id(99)))


async def test_too_many_ends_of_subjects_end_the_same_sessions(clock: Clock) -> None:
    ledger = MemoryLedger(clock, most_ended=10)
    for number in range(30):
        which = Ended(ISSUER, subject=str(number), before=BEGUN_AT + number)
        await ledger.end_all(which, clock.now + 1000)

    for number in range(30):
        assert ledger.has_ended(make_session(BEGUN_AT + number - 1, subject=str(number)))
    assert not ledger.has_ended(make_session(BEGUN_AT + 30, subject="0"))


async def test_too_many_tokens_are_used_no_more(clock: Clock) -> None:
    ledger = MemoryLedger(clock, most_used=3)
    for number in range(3):
        assert await ledger.use_once(b"%d" % number, 600.0)

    with pytest.raises(StoreUnavailable, match="more than 3 logins"):
        await ledger.use_once(b"4", 600.0)
    assert await ledger.use_once(b"0", 600.0) is False
    clock.now += 600
    assert await ledger.use_once(b"4", 600.0)


async def test_a_token_is_new_again_after_its_time(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    await ledger.use_once(b"state", 600.0)
    clock.now += 599
    assert not await ledger.use_once(b"state", 600.0)
    clock.now += 1
    assert await ledger.use_once(b"state", 600.0)


async def test_a_lock_runs_out(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    first = await ledger.lock(b"id", 10.0)
    clock.now += 10
    second = await ledger.lock(b"id", 10.0)
    assert first is not None
    assert second is not None
    await ledger.unlock(b"id", first)

    assert await ledger.lock(b"id", 10.0) is None


async def test_a_successor_is_remembered_for_a_minute(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    old, new = (make_session(id=make_id(1), version=version) for version in range(2))
    assert (await ledger.succeed(new)).successor == new
    clock.now += 59
    assert (await ledger.standing(old)).successor == new
    assert (await ledger.standing(new)).successor is None
    assert await ledger.successor(old.id) == new
    clock.now += 1
    assert (await ledger.standing(old)).successor is None
    assert await ledger.successor(old.id) is None


async def test_an_ended_session_has_no_successor(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    new = make_session(id=make_id(1), version=1)
    await ledger.succeed(new)
    await ledger.end_all(Ended(ISSUER, sid="sid-1"), clock.now + 100)

    assert await ledger.successor(new.id) is None
    assert (await ledger.succeed(new)).has_ended


async def test_names_of_one_issuer_are_none_of_another(clock: Clock) -> None:
    ledger = MemoryLedger(clock)
    await ledger.end_all(Ended("a", sid="bc", subject="bc", before=BEGUN_AT + 1), clock.now + 100)

    assert not ledger.has_ended(make_session(issuer="ab", sid="c", subject="c"))
    assert not ledger.has_ended(make_session(issuer="a", sid="c", subject="bcd"))
    assert ledger.has_ended(make_session(issuer="a", sid="bc"))
    assert ledger.has_ended(make_session(issuer="a", subject="bc"))
    assert not ledger.has_ended(make_session(issuer="a", subject="\ud800"))
