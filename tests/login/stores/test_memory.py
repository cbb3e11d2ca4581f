"""Memory keeps so many sessions, so many of one subject, and what it forgets takes no room."""

from dataclasses import replace

import pytest

from gateway.login.store import Ended, StoreUnavailable
from gateway.login.stores.memory import MemoryStore, id_of_secret
from tests.login.sessions import ISSUER, Clock, make_session


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def log_in(store: MemoryStore, **changes: object) -> tuple[bytes, frozenset[bytes]]:
    kept = await store.begin(make_session(**changes))  # type: ignore[arg-type]
    assert kept is not None
    return kept.session.id, kept.displaced


async def test_a_login_too_many_ends_the_one_of_its_subject_used_least_recently(
    clock: Clock,
) -> None:
    store = MemoryStore(clock, most_of_subject=3)
    first, second, third = [(await log_in(store))[0] for _ in range(3)]
    other, _ = await log_in(store, subject="bob")
    clock.now += 1
    session = await store.get(first)
    assert session is not None
    await store.touch(session, clock.now)

    _, displaced = await log_in(store)
    assert displaced == {second}
    assert [await store.get(one) is not None for one in (first, second, third, other)] == [
        True,
        False,
        True,
        True,
    ]


async def test_subjects_of_different_issuers_are_different(clock: Clock) -> None:
    store = MemoryStore(clock, most_of_subject=1)
    await log_in(store)

    assert (await log_in(store, issuer="https://other.test/"))[1] == frozenset()


async def test_a_login_never_ends_a_session_of_another_subject(clock: Clock) -> None:
    """Else anyone with an account could log everybody out."""
    store = MemoryStore(clock, most=2)
    ada, _ = await log_in(store)
    bob, _ = await log_in(store, subject="bob")

    with pytest.raises(StoreUnavailable, match="there are 2 sessions"):
        await store.begin(make_session(subject="eve"))
    assert await store.get(ada) is not None
    assert (await log_in(store))[1] == {ada}
    assert await store.get(bob) is not None


async def test_sessions_that_are_over_make_room(clock: Clock) -> None:
    store = MemoryStore(clock, most=2)
    for number in range(10):
        await log_in(store, subject=str(number), now=clock.now)
        clock.now += 60


async def test_what_is_over_is_forgotten_everywhere(clock: Clock) -> None:
    store = MemoryStore(clock)
    for number in range(300):
        session_id, _ = await log_in(store, now=clock.now, subject=str(number), sid=str(number))
        if number % 3 == 0:
            await store.end(session_id)
        if number % 3 == 1:
            await store.end_all(Ended(ISSUER, sid=str(number)))
        await store.use_once(b"%d" % number, 600.0)
        await store.lock(session_id, 30.0)
        clock.now += 1
    assert len(store._sessions) <= 100
    clock.now += 10_000
    await log_in(store, now=clock.now, subject="last")

    assert (len(store._sessions), len(store._of_subject), len(store._of_sid)) == (1, 1, 1)


async def test_a_refresh_changes_neither_subject_nor_lifetime(clock: Clock) -> None:
    store = MemoryStore(clock)
    session_id, _ = await log_in(store)
    session = await store.get(session_id)
    assert session is not None
    await store.replace(replace(session, subject="eve", sid="x", ends_at=clock.now * 2, version=1))
    kept = await store.get(session_id)

    assert kept is not None
    assert replace(kept, version=0) == session


async def test_the_id_is_the_hash_of_the_cookie(clock: Clock) -> None:
    kept = await MemoryStore(clock, random=bytes).begin(make_session())

    assert kept is not None
    assert kept.value == "A" * 43
    assert kept.session.id == id_of_secret("A" * 43)
    assert id_of_secret("\ud800" * 43) != kept.session.id


@pytest.mark.parametrize("value", ["", "A" * 42, "A" * 44, "A" * 2000])
def test_a_value_of_another_length_has_no_id(value: str) -> None:
    assert id_of_secret(value) is None
