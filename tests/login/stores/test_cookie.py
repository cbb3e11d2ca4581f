"""Sessions in cookies: their size, what ends them, and what a copy of one is good for."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest

from gateway.login.cookies import join_chunks, split_chunks
from gateway.login.sealing import KeyRing, Purpose
from gateway.login.session import Tokens
from gateway.login.store import Ended, Kept, SessionTooLarge
from gateway.login.stores.cookie import CookieStore
from gateway.login.stores.memory_ledger import MemoryLedger
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session, make_tokens

KEY, NEXT_KEY = b"k" * 32, b"n" * 32


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(
    clock: Clock,
    *keys: bytes,
    ledger: MemoryLedger | None = None,
    former: CookieStore | None = None,
    most_bytes: int = 12 * 1024,
    total: float = 1000.0,
) -> CookieStore:
    ring = KeyRing(keys or [KEY])
    ledger = ledger or MemoryLedger(clock)
    return CookieStore(ring, ledger, most_bytes, total, former=former, clock=clock)


async def log_in(store: CookieStore, **changes: object) -> tuple[str, Kept]:
    kept = await store.begin(make_session(**changes))  # type: ignore[arg-type]
    assert kept is not None
    assert kept.value is not None
    return kept.value, kept


def make_jwt(length: int) -> str:
    parts = (b"h" * 60, b"p" * length, b"s" * 256)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_cookie_tells_nothing_of_its_session(clock: Clock) -> None:
    """10017.4."""
    value, kept = await log_in(make(clock), subject="a.lovelace")

    for name in ("access-0", "a.lovelace", "refresh-0", kept.session.id.hex()):
        assert name not in value


async def test_a_copy_of_a_cookie_is_no_session_after_the_logout(clock: Clock) -> None:
    store = make(clock)
    value, kept = await log_in(store)
    clock.now += 40
    later = await store.touch(kept.session, clock.now)
    refreshed = await store.replace(replace(kept.session, version=1))
    assert later is not None
    assert refreshed is not None
    assert refreshed.value is not None
    await store.end(kept.session.id)

    while clock.now < BEGUN_AT + 1100:
        for copy in (value, later, refreshed.value):
            assert await store.read(copy) is None
        clock.now += 50


async def test_ends_survive_a_change_of_the_configuration(clock: Clock) -> None:
    store = make(clock)
    value, kept = await log_in(store)
    other, other_kept = await log_in(store, subject="bob", sid="sid-2")
    await store.end(kept.session.id)
    assert isinstance(store.ledger, MemoryLedger)
    renewed = make(clock, NEXT_KEY, KEY, ledger=store.ledger, former=store)

    assert await renewed.read(value) is None
    assert await renewed.end_all(Ended(ISSUER, sid="sid-2")) == {other_kept.session.id}
    assert await store.read(other) is None


async def test_keys_are_rotated_without_a_logout(clock: Clock) -> None:
    value, _ = await log_in(make(clock, KEY))
    during, after = make(clock, NEXT_KEY, KEY), make(clock, NEXT_KEY)
    kept = await during.read(value)
    assert kept is not None
    clock.now += 30
    renewed = await during.touch(kept.session, clock.now)
    assert renewed is not None

    assert await after.read(value) is None
    assert await after.read(renewed) is not None


async def test_a_cookie_is_renewed_when_a_quarter_of_the_idle_time_has_passed(
    clock: Clock,
) -> None:
    store = make(clock)
    _, kept = await log_in(store)
    clock.now += 24.9
    assert await store.touch(kept.session, clock.now) is None
    clock.now += 0.1
    value = await store.touch(kept.session, clock.now)
    assert value is not None
    read = await store.read(value)
    assert read is not None
    assert read.session.used_at == clock.now


async def test_a_shorter_total_holds_for_sessions_that_there_are(clock: Clock) -> None:
    """Else ends would be remembered for less time than cookies are good for."""
    value, _ = await log_in(make(clock), idle_seconds=1000.0)
    shorter = make(clock, total=50.0)
    clock.now += 49
    assert await shorter.read(value) is not None
    clock.now += 1
    assert await shorter.read(value) is None


async def test_a_session_that_does_not_fit_says_what_is_too_large(clock: Clock) -> None:
    store = make(clock)
    tokens = Tokens(make_jwt(9000).encode(), 0.0, 0.0, "opaque", make_jwt(1000))
    with pytest.raises(SessionTooLarge) as caught:
        await store.begin(make_session(tokens=tokens))

    assert str(caught.value) == (
        "the session takes 14615 bytes in cookies, and session.cookie_bytes is 12288: "
        "access token 9316 bytes, ID token 1316 bytes, claims 29 bytes, refresh token 6 bytes; "
        "have the issuer leave claims out of its access token, or keep sessions in redis or "
        "memory (session.store)"
    )


async def test_a_session_that_there_is_outlives_a_smaller_limit(clock: Clock) -> None:
    """Its cookies are in the browser already, and a limit is for new ones."""
    value, kept = await log_in(make(clock))
    smaller = make(clock, most_bytes=10)
    read = await smaller.read(value)
    assert read is not None
    clock.now += 30
    renewed = await smaller.touch(read.session, clock.now)

    assert renewed is not None
    assert await smaller.read(renewed) is not None
    with pytest.raises(SessionTooLarge):
        await smaller.replace(replace(kept.session, version=1))


async def test_an_end_is_remembered_for_as_long_as_any_cookie_may_be_good(clock: Clock) -> None:
    """A reload shortens the total, and the next one lengthens it again."""
    long = make(clock)
    value, kept = await log_in(long, idle_seconds=1000.0)
    assert isinstance(long.ledger, MemoryLedger)
    short = make(clock, ledger=long.ledger, former=long, total=50.0)
    await short.end(kept.session.id)
    clock.now += 200
    again = make(clock, ledger=long.ledger, former=short)

    assert await again.read(value) is None


async def test_large_claims_are_named_as_such(clock: Clock) -> None:
    with pytest.raises(SessionTooLarge, match=r"12288: claims 1\d{4} bytes, .* \(login\.claims\)"):
        await make(clock).begin(make_session(claims={"picture": "x" * 15_000}))


async def test_a_refresh_that_does_not_fit_changes_nothing(clock: Clock) -> None:
    store = make(clock)
    value, kept = await log_in(store)
    large = replace(make_tokens(1), access=b"a" * 20_000)
    with pytest.raises(SessionTooLarge):
        await store.replace(replace(kept.session, tokens=large, version=1))

    assert await store.get(kept.session.id) is None
    assert await store.read(value) == Kept(kept.session)


async def test_the_largest_session_goes_through_cookies(clock: Clock) -> None:
    store = make(clock)
    length = 12 * 1024
    while True:
        length -= 1
        session = make_session(tokens=replace(make_tokens(), access=b"a" * length))
        try:
            kept = await store.begin(session)
        except SessionTooLarge:
            continue
        break
    assert kept is not None
    assert kept.value is not None
    chunks = dict(split_chunks(kept.value))
    field = "; ".join(f"{name}={value}" for name, value in chunks.items())
    read = await store.read(join_chunks(chunks) or "")

    assert 12 * 1024 - 50 < len(field) <= 12 * 1024
    assert read == Kept(kept.session)


async def test_only_the_successor_of_the_last_minute_is_known_by_its_id(clock: Clock) -> None:
    store = make(clock)
    _, kept = await log_in(store)
    assert await store.get(kept.session.id) is None
    refreshed = await store.replace(replace(kept.session, version=1))
    assert refreshed is not None
    assert await store.get(kept.session.id) == refreshed.session
    clock.now += 60
    assert await store.get(kept.session.id) is None


async def test_a_logout_of_many_names_those_in_use(clock: Clock) -> None:
    """Their open streams end; what no request brought has no stream."""
    store = make(clock)
    _, old = await log_in(store)
    clock.now += 10
    _, new = await log_in(store, now=clock.now)
    _, other = await log_in(store, now=clock.now, sid="sid-2")
    ended = await store.end_all(Ended(ISSUER, subject="ada", before=clock.now))
    assert ended == {old.session.id}
    assert await store.end_all(Ended(ISSUER, sid="sid-1")) == {new.session.id}
    assert await store.end_all(Ended("https://other.test/", sid="sid-2")) == frozenset()
    clock.now += 200
    assert await store.end_all(Ended(ISSUER, sid="sid-2")) == frozenset()
    assert other.session.id not in ended


async def test_what_was_sealed_for_something_else_is_no_session(clock: Clock) -> None:
    ring = KeyRing([KEY])
    store = make(clock)
    for plain in (b"", b"\x02", json.dumps({"sub": "ada"}).encode()):
        assert await store.read(ring.seal(Purpose.LOGIN, plain)) is None
        assert await store.read(ring.seal(Purpose.SESSION_IN_REDIS, plain)) is None
    assert await store.read(ring.seal(Purpose.SESSION_COOKIE, b"\x02of a later format")) is None
