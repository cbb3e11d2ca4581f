"""What holds for every store of sessions: memory, Redis, and cookies."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from gateway.login.session import Session
from gateway.login.store import Ended, SessionStore
from gateway.login.stores.opening import open_store
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import running_redis
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session, make_tokens
from tests.login.store_machine import StoreMachine

PATIENT = 60.0
KINDS = ["memory", "redis", "cookie", "cookie and redis"]


@dataclass
class World:
    """A store on a clock that does not move by itself; *redis* is there if it is used."""

    kind: str
    store: SessionStore
    clock: Clock
    redis: Redis | None = None

    @property
    def is_cookie(self) -> bool:
        return self.kind.startswith("cookie")


def open_world(kind: str, redis: Redis, clock: Clock) -> World:
    store = SessionStoreKind(kind.partition(" ")[0])
    keys = () if store is SessionStoreKind.MEMORY else (b"k" * 32,)
    shared = redis if "redis" in kind else None
    wanted = SessionSettings(store, 100.0, 1000.0, keys)
    return World(kind, open_store(wanted, shared, clock=clock), clock, shared)


class Browser:
    """Keeps the cookie of a session as a browser does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.value = ""
        self.session = make_session()

    async def log_in(self, session: Session | None = None) -> "Browser":
        kept = await self._world.store.begin(session or make_session(self._world.clock.now))
        assert kept is not None
        assert kept.value is not None
        self.value, self.session = kept.value, kept.session
        return self

    async def read(self) -> Session | None:
        kept = await self._world.store.read(self.value)
        if kept is None:
            return None
        self.value = kept.value or self.value
        return kept.session

    async def touch(self) -> None:
        session = await self.read()
        assert session is not None
        self.value = await self._world.store.touch(session, self._world.clock.now) or self.value

    async def refresh(self, number: int = 1) -> Session | None:
        changed = replace(self.session, tokens=make_tokens(number), version=number)
        kept = await self._world.store.replace(changed)
        if kept is None:
            return None
        self.value, self.session = kept.value or self.value, kept.session
        return kept.session


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(params=KINDS)
async def world(
    request: pytest.FixtureRequest, redis_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    redis = Redis(redis_url, PATIENT, OnFailure.REFUSE, f"{tmp_path.name}:")
    world = open_world(request.param, redis, Clock())
    yield world
    await world.store.close()


@pytest.fixture
async def browser(world: World) -> Browser:
    return await Browser(world).log_in()


async def test_a_session_is_read_as_it_began(world: World) -> None:
    browser = await Browser(world).log_in()
    session = await browser.read()

    assert session == browser.session
    assert replace(browser.session, id=b"") == make_session()


async def test_no_two_sessions_have_an_id_or_a_value_in_common(world: World) -> None:
    browsers = [await Browser(world).log_in() for _ in range(20)]

    assert len({one.value for one in browsers}) == 20
    assert len({one.session.id for one in browsers}) == 20
    assert all(len(one.session.id) == 32 for one in browsers)


async def test_the_cookie_does_not_follow_from_the_id(world: World, browser: Browser) -> None:
    value, session_id = browser.value, browser.session.id

    assert session_id.hex() not in value
    assert await world.store.read(session_id.hex()) is None


@pytest.mark.parametrize("value", ["", "a", "é", "\ud800", "A" * 43, "A" * 100_000, "*", "\x00"])
async def test_a_value_that_no_store_gave_is_no_session(
    world: World, browser: Browser, value: str
) -> None:
    assert await world.store.read(value) is None
    assert await browser.read() is not None


async def test_a_value_that_was_changed_is_no_session(world: World, browser: Browser) -> None:
    for at in (0, 10, -1):
        letters = list(browser.value)
        letters[at] = "A" if letters[at] != "A" else "B"
        assert await world.store.read("".join(letters)) is None
    assert await world.store.read(browser.value + "A") is None
    assert await world.store.read(browser.value[:-1]) is None


async def test_an_idle_session_ends(world: World, browser: Browser) -> None:
    world.clock.now += 99
    assert await browser.read() is not None
    world.clock.now += 1
    assert await browser.read() is None


async def test_a_session_that_is_used_goes_on(world: World, browser: Browser) -> None:
    for _ in range(9):
        world.clock.now += 99
        await browser.touch()


async def test_a_session_ends_however_often_it_is_used(world: World, browser: Browser) -> None:
    for _ in range(19):
        world.clock.now += 50
        await browser.touch()
    world.clock.now += 50

    assert await browser.read() is None


async def test_an_ended_session_is_none_for_good(world: World, browser: Browser) -> None:
    """RFC 10017 §6.1: a logout ends the session at the gateway, not only in the browser."""
    session = await browser.read()
    assert session is not None

    assert await world.store.end(session.id) is True
    assert await browser.read() is None
    assert await world.store.get(session.id) is None
    assert await world.store.end(session.id) is False
    await world.store.touch(session, world.clock.now)
    assert await browser.refresh() is None
    assert await browser.read() is None


async def test_an_end_is_of_one_session_alone(world: World, browser: Browser) -> None:
    other = await Browser(world).log_in()
    await world.store.end(browser.session.id)

    assert await other.read() is not None


async def test_a_refresh_is_seen_by_the_next_request(world: World, browser: Browser) -> None:
    refreshed = await browser.refresh(1)

    assert refreshed is not None
    assert refreshed.tokens == make_tokens(1)
    assert await browser.read() == refreshed


async def test_a_late_refresh_overwrites_nothing(world: World, browser: Browser) -> None:
    first = replace(browser.session, tokens=make_tokens(1), version=1)
    same = replace(browser.session, tokens=make_tokens(2), version=1)
    later = replace(browser.session, tokens=make_tokens(3), version=2)

    kept = await world.store.replace(first)
    assert kept is not None
    assert kept.session.tokens == make_tokens(1)
    kept = await world.store.replace(same)
    assert kept is not None
    assert kept.session.tokens == make_tokens(1)
    await world.store.replace(later)
    kept = await world.store.replace(first)
    assert kept is not None
    assert kept.session.tokens == make_tokens(3)
    browser.value = kept.value or browser.value
    assert (await browser.read()) == kept.session


async def test_a_request_with_the_cookie_before_a_refresh_goes_on(
    world: World, browser: Browser
) -> None:
    """Forty requests bring one cookie; the first that refreshes changes it."""
    before = browser.value
    refreshed = await browser.refresh(1)
    world.clock.now += 59
    kept = await world.store.read(before)

    assert kept is not None
    assert kept.session == refreshed
    later = await world.store.read(kept.value or before)
    assert later is not None
    assert later.session == refreshed


async def test_a_refresh_does_not_shorten_the_idle_time(world: World, browser: Browser) -> None:
    world.clock.now += 90
    await browser.touch()
    await browser.refresh(1)
    world.clock.now += 90

    assert await browser.read() is not None


async def test_a_back_channel_logout_by_sid_ends_all_sessions_of_it(world: World) -> None:
    one, two, other = [
        await Browser(world).log_in(make_session(sid=sid)) for sid in ("s", "s", "t")
    ]
    elsewhere = await Browser(world).log_in(make_session(sid="s", issuer="https://other.test/"))
    without = await Browser(world).log_in(make_session(sid=None))
    ended = await world.store.end_all(Ended(ISSUER, sid="s"))

    assert ended == {one.session.id, two.session.id}
    assert (await one.read(), await two.read()) == (None, None)
    assert None not in [await one.read() for one in (other, elsewhere, without)]


async def test_a_back_channel_logout_by_subject_ends_those_begun_before(world: World) -> None:
    world.clock.now += 50
    now = world.clock.now
    old = await Browser(world).log_in(make_session(now - 10))
    new = await Browser(world).log_in(make_session(now))
    other = await Browser(world).log_in(make_session(now - 10, subject="bob"))
    elsewhere = await Browser(world).log_in(make_session(now - 10, issuer="https://other.test/"))
    ended = await world.store.end_all(Ended(ISSUER, subject="ada", before=now))

    assert ended == {old.session.id}
    assert await old.read() is None
    assert None not in [await one.read() for one in (new, other, elsewhere)]


async def test_a_login_that_arrives_after_the_logout_does_not_begin(world: World) -> None:
    """OpenID Connect Back-Channel Logout 1.0 §2.7: the two cross on their way."""
    world.clock.now += 5
    now = world.clock.now
    await world.store.end_all(Ended(ISSUER, subject="ada", before=now))
    await world.store.end_all(Ended(ISSUER, sid="sid-7"))

    assert await world.store.begin(make_session(now - 3)) is None
    assert await world.store.begin(make_session(now, subject="bob", sid="sid-7")) is None
    assert await world.store.begin(make_session(now, sid="sid-8")) is not None


async def test_an_earlier_logout_does_not_take_back_a_later_one(world: World) -> None:
    now = world.clock.now
    await world.store.end_all(Ended(ISSUER, subject="ada", before=now + 5))
    await world.store.end_all(Ended(ISSUER, subject="ada", before=now - 5))

    assert await world.store.begin(make_session(now)) is None


async def test_a_token_is_used_once(world: World) -> None:
    assert await world.store.use_once(b"state", 600.0) is True
    assert await world.store.use_once(b"state", 600.0) is False
    assert await world.store.use_once(b"another", 600.0) is True


async def test_of_many_at_once_one_uses_a_token(world: World) -> None:
    used = await asyncio.gather(*(world.store.use_once(b"state", 600.0) for _ in range(20)))

    assert sorted(used) == [False] * 19 + [True]


async def test_one_at_a_time_has_the_ticket_of_a_session(world: World) -> None:
    tickets = await asyncio.gather(*(world.store.lock(b"a" * 32, 30.0) for _ in range(20)))
    (ticket,) = [one for one in tickets if one is not None]

    assert await world.store.lock(b"b" * 32, 30.0) is not None
    await world.store.unlock(b"a" * 32, "not the ticket")
    assert await world.store.lock(b"a" * 32, 30.0) is None
    await world.store.unlock(b"a" * 32, ticket)
    again = await world.store.lock(b"a" * 32, 30.0)
    assert again is not None
    assert again != ticket


async def test_a_ticket_that_ran_out_gives_back_nothing(world: World) -> None:
    ticket = await world.store.lock(b"a" * 32, 30.0)
    assert ticket is not None
    await world.store.unlock(b"a" * 32, ticket)
    assert await world.store.lock(b"a" * 32, 30.0) is not None
    await world.store.unlock(b"a" * 32, ticket)

    assert await world.store.lock(b"a" * 32, 30.0) is None


async def test_sessions_are_listed_newest_first(world: World) -> None:
    if world.is_cookie:
        assert await world.store.sessions(None, 10) == []
        return
    for number in range(5):
        world.clock.now += 1
        session = make_session(world.clock.now, subject="ada" if number % 2 else "bob")
        await Browser(world).log_in(session)

    listed = await world.store.sessions(None, 10)
    assert [one.begun_at - BEGUN_AT for one in listed] == [5, 4, 3, 2, 1]
    assert [one.begun_at - BEGUN_AT for one in await world.store.sessions("ada", 10)] == [4, 2]
    assert [one.begun_at - BEGUN_AT for one in await world.store.sessions(None, 2)] == [5, 4]
    assert await world.store.sessions("eve", 10) == []
    await world.store.end(listed[0].id)
    world.clock.now += 98
    assert [one.begun_at - BEGUN_AT for one in await world.store.sessions(None, 9)] == [4]


async def test_a_value_is_shown_by_nothing(world: World) -> None:
    kept = await world.store.begin(make_session())
    assert kept is not None
    assert kept.value is not None

    assert kept.value not in repr(kept)
    assert "refresh-0" not in repr(kept)
    assert "access-0" not in repr(kept)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_does_what_a_model_that_forgets_nothing_does(
    kind: str, redis_url: str, tmp_path: Path
) -> None:
    count = itertools.count()

    class Machine(StoreMachine):
        is_cookie = "cookie" in kind
        forgets = "redis" not in kind

        def open_store(self) -> SessionStore:
            prefix = f"{tmp_path.name}{next(count)}:"
            redis = Redis(redis_url, PATIENT, OnFailure.REFUSE, prefix)
            return open_world(kind, redis, self.clock).store

    examples = settings(max_examples=20, stateful_step_count=40)
    run_state_machine_as_test(Machine, settings=examples)
