"""Sessions: found, refreshed once for all who ask, and ended for good."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.http.reading.cookies import SESSION_COOKIE
from gateway.login.client import LoginClient, Lost, NotRenewed, Renewed
from gateway.login.kept import LoginsKept
from gateway.login.session import Session, SessionView, Tokens
from gateway.login.sessions import Sessions
from gateway.login.store import SessionStore
from gateway.login.stores.memory import MemoryStore
from gateway.settings.values.login import LoginSettings
from tests.decision.policies import NOW
from tests.keyring.peers import gate, until
from tests.login.failing import failing_store
from tests.login.provider import Answer, answer, hang_up
from tests.login.sessions import make_session
from tests.login.signing import OTHER_KEY
from tests.login.world import (
    WallClock,
    World,
    location,
    login_settings,
    open_world,
    session_settings,
)

LIFE = 300.0


async def refreshed(world: World) -> None:
    """Wait until no refresh is in flight."""
    await until(lambda: not world.kept.refreshing)


# --- a view


async def test_no_cookie_and_a_wrong_one_are_no_session() -> None:
    async with open_world() as world:
        assert await world.logins.find({}) is Reason.LOGIN_REQUIRED
        for value in ("x", "", "a b", "A" * 43, "x" * 100_000):
            assert await world.logins.find({SESSION_COOKIE: value}) is Reason.LOGIN_REQUIRED


async def test_a_view_is_good_until_something_may_change() -> None:
    short = login_settings(session=session_settings(idle_seconds=60.0, total_seconds=600.0))
    async with open_world() as world, world.reloaded(short):
        browser = await world.log_in()
        assert (await browser.view()).check_at == NOW + 15  # a quarter of the idle time

    async with open_world() as world:
        browser = await world.log_in()
        assert (await browser.view()).check_at == NOW + 60
        world.clock.at += 250
        assert (await browser.view()).check_at == NOW + LIFE - 30  # when the refresh begins


async def test_a_view_of_a_shared_store_is_good_for_a_second() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        store.is_shared = True

        assert (await browser.view()).check_at == NOW + 1


async def test_a_session_ends_when_nobody_uses_it() -> None:
    async with open_world(login_settings(session=session_settings(idle_seconds=200.0))) as world:
        browser = await world.log_in()
        for _ in range(3):
            world.clock.at += 150
            await browser.find()
            await refreshed(world)
        await browser.view()
        world.clock.at += 200
        assert await browser.find() is Reason.LOGIN_REQUIRED


async def test_a_session_ends_after_its_total_time_whoever_uses_it() -> None:
    async with open_world(login_settings(session=session_settings(total_seconds=400.0))) as world:
        browser = await world.log_in()
        for _ in range(4):
            world.clock.at += 80
            await browser.view()
            await refreshed(world)
        assert (await browser.view()).check_at == NOW + 380
        world.clock.at += 80
        assert await browser.find() is Reason.LOGIN_REQUIRED


# --- refreshing


async def test_a_token_is_refreshed_ahead_while_the_former_one_serves() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        first = await browser.view()
        world.clock.at += LIFE - 31
        assert (await browser.view()).token == first.token
        assert not world.kept.refreshing
        world.clock.at += 1
        during = await browser.view()
        assert during.token == first.token
        assert during.check_at == world.clock.at + 0.5
        await refreshed(world)
        after = await browser.view()

        assert after.token != first.token
        assert after.id == first.id
        assert not world.ended  # streams go on
        assert len(world.provider.paths("/token")) == 2


async def test_no_view_outlives_its_token_while_that_is_refreshed() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        waiting, opened = gate(answer({}, 503))
        world.provider.answers["/token"] = waiting
        world.clock.at += LIFE - 0.3
        view = await browser.view()
        assert view.check_at == pytest.approx(NOW + LIFE - 0.1)

        world.clock.at = NOW + LIFE - 0.05  # too short: a new one is waited for
        finding = asyncio.create_task(browser.find())
        await until(lambda: len(world.provider.paths("/token")) == 2)
        assert not finding.done()
        opened.set()
        assert isinstance(await finding, SessionView)  # none came, and this one is still valid


async def test_a_short_token_is_refreshed_in_the_last_quarter_of_its_life() -> None:
    async with open_world() as world:
        world.provider.life_seconds = 40.0
        browser = await world.log_in()

        assert (await browser.view()).check_at == NOW + 30


async def test_a_refresh_has_all_it_needs_before_it_keeps_other_gateways_waiting() -> None:
    """9700.13: a lock that runs out while metadata are fetched has a refresh token sent twice."""
    document = "/.well-known/openid-configuration"
    down = {document: answer({}, 503)}
    async with open_world(answers=down) as world, failing_store(world) as store:
        tokens = Tokens(b"a.b.c", NOW - 1, NOW - 31, "refresh-1")
        kept = await world.store.begin(make_session(NOW, issuer=world.provider.url, tokens=tokens))
        assert kept is not None
        assert kept.value is not None
        waiting, opened = gate(answer({}, 503))
        world.provider.answers[document] = waiting
        world.fetch_clock.advance(600)
        asked = len(world.provider.paths(document))
        finding = asyncio.create_task(world.logins.find({SESSION_COOKIE: kept.value}))
        await until(lambda: bool(world.kept.refreshing))
        await until(lambda: len(world.provider.paths(document)) > asked)
        called = list(store.called)
        opened.set()

        assert await finding is Reason.LOGIN_UNAVAILABLE
        assert "lock" not in called
        assert "lock" in store.called


async def test_forty_requests_at_the_moment_of_expiry_cause_one_refresh() -> None:
    """9700.13: a refresh token that is used twice ends the session at a provider that rotates."""
    async with open_world() as world:
        browser = await world.log_in()
        world.clock.at += LIFE
        views = await asyncio.gather(*(world.logins.find(browser.cookies) for _ in range(40)))

        assert len({view.token for view in views if isinstance(view, SessionView)}) == 1
        assert all(isinstance(view, SessionView) for view in views)
        assert len(world.provider.paths("/token")) == 2
        assert world.kept.counts.refreshes == {("web", "renewed"): 1}


async def test_a_request_that_leaves_takes_the_refresh_from_nobody() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        world.clock.at += LIFE
        waiting, opened = gate(answer({}, 503))
        world.provider.answers["/token"] = waiting
        first = asyncio.create_task(browser.find())
        second = asyncio.create_task(browser.find())
        await until(lambda: len(world.provider.paths("/token")) == 2)
        first.cancel()
        opened.set()

        assert await second is Reason.LOGIN_UNAVAILABLE


@pytest.mark.parametrize("say", [hang_up, answer({}, 500), answer(b"nonsense"), answer({})])
async def test_while_the_provider_is_down_a_valid_token_serves_and_then_none(
    say: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world() as world:
        browser = await world.log_in()
        first = await browser.view()
        world.provider.answers["/token"] = say
        world.clock.at += LIFE - 10
        assert (await browser.view()).token == first.token
        await refreshed(world)
        assert (await browser.view()).token == first.token
        assert not world.kept.refreshing  # one try a second
        world.clock.at += 10
        tried = len(world.provider.paths("/token"))
        assert await browser.find() is Reason.LOGIN_UNAVAILABLE
        assert await browser.find() is Reason.LOGIN_UNAVAILABLE
        assert len(world.provider.paths("/token")) == tried + 1
        assert caplog.text.count("login web: tokens not refreshed") == 1
        assert not world.ended

        del world.provider.answers["/token"]
        world.clock.at += 1
        assert (await browser.view()).id == first.id  # the session stayed


async def test_a_provider_that_never_answers_is_given_up() -> None:
    async with open_world(timeout_seconds=1.0) as world:
        browser = await world.log_in()
        silent, opened = gate(answer({}))
        world.provider.answers["/token"] = silent
        world.clock.at += LIFE
        other = world.browser()
        url = world.provider.consent(location(await other.navigate()))
        found, failed = await asyncio.gather(browser.find(), other.come_back(url))
        opened.set()

        assert found is Reason.LOGIN_UNAVAILABLE
        assert failed.reason is Reason.LOGIN_UNAVAILABLE
        assert "no complete response in 1 s" in failed.detail
        assert not world.ended


async def test_a_session_whose_grant_is_gone_ends() -> None:
    """10017.8."""
    async with open_world() as world:
        browser = await world.log_in()
        view = await browser.view()
        world.provider.refresh_tokens.clear()
        world.clock.at += LIFE

        assert await browser.find() is Reason.LOGIN_REQUIRED
        assert world.ended == [view.id]
        assert world.kept.counts.refreshes == {("web", "lost"): 1}


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "invalid_scope"])
async def test_any_other_refusal_keeps_the_session(error: str) -> None:
    async with open_world() as world:
        browser = await world.log_in()
        world.provider.answers["/token"] = answer({"error": error}, 400)
        world.clock.at += LIFE

        assert await browser.find() is Reason.LOGIN_UNAVAILABLE
        assert not world.ended


@pytest.mark.parametrize("which", ["access_claims", "id_claims"])
async def test_tokens_of_another_subject_are_never_used(which: str) -> None:
    """The session ends, since nobody can say whose it is."""
    async with open_world() as world:
        browser = await world.log_in()
        setattr(world.provider, which, {"sub": "mallory"})
        world.clock.at += LIFE

        assert await browser.find() is Reason.LOGIN_REQUIRED
        assert len(world.ended) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"key": OTHER_KEY},
        {"access_claims": {"iss": "https://evil.example"}},
        {"access_claims": {"exp": 1}},
        {"id_claims": {"aud": "other"}},
        {"members": {"access_token": "opaque"}},
    ],
)
async def test_a_token_that_does_not_verify_is_not_used_but_its_refresh_token_is(
    change: dict[str, Any],
) -> None:
    """Else the next refresh would send one that is used up, and end the session."""
    async with open_world() as world:
        browser = await world.log_in()
        usual = {name: getattr(world.provider, name) for name in change}
        for name, value in change.items():
            setattr(world.provider, name, value)
        world.clock.at += LIFE
        assert await browser.find() is Reason.LOGIN_UNAVAILABLE
        for name, value in usual.items():
            setattr(world.provider, name, value)
        world.clock.at += 1

        assert (await browser.view()).subject == "alice"
        sent = [form["refresh_token"] for form in world.provider.paths("/token")[1:]]
        assert len(set(sent)) == 2


async def test_a_provider_that_does_not_rotate_keeps_its_refresh_token() -> None:
    async with open_world() as world:
        world.provider.rotates = False
        browser = await world.log_in()
        world.provider.members = {"refresh_token": None, "id_token": None}
        for _ in range(3):
            world.clock.at += LIFE
            await browser.view()

        sent = [form["refresh_token"] for form in world.provider.paths("/token")[1:]]
        assert len(set(sent)) == 1


async def test_without_a_refresh_token_a_session_ends_with_its_access_token() -> None:
    async with open_world() as world:
        world.provider.refreshes = False
        browser = await world.log_in()
        world.clock.at += LIFE - 1
        view = await browser.view()
        assert view.check_at == NOW + LIFE
        world.clock.at += 1

        assert await browser.find() is Reason.LOGIN_REQUIRED
        assert world.ended == [view.id]


async def test_a_refresh_in_flight_outlives_its_configuration() -> None:
    """Its refresh token is used up at the provider: the answer must not be lost."""
    async with open_world() as world:
        browser = await world.log_in()
        world.clock.at += LIFE - 1
        arrived, opened = asyncio.Event(), asyncio.Event()

        async def waiting(_request: Any) -> Any:
            arrived.set()
            await opened.wait()
            return world.provider.answer_token()

        world.provider.answers["/token"] = waiting
        await browser.view()
        await arrived.wait()
        retiring = asyncio.create_task(world.logins.retire())
        async with world.reloaded():
            opened.set()
            await retiring
            view = await world.logins.find(browser.cookies)

            assert isinstance(view, SessionView)
            assert view.check_at > world.clock.at + 1
            assert world.kept.counts.refreshes == {("web", "renewed"): 1}


async def test_a_session_that_ends_during_its_refresh_has_ended() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        cookies = dict(browser.cookies)
        world.clock.at += LIFE
        opened = asyncio.Event()

        async def waiting(_request: Any) -> Any:
            await opened.wait()
            return world.provider.answer_token()

        world.provider.answers["/token"] = waiting
        finding = asyncio.create_task(world.logins.find(cookies))
        await until(lambda: len(world.provider.paths("/token")) == 2)
        await browser.log_out()
        opened.set()

        assert await finding is Reason.LOGIN_REQUIRED
        await until(lambda: len(world.provider.revoked) == 2)  # those of before, and the new ones


async def test_a_store_that_fails_after_a_refresh_loses_no_tokens() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        world.clock.at += LIFE
        store.failing = {"replace"}
        assert await browser.find() is Reason.SESSIONS_UNAVAILABLE
        store.failing = set()

        assert (await browser.view()).subject == "alice"
        assert len(world.provider.paths("/token")) == 2


async def test_a_refresh_token_that_no_store_took_is_the_next_one_to_be_sent() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        world.provider.members = {"access_token": "opaque"}
        world.clock.at += LIFE
        store.failing = {"replace"}
        assert await browser.find() is Reason.SESSIONS_UNAVAILABLE
        store.failing = set()
        world.provider.members = {}
        world.clock.at += 1

        assert (await browser.view()).check_at > world.clock.at + 1
        sent = [form["refresh_token"] for form in world.provider.paths("/token")[1:]]
        assert len(set(sent)) == 2


async def test_an_outage_of_a_store_is_logged_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        for _ in range(2):
            store.failing = {"read"}
            for _ in range(3):
                assert await browser.find() is Reason.SESSIONS_UNAVAILABLE
            store.failing = set()
            for _ in range(3):
                await browser.view()

    assert caplog.text.count("sessions unavailable: read: no connection") == 2
    assert caplog.text.count("sessions available again") == 2


@pytest.mark.parametrize(("step", "seconds"), [("read", LIFE), ("lock", LIFE), ("touch", 60.0)])
async def test_a_store_that_fails_is_no_verdict_about_a_session(step: str, seconds: float) -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        world.clock.at += seconds
        store.failing = {step}
        assert await browser.find() is Reason.SESSIONS_UNAVAILABLE
        store.failing = set()
        await browser.view()


# --- reloads


async def test_sessions_and_logins_under_way_survive_a_reload() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        view = await browser.view()
        async with world.reloaded(login_settings(scopes=("openid",))):
            browser.logins = world.logins
            assert (await browser.view()).id == view.id


@pytest.mark.parametrize(
    "changed",
    [
        login_settings(name="other"),
        login_settings(client=replace(login_settings().client, client_id="other")),
    ],
)
async def test_a_session_of_a_login_that_changed_is_none(changed: LoginSettings) -> None:
    async with open_world() as world:
        browser = await world.log_in()
        async with world.reloaded(changed):
            assert await world.logins.find(browser.cookies) is Reason.LOGIN_REQUIRED
        await browser.view()  # the former configuration still takes it


async def test_shorter_times_apply_to_sessions_there_are() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        world.clock.at += 100
        async with world.reloaded(login_settings(session=session_settings(idle_seconds=100.0))):
            assert await world.logins.find(browser.cookies) is Reason.LOGIN_REQUIRED


async def test_listeners_of_a_former_configuration_hear_no_more() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        heard: list[bytes] = []
        async with world.reloaded():
            world.logins.subscribe(heard.extend)
        await browser.log_out()

        assert (len(world.ended), heard) == (1, [])


# --- operators


async def test_operators_list_and_end_sessions() -> None:
    async with open_world() as world:
        alice = [await world.log_in() for _ in range(2)]
        world.provider.subject = "bob"
        bob = await world.log_in()
        listed = await world.logins.listed(None)
        assert sorted(one.subject for one in listed) == ["alice", "alice", "bob"]
        assert [one.subject for one in await world.logins.listed("bob")] == ["bob"]

        assert await world.logins.end_by_id((await bob.view()).id)
        assert not await world.logins.end_by_id(b"unknown")
        assert await bob.find() is Reason.LOGIN_REQUIRED
        assert await world.logins.end_subject("alice") == 2
        assert [await one.find() for one in alice] == [Reason.LOGIN_REQUIRED] * 2
        assert len(world.ended) == 4  # of the unknown one, too: other processes may know it


# --- the law of refreshes


@dataclass(eq=False)
class FakeClient:
    """A client at a provider whose refresh tokens work once; a second use ends everything."""

    clock: WallClock
    pauses: Iterator[int]
    outcomes: Iterator[bool]
    login: LoginSettings = field(default_factory=login_settings)
    timeout_seconds: float = 5.0
    current: str = "r0"
    in_flight: int = 0
    reused: bool = False
    refreshes: int = 0

    def owns(self, _session: Session) -> bool:
        return True

    async def endpoints(self) -> None:
        await pause(self.pauses)

    async def refresh(self, session: Session) -> Renewed | NotRenewed | Lost:
        self.in_flight += 1
        assert self.in_flight == 1
        await pause(self.pauses)
        is_up = next(self.outcomes)
        token = session.tokens.refresh
        if is_up and token != self.current:
            self.reused = True
        elif is_up:
            self.refreshes += 1
            self.current = f"r{self.refreshes}"
        await pause(self.pauses)
        self.in_flight -= 1
        if not is_up:
            return NotRenewed("down")
        if self.reused:
            return Lost("reused")
        now = self.clock()
        tokens = Tokens(self.current.encode(), now + 100, now + 75, self.current)
        return Renewed(replace(session, tokens=tokens, version=session.version + 1, used_at=now))


async def pause(pauses: Iterator[int]) -> None:
    for _ in range(next(pauses)):
        await asyncio.sleep(0)


@dataclass(eq=False)
class Distant:
    """A store at some distance: each call takes some turns of the loop, there and back."""

    store: MemoryStore
    pauses: Iterator[int]
    is_shared: bool = True

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)

        async def method(*given: Any) -> Any:
            await pause(self.pauses)
            answer = await found(*given)
            await pause(self.pauses)
            return answer

        return method


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=20),
    st.lists(st.booleans(), max_size=4),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=40),
    st.sampled_from([75.0, 99.9, 100.0, 500.0]),
)
def test_whatever_is_slow_or_fails_a_refresh_token_is_used_once(
    pauses: list[int], outcomes: list[bool], requests: list[tuple[int, int]], late: float
) -> None:
    """Over two gateways; and no request fails while there is a valid token, or a provider."""
    asyncio.run(race(pauses, outcomes, requests, late))


async def race(
    pauses: list[int], outcomes: list[bool], requests: list[tuple[int, int]], late: float
) -> None:
    clock, turns = WallClock(), cycle(pauses)
    client = FakeClient(clock, turns, iter([*outcomes, *[True] * 1000]))
    memory = MemoryStore(clock)
    gateways, kept = [], [LoginsKept(), LoginsKept()]
    for one in kept:
        store = cast("SessionStore", Distant(memory, turns))
        clients = {"web": cast("LoginClient", client)}
        sessions = Sessions(clients, {"web": store}, one, clock, lambda _: asyncio.sleep(0))
        gateways.append(sessions)
    tokens = Tokens(b"r0", clock() + 100, clock() + 75, "r0")
    begun = await memory.begin(
        Session(b"", "web", "i", "alice", None, tokens, {}, clock(), clock(), 1e6, clock() + 1e6)
    )
    assert begun is not None
    assert begun.value is not None
    cookies = {SESSION_COOKIE: begun.value}
    clock.at += late

    async def request(gateway: int, delay: int) -> SessionView | Reason:
        for _ in range(delay):
            await asyncio.sleep(0)
        return await gateways[gateway].find(cookies)

    found = await asyncio.gather(*(request(*one) for one in requests))
    await until(lambda: not any(one.refreshing for one in kept))

    assert not client.reused
    assert client.refreshes <= 1
    is_valid = late < 100
    for view in found:
        if isinstance(view, Reason):
            assert view is Reason.LOGIN_UNAVAILABLE
            assert not is_valid
            assert False in outcomes
        else:
            assert view.token in ({b"r0", b"r1"} if is_valid else {b"r1"})
    clock.at += 2
    for _ in range(len(outcomes) + 1):
        last = await gateways[0].find(cookies)
        await until(lambda: not kept[0].refreshing)
        clock.at += 1
    assert isinstance(last, SessionView)
    assert last.token == client.current.encode()
