"""The sessions in use: who is asked about them, when, and what ends them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import Claims, SignedToken
from gateway.decision.tokens.claims import read_claims
from gateway.http.reading.cookies import OwnCookies
from gateway.login.requests import LoginsGone
from gateway.login.session import SessionView
from gateway.proxy.logins.session_cache import CachedSession, Patience, SessionCache
from gateway.telemetry.metrics.counts import Metrics
from tests.decision.policies import NOW, claims, issuer
from tests.hanging import LIMIT_SECONDS
from tests.proxy.fake_logins import FakeLogins

SHORT = Patience(0.01, 0.02)


def cookies(value: str = "s1") -> OwnCookies:
    return OwnCookies((("__Host-session", value),))


class Cache:
    """A cache of fake logins, at a time of its own, which waits for nothing long."""

    def __init__(self, capacity: int = 100, patience: Patience = SHORT) -> None:
        self.now = NOW
        self.logins = FakeLogins()
        self.metrics = Metrics()
        self.cache = SessionCache(self.logins, lambda: self.now, self.metrics, patience, capacity)

    async def find(self, value: str = "s1", *, anew: bool = False) -> CachedSession | Reason:
        return await self.cache.find(cookies(value), anew=anew)

    def recall(self, value: str = "s1") -> CachedSession | None:
        return self.cache.recall(cookies(value).key)

    async def use(self, token: SignedToken, value: str = "s1") -> CachedSession:
        """Find a session, and remember *token* as the one that its requests were allowed with."""
        found = await self.find(value)
        assert isinstance(found, CachedSession)
        found.remember(token)
        return found


@pytest.fixture
async def cached() -> Cache:
    return Cache()


@pytest.fixture
def token() -> SignedToken:
    """A verified token of alice, which expires in five minutes."""
    trusted = issuer()
    held = read_claims(claims(), trusted, {})
    assert isinstance(held, Claims)
    return SignedToken(trusted, KeySet(()), "k1", "jwt", held, b"", b'"alice"')


async def test_a_session_is_asked_about_once_until_its_view_is_due(cached: Cache) -> None:
    cached.logins.begin("s1", check_at=cached.now + 10)

    assert cached.recall() is None
    found = await cached.find()
    assert cached.recall() is await cached.find() is found
    cached.now += 10
    assert cached.recall() is None
    assert isinstance(await cached.find(), CachedSession)

    assert len(cached.logins.asked) == 2
    counts = cached.metrics
    assert (counts.sessions_found, counts.sessions_cached, counts.sessions_missing) == (2, 2, 0)


async def test_what_is_no_session_is_asked_about_each_time(cached: Cache) -> None:
    assert [await cached.find("none") for _ in range(2)] == [Reason.LOGIN_REQUIRED] * 2
    assert len(cached.logins.asked) == cached.metrics.sessions_missing == 2
    assert len(cached.cache) == 0


async def test_a_session_with_cookies_to_send_is_not_recalled_in_passing(cached: Cache) -> None:
    cached.logins.begin("s1", check_at=cached.now + 9, cookies=(b"__Host-session=s2",))

    found = await cached.find()

    assert isinstance(found, CachedSession)
    assert cached.recall() is None
    assert await cached.find() is found


async def test_an_end_is_felt_at_once(cached: Cache) -> None:
    heard: list[frozenset[bytes]] = []
    cached.cache.subscribe(heard.append)
    for value in ("s1", "s2"):
        cached.logins.begin(value, check_at=cached.now + 3600)
        await cached.find(value)

    cached.logins.end("s1")

    assert cached.recall("s1") is None
    assert cached.recall("s2") is not None
    assert heard == [frozenset((b"s1",))]
    assert await cached.find() is Reason.LOGIN_REQUIRED


async def test_an_answer_from_before_the_end_begins_no_session(cached: Cache) -> None:
    """The end overtakes the answer: both come to a worker in one read."""
    cached.logins.begin("s1", check_at=cached.now + 3600)
    view = cached.logins.sessions["s1"]

    class Late(FakeLogins):
        async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
            self.asked.append(cookies)
            if len(self.asked) == 1:
                for listener in self._listeners:
                    listener(frozenset((b"s1",)))
                return view
            return Reason.LOGIN_REQUIRED

    cache = SessionCache(Late(), lambda: cached.now, cached.metrics)

    assert await cache.find(cookies()) is Reason.LOGIN_REQUIRED
    assert len(cache) == 0


async def test_a_token_that_stays_is_not_verified_again(cached: Cache, token: SignedToken) -> None:
    cached.logins.begin("s1", check_at=cached.now + 1)
    first = await cached.use(token)
    known = first.credential.known

    cached.now += 1
    second = await cached.find()
    cached.logins.begin("s1", b"another", check_at=cached.now)
    third = await cached.find()

    assert known is not None
    assert known.log_subject == b'"alice","login":"web"'
    assert first.remember(known) is known
    assert isinstance(second, CachedSession)
    assert second.credential.known is known
    assert isinstance(third, CachedSession)
    assert third.credential.known is None


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_session_goes_on_for_a_while_without_whoever_keeps_it(
    is_slow: bool, cached: Cache, token: SignedToken
) -> None:
    cached.logins.begin("s1", check_at=cached.now + 1)
    used = await cached.use(token)
    if is_slow:
        cached.logins.gate = asyncio.Event()
    else:
        cached.logins.fault = LoginsGone()

    cached.now += 10.9
    assert await cached.find() is used
    assert await cached.find("unknown") is Reason.SESSIONS_UNAVAILABLE
    assert await cached.find(anew=True) is Reason.SESSIONS_UNAVAILABLE
    cached.now += 0.2
    assert await cached.find() is Reason.SESSIONS_UNAVAILABLE

    if cached.logins.gate is not None:
        cached.logins.gate.set()
    cached.logins.fault = None
    cached.logins.begin("s1", check_at=cached.now + 3600)
    assert isinstance(await cached.find(), CachedSession)


async def test_no_session_goes_on_longer_than_its_token(cached: Cache, token: SignedToken) -> None:
    cached.logins.begin("s1", check_at=cached.now + 1)
    soon = replace(token, claims=replace(token.claims, expires_at=cached.now + 5))
    await cached.use(soon)
    cached.logins.fault = LoginsGone()

    cached.now += 5 + token.issuer.leeway_seconds

    assert await cached.find() is Reason.SESSIONS_UNAVAILABLE


@pytest.mark.parametrize("reason", [Reason.SESSIONS_UNAVAILABLE, Reason.LOGIN_UNAVAILABLE])
async def test_what_the_logins_say_counts(
    reason: Reason, cached: Cache, token: SignedToken
) -> None:
    cached.logins.begin("s1", check_at=cached.now + 1)
    await cached.use(token)
    cached.now += 1
    cached.logins.fault = reason

    assert await cached.find() is reason
    cached.logins.fault = None
    assert isinstance(await cached.find(), CachedSession)
    assert cached.metrics.sessions_unavailable == 1


async def test_made_up_cookies_fill_no_memory_and_evict_nobody_in_use() -> None:
    cached = Cache(8)
    cached.logins.begin("mine", check_at=cached.now + 3600)
    mine = await cached.find("mine")
    for number in range(100):
        cached.logins.begin(f"s{number}", check_at=cached.now + 3600)
        await cached.find(f"s{number}")
        assert cached.recall("mine") is mine
        assert len(cached.cache) <= 16


async def test_a_client_that_leaves_cancels_the_question_for_nobody_else() -> None:
    cached = Cache(patience=Patience(LIMIT_SECONDS, LIMIT_SECONDS))
    cached.logins.begin("s1", check_at=cached.now + 3600)
    cached.logins.gate = asyncio.Event()
    first = asyncio.ensure_future(cached.find())
    second = asyncio.ensure_future(cached.find())
    await cached.logins.was_asked()

    first.cancel()
    cached.logins.gate.set()

    assert isinstance(await second, CachedSession)
    assert len(cached.logins.asked) == 1


async def test_no_more_is_asked_than_anybody_can_answer(cached: Cache) -> None:
    cached.logins.gate = asyncio.Event()
    asking = [asyncio.ensure_future(cached.find(f"s{number}")) for number in range(1100)]
    await cached.logins.was_asked(1024)

    answers = await asyncio.gather(*asking)

    assert len(cached.logins.asked) == 1024
    assert set(answers) == {Reason.SESSIONS_UNAVAILABLE}
    cached.logins.gate.set()
