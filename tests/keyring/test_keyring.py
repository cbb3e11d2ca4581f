"""The life of keys: fetched ahead, once at a time, never lost to a failure."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.keyring.keyring import Keyring
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from tests.hanging import LIMIT_SECONDS
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks, rsa_jwk
from tests.keyring.peers import (
    IssuerPeer,
    MovableClock,
    body,
    gate,
    issuer_peer,
    issuer_settings,
    until,
)

OLD, NEW, NEWER = (ec_jwk(key, kid=kid) for key, kid in zip(P256_KEYS, "abc", strict=True))


@asynccontextmanager
async def started(clock: MovableClock, *issuers: IssuerSettings) -> AsyncIterator[Keyring]:
    keyring = Keyring({settings.issuer.name: settings for settings in issuers}, clock=clock)
    await keyring.start()
    try:
        yield keyring
    finally:
        await keyring.close()


def served_by(peer: IssuerPeer, fetch_timeout_seconds: float = 5.0) -> IssuerSettings:
    return issuer_settings(
        SourceKind.JWKS_URL, peer.url + "/jwks", fetch_timeout_seconds=fetch_timeout_seconds
    )


def kids(keyring: Keyring, name: str = "main") -> list[str | None]:
    return [key.kid for key in keyring.keys[name].keys]


async def wake(clock: MovableClock, seconds: float, then: Callable[[], bool]) -> None:
    clock.advance(seconds)
    await until(then)


async def test_keys_are_there_before_the_first_request(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))

    async with started(clock, served_by(peer)) as keyring:
        assert kids(keyring) == ["a"]


async def test_all_issuers_are_fetched_at_the_same_time(clock: MovableClock) -> None:
    """One issuer answers only once the other has been asked."""
    async with issuer_peer() as first, issuer_peer() as second:
        first.answer, opened = gate(body(jwks(OLD)))

        async def open_first(_request: web.Request) -> web.StreamResponse:
            opened.set()
            return web.Response(body=jwks(NEW))

        second.answer = open_first
        issuers = [
            issuer_settings(SourceKind.JWKS_URL, first.url, name="one"),
            issuer_settings(SourceKind.JWKS_URL, second.url, name="two"),
        ]

        async with started(clock, *issuers) as keyring:
            assert (kids(keyring, "one"), kids(keyring, "two")) == (["a"], ["b"])


BAD_ANSWERS = {
    "an error": body(b"", status=500),
    "empty": body(b""),
    "garbage": body(b"\x00\xff"),
    "html": body(b"<html>Please log in</html>"),
    "an empty set": body(jwks()),
    "no usable key": body(jwks({"kty": "oct", "k": "AAAA"}, OLD | {"use": "enc"})),
    "28 MB": body(b'{"keys": [' + b" " * 28_000_000 + b"]}"),
    "deep nesting": body(b'{"keys": ' + b"[" * 60_000 + b"]" * 60_000 + b"}"),
    "null keys": body(b'{"keys": null}'),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_an_issuer_that_misbehaves_at_the_start_is_retried_until_it_does_not(
    name: str, peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = BAD_ANSWERS[name]

    async with started(clock, served_by(peer)) as keyring:
        assert "main" not in keyring.keys
        assert keyring.status()[0].last_error is not None

        peer.answer = body(jwks(OLD))
        await until(lambda: clock.next_wake_in_seconds == 1.0)
        await wake(clock, 1.0, lambda: "main" in keyring.keys)
        assert kids(keyring) == ["a"]


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_failed_or_empty_fetch_never_replaces_good_keys(
    name: str, peer: IssuerPeer, clock: MovableClock
) -> None:
    """GHSA-fhv5-28vv-h8m8; the keys stay the same object, and so do the tokens remembered."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        before = keyring.keys["main"]
        peer.answer = BAD_ANSWERS[name]

        await keyring.refetch("main", "unknown")

        assert len(peer.paths) == 2
        assert keyring.keys["main"] is before
        assert keyring.status()[0].failures == 1


async def test_a_set_of_ten_thousand_keys_serves_a_hundred(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b'{"keys": [' + jwks(OLD)[10:-2] + b", null" * 9_999 + b"]}")

    async with started(clock, served_by(peer)) as keyring:
        assert kids(keyring) == ["a"]
        assert len(keyring.status()[0].unusable) == 9_999


async def test_keys_are_refreshed_ahead_in_the_background(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        peer.answer = body(jwks(OLD, NEW))

        await wake(clock, 240.0, lambda: kids(keyring) == ["a", "b"])

        assert len(peer.paths) == 2


async def test_the_same_keys_stay_the_same_object(peer: IssuerPeer, clock: MovableClock) -> None:
    """What is remembered by key set outlives a refresh that brings nothing new."""
    peer.answer = body(jwks(OLD, rsa_jwk(kid="r")))
    async with started(clock, served_by(peer)) as keyring:
        before = keyring.keys["main"]
        await until(lambda: clock.next_wake_in_seconds == 240.0)

        await wake(clock, 240.0, lambda: keyring.status()[0].age_seconds == 0.0)

        assert keyring.keys["main"] is before


CHANGES = {
    "a key more": (OLD, NEW),
    "another key": (NEW,),
    "the same kid on another key": (NEW | {"kid": "a"},),
    "the same key with another kid": (OLD | {"kid": "z"},),
    "the same key with an alg": (OLD | {"kid": "a", "alg": "ES256"}, rsa_jwk()),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_changed_keys_are_a_new_object(
    name: str, peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        before = keyring.keys["main"]
        peer.answer = body(jwks(*CHANGES[name]))

        await keyring.refetch("main", "unknown")

        assert keyring.keys["main"] is not before


async def test_failing_refreshes_back_off_from_one_second_to_a_minute(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b"", status=503)
    pauses = []
    async with started(clock, served_by(peer)) as keyring:
        for fetches in range(1, 9):
            await until(lambda: keyring.status()[0].failures == fetches)  # noqa: B023
            await until(lambda: 0 < clock.next_wake_in_seconds < 3600)
            pauses.append(clock.next_wake_in_seconds)
            clock.advance(clock.next_wake_in_seconds)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_stale_keys_serve_to_the_bound_and_are_dropped_then(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """Fresh for 300 s and stale for 3,600 s: not a second longer, though a fetch hangs."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer, fetch_timeout_seconds=60.0)) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        peer.answer, opened = gate(body(b"", status=500))
        await wake(clock, 3899.0, lambda: len(peer.paths) == 2)
        await until(lambda: clock.next_wake_in_seconds == 1.0)
        assert kids(keyring) == ["a"]

        await wake(clock, 1.0, lambda: "main" not in keyring.keys)

        assert not keyring.status()[0].loaded
        opened.set()


async def test_dropped_keys_come_back_with_the_issuer(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        peer.answer = body(b"", status=500)
        await wake(clock, 3900.0, lambda: keyring.status()[0].failures == 1)
        peer.answer = body(jwks(OLD))

        clock.advance(1.0)
        await keyring.refetch("main", None)

        assert kids(keyring) == ["a"]


async def test_a_thousand_random_kids_cause_one_fetch_per_cooldown(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """CVE-2026-48524, counted at the issuer."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        await asyncio.gather(*(keyring.refetch("main", f"random-{n}") for n in range(500)))
        for n in range(500, 1000):
            await keyring.refetch("main", f"random-{n}")
        assert len(peer.paths) == 2

        clock.advance(30.0)
        await asyncio.gather(*(keyring.refetch("main", f"more-{n}") for n in range(1000)))
        assert len(peer.paths) == 3


async def test_a_cooldown_holds_though_the_fetch_fails(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer = body(b"", status=500)
        for n in range(100):
            await keyring.refetch("main", f"random-{n}")
            clock.advance(0.25)

        assert len(peer.paths) == 2
        assert kids(keyring) == ["a"]


async def test_a_kid_the_issuer_did_not_have_is_not_asked_for_again_in_the_cooldown(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """Its own answer arrived late, so the issuer's cooldown is over before that of the kid."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(OLD)))
        asking = asyncio.create_task(keyring.refetch("main", "unknown"))
        await until(lambda: len(peer.paths) == 2)
        clock.advance(20.0)
        opened.set()
        await asking
        clock.advance(10.0)

        await keyring.refetch("main", "unknown")
        assert len(peer.paths) == 2
        await keyring.refetch("main", "another")
        assert len(peer.paths) == 3


async def test_one_issuers_cooldown_is_not_anothers(clock: MovableClock) -> None:
    async with issuer_peer() as first, issuer_peer() as second:
        first.answer = second.answer = body(jwks(OLD))
        issuers = [
            issuer_settings(SourceKind.JWKS_URL, first.url, name="one"),
            issuer_settings(SourceKind.JWKS_URL, second.url, name="two"),
        ]
        async with started(clock, *issuers) as keyring:
            await keyring.refetch("one", "x")
            await keyring.refetch("two", "x")

            assert (len(first.paths), len(second.paths)) == (2, 2)


async def test_waiters_join_the_fetch_under_way(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(OLD, NEW)))
        waiting = [asyncio.create_task(keyring.refetch("main", "b")) for _ in range(50)]
        await until(lambda: len(peer.paths) == 2)
        assert not any(task.done() for task in waiting)

        opened.set()
        await asyncio.gather(*waiting)

        assert kids(keyring) == ["a", "b"]
        assert len(peer.paths) == 2


async def test_requests_during_a_fetch_that_fails_all_return(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """CVE-2025-64527."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(b"", status=500))
        waiting = [asyncio.create_task(keyring.refetch("main", f"k{n}")) for n in range(50)]
        await until(lambda: len(peer.paths) == 2)

        opened.set()
        await asyncio.gather(*waiting)

        assert kids(keyring) == ["a"]
        assert len(peer.paths) == 2


async def test_a_request_that_goes_away_does_not_take_the_fetch_along(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(OLD, NEW)))
        gone = asyncio.create_task(keyring.refetch("main", "b"))
        stays = asyncio.create_task(keyring.refetch("main", "b"))
        await until(lambda: len(peer.paths) == 2)

        gone.cancel()
        opened.set()
        await stays

        assert kids(keyring) == ["a", "b"]


async def test_requests_without_any_keys_fetch_as_the_backoff_allows(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b"", status=500)
    async with started(clock, served_by(peer)) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 1.0)
        await asyncio.gather(*(keyring.refetch("main", None) for _ in range(100)))
        assert len(peer.paths) == 1

        peer.answer = body(jwks(OLD))
        clock.advance(1.0)
        await asyncio.gather(*(keyring.refetch("main", None) for _ in range(100)))

        assert kids(keyring) == ["a"]
        assert len(peer.paths) == 2


async def test_rotation_with_overlap_loses_neither_key(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """The new key is asked for once by its first token, and the old one serves on."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer = body(jwks(OLD, NEW))
        await asyncio.gather(*(keyring.refetch("main", "b") for _ in range(20)))
        assert kids(keyring) == ["a", "b"]
        assert len(peer.paths) == 2


async def test_a_withdrawn_key_is_gone_with_the_next_refresh(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD, NEW))
    async with started(clock, served_by(peer)) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        peer.answer = body(jwks(NEW))

        await wake(clock, 240.0, lambda: kids(keyring) == ["b"])


async def test_unusable_keys_are_logged_once_per_change(
    peer: IssuerPeer, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """7517.2, 7517.4."""
    peer.answer = body(jwks(OLD, NEW | {"use": "enc"}))
    with caplog.at_level(logging.WARNING):
        async with started(clock, served_by(peer)) as keyring:
            await keyring.refetch("main", "x")
            peer.answer = body(jwks(OLD, NEW | {"use": "enc"}, NEWER | {"alg": "RS256"}))
            clock.advance(30.0)
            await keyring.refetch("main", "x")

    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "issuer main: 1 unusable keys: key 1: use is not sig",
        "issuer main: 2 unusable keys: key 1: use is not sig; key 2: alg does not fit the key",
    ]


async def test_keys_are_found_by_discovery(peer: IssuerPeer, clock: MovableClock) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/jwks":
            return web.Response(body=jwks(OLD))
        return web.json_response({"issuer": peer.url, "jwks_uri": peer.url + "/jwks"})

    peer.answer = answer
    settings = issuer_settings(SourceKind.DISCOVERY, peer.url, issuer=peer.url)

    async with started(clock, settings) as keyring:
        assert kids(keyring) == ["a"]
        assert peer.paths == ["/.well-known/openid-configuration", "/jwks"]


async def test_metadata_of_another_issuer_brings_no_keys(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """8414.1, 9068.3."""
    peer.answer = body(b'{"issuer": "https://evil.example", "jwks_uri": "%s/jwks"}')
    settings = issuer_settings(SourceKind.DISCOVERY, peer.url, issuer=peer.url)

    async with started(clock, settings) as keyring:
        assert "main" not in keyring.keys
        assert "/jwks" not in peer.paths


async def test_a_file_of_keys_is_read_again_at_each_refresh(
    clock: MovableClock, tmp_path: Path
) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(OLD))
    settings = issuer_settings(SourceKind.JWKS_FILE, str(file))

    async with started(clock, settings) as keyring:
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        file.write_bytes(jwks(OLD, NEW))
        await wake(clock, 240.0, lambda: kids(keyring) == ["a", "b"])

        file.unlink()
        clock.advance(30.0)
        await keyring.refetch("main", "x")
        assert kids(keyring) == ["a", "b"]


async def test_a_secret_is_never_asked_for_again(clock: MovableClock) -> None:
    settings = issuer_settings(SourceKind.SECRET, "", secret=b"s" * 32)

    async with started(clock, settings) as keyring:
        before = keyring.keys["main"]
        clock.advance(1_000_000.0)
        await keyring.refetch("main", "x")

        (status,) = keyring.status()
        assert keyring.keys["main"] is before
        assert (status.fetches, status.next_refresh_in_seconds) == (1, None)
        assert "s" * 32 not in repr(before)


async def test_a_new_keyring_goes_on_with_the_keys_of_the_old_one(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """A reload while the issuer is down must not lose keys that are good."""
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as former:
        before = former.keys["main"]
    peer.answer = body(b"", status=500)
    clock.advance(10.0)
    successor = Keyring({"main": served_by(peer)}, clock=clock)

    successor.take_over(former)
    await successor.start()

    assert successor.keys["main"] is before
    assert successor.status()[0].age_seconds == 10.0
    assert len(peer.paths) == 1
    await successor.close()


async def test_a_new_keyring_goes_on_counting(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(b"", status=500)
    async with started(clock, served_by(peer)) as former:
        pass
    successor = Keyring({"main": served_by(peer)}, clock=clock)

    successor.take_over(former)

    (status,) = successor.status()
    assert (status.fetches, status.failures) == (1, 1)
    assert status.last_error == former.status()[0].last_error


async def test_a_key_file_is_read_again_even_if_its_keys_were_taken_over(
    tmp_path: Path, clock: MovableClock
) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(OLD))
    settings = issuer_settings(SourceKind.JWKS_FILE, str(file))
    async with started(clock, settings) as former:
        pass
    file.write_bytes(jwks(NEW))
    successor = Keyring({"main": settings}, clock=clock)

    successor.take_over(former)
    await successor.start()

    assert kids(successor) == ["b"]
    await successor.close()


async def test_a_key_file_that_is_gone_leaves_the_keys_that_were_taken_over(
    tmp_path: Path, clock: MovableClock
) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(OLD))
    settings = issuer_settings(SourceKind.JWKS_FILE, str(file))
    async with started(clock, settings) as former:
        pass
    file.unlink()
    successor = Keyring({"main": settings}, clock=clock)

    successor.take_over(former)
    await successor.start()

    assert kids(successor) == ["a"]
    await successor.close()


async def test_a_keyring_retires_behind_the_fetch_that_requests_wait_for(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(NEW)))
        waiting = asyncio.create_task(keyring.refetch("main", "b"))
        await until(lambda: len(peer.paths) == 2)
        retiring = asyncio.create_task(keyring.retire())

        opened.set()
        await asyncio.wait_for(waiting, LIMIT_SECONDS)
        await asyncio.wait_for(retiring, LIMIT_SECONDS)

        assert kids(keyring) == ["b"]


async def test_a_retired_keyring_fetches_no_more(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        await keyring.retire()

        await keyring.refetch("main", "b")
        clock.advance(3000.0)

        assert len(peer.paths) == 1


async def test_retiring_can_be_broken_off(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(NEW)))
        waiting = asyncio.create_task(keyring.refetch("main", "b"))
        await until(lambda: len(peer.paths) == 2)
        retiring = asyncio.create_task(keyring.retire())
        await asyncio.sleep(0)

        retiring.cancel()

        await asyncio.wait_for(waiting, LIMIT_SECONDS)
        assert kids(keyring) == ["a"]
        opened.set()


@pytest.mark.parametrize("seconds", [0.0, 3900.0])
async def test_keys_of_another_source_or_too_old_are_not_taken_over(
    seconds: float, peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    settings = served_by(peer)
    async with started(clock, settings) as former:
        pass
    clock.advance(seconds)
    other = settings if seconds else issuer_settings(SourceKind.JWKS_URL, peer.url + "/other")
    successor = Keyring({"main": other}, clock=clock)

    successor.take_over(former)

    assert "main" not in successor.keys


async def test_an_unknown_issuer_name_is_ignored(clock: MovableClock) -> None:
    async with started(clock) as keyring:
        await keyring.refetch("nobody", "x")

        assert keyring.status() == []


async def test_close_ends_a_fetch_under_way_and_lets_its_waiters_go(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(OLD))
    async with started(clock, served_by(peer)) as keyring:
        peer.answer, opened = gate(body(jwks(NEW)))
        waiting = asyncio.create_task(keyring.refetch("main", "b"))
        await until(lambda: len(peer.paths) == 2)

        await keyring.close()

        await asyncio.wait_for(waiting, LIMIT_SECONDS)
        assert kids(keyring) == ["a"]
        opened.set()
