"""The life of revocation lists: read ahead, whole or not at all, never lost to a failure."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.revocation.entries import MAX_LIST_BYTES
from gateway.revocation.revocations import Revocations
from gateway.settings.values.configuration import RevocationSettings
from tests.keyring.peers import IssuerPeer, MovableClock, body, issuer_peer, until
from tests.revocation.lists import is_revoked, list_settings, listing

T1, T2 = {"jti": "t1"}, {"jti": "t2"}
HUGE = b'{"revoked": [' + b" " * MAX_LIST_BYTES + b"]}"


@asynccontextmanager
async def started(
    clock: MovableClock,
    *settings: RevocationSettings,
    on_change: Callable[[], None] = lambda: None,
) -> AsyncIterator[Revocations]:
    revocations = Revocations({one.rule.name: one for one in settings}, on_change, clock=clock)
    await revocations.start()
    try:
        yield revocations
    finally:
        await revocations.close()


async def refresh(clock: MovableClock, revocations: Revocations) -> None:
    """Move to the next refresh, and wait for its end."""

    def due_in() -> float:
        return revocations.status()[0].next_refresh_in_seconds

    fetches = revocations.status()[0].fetches
    # Its keeper sleeps until then, and not for something else.
    await until(lambda: due_in() > 0.0 and abs(clock.next_wake_in_seconds - due_in()) < 1e-6)
    clock.advance(due_in())
    await until(lambda: revocations.status()[0].fetches == fetches + 1 and due_in() > 0.0)


async def test_lists_are_there_before_the_first_request(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing(T1))

    async with started(clock, list_settings(peer.url + "/revoked")) as revocations:
        assert is_revoked(revocations.lists, jti="t1")
        assert not is_revoked(revocations.lists, jti="t2")
        assert peer.paths == ["/revoked"]


async def test_what_is_added_holds_and_what_is_taken_off_does_not_with_the_next_refresh(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing(T1))
    async with started(clock, list_settings(peer.url)) as revocations:
        await until(lambda: clock.next_wake_in_seconds == 24.0)
        peer.answer = body(listing(T2))

        await refresh(clock, revocations)

        assert is_revoked(revocations.lists, jti="t2")
        assert not is_revoked(revocations.lists, jti="t1")


async def test_a_file_that_is_edited_is_read_again(tmp_path: Path, clock: MovableClock) -> None:
    file = tmp_path / "revoked.json"
    file.write_bytes(listing(T1))
    async with started(clock, list_settings(str(file), is_file=True)) as revocations:
        file.write_bytes(listing(T1, T2))

        await refresh(clock, revocations)

        assert is_revoked(revocations.lists, jti="t2")


BAD_ANSWERS = {
    "an error": body(b"", status=500),
    "not found": body(listing(), status=404),
    "empty": body(b""),
    "garbage": body(b"\x00\xff"),
    "html": body(b"<html>Please log in</html>"),
    "cut short": body(listing(T1, T2)[:-5]),
    "one bad entry": body(listing(T1, {"jti": "t2", "why": "stolen"})),
    "another document": body(b'{"keys": []}'),
    "more than 4 MiB": body(HUGE),
    "a compression bomb": body(gzip.compress(HUGE), Content_Encoding="gzip"),
    "too many entries": body(listing(*({"jti": f"{n}"} for n in range(50_001)))),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_list_that_cannot_be_used_never_replaces_a_good_one(
    name: str, peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing(T1))
    async with started(clock, list_settings(peer.url + "/revoked")) as revocations:
        before = revocations.lists["blocked"]
        peer.answer = BAD_ANSWERS[name]

        await refresh(clock, revocations)

        (status,) = revocations.status()
        assert revocations.lists["blocked"] is before
        assert (status.failures, status.loaded) == (1, True)
        assert status.last_error is not None
        assert status.last_error.startswith(f"{peer.url}/revoked: ")


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_list_that_was_never_had_is_retried_until_it_is(
    name: str, peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = BAD_ANSWERS[name]
    async with started(clock, list_settings(peer.url)) as revocations:
        assert "blocked" not in revocations.lists
        peer.answer = body(listing(T1))

        await until(lambda: clock.next_wake_in_seconds == 1.0)
        await refresh(clock, revocations)

        assert is_revoked(revocations.lists, jti="t1")


async def test_a_failed_refresh_is_told_once_with_the_entry_and_without_its_content(
    peer: IssuerPeer, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answer = body(listing(T1))
    with caplog.at_level(logging.WARNING):
        async with started(clock, list_settings(peer.url)) as revocations:
            peer.answer = body(listing(T1, {"sub": "alice", "until": 5}))
            await refresh(clock, revocations)
            await refresh(clock, revocations)

    (record,) = caplog.records
    assert record.getMessage() == (
        f"revocation list blocked: entries not fetched: {peer.url}: entry 1: "
        "has a member other than client_id, exp, iss, issued_before, jti, sub"
    )


async def test_an_old_list_serves_to_its_bound_and_is_dropped_then(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing(T1))
    async with started(clock, list_settings(peer.url)) as revocations:
        await until(lambda: clock.next_wake_in_seconds == 24.0)
        peer.answer = body(b"", status=500)
        clock.advance(329.0)
        await until(lambda: revocations.status()[0].failures == 1)
        await until(lambda: 0.0 < clock.next_wake_in_seconds <= 1.0)
        assert is_revoked(revocations.lists, jti="t1")

        clock.advance(1.0)
        await until(lambda: "blocked" not in revocations.lists)

        (status,) = revocations.status()
        assert (status.loaded, status.entries) == (False, 0)


async def test_the_same_text_stays_the_same_list_and_is_no_change(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    changes: list[str] = []
    peer.answer = body(listing(T1))
    async with started(
        clock, list_settings(peer.url), on_change=lambda: changes.append("changed")
    ) as revocations:
        before = revocations.lists["blocked"]
        await refresh(clock, revocations)

        assert revocations.lists["blocked"] is before
        assert len(changes) == 1
        peer.answer = body(listing(T1, T2))
        await refresh(clock, revocations)
        assert len(changes) == 2


async def test_a_list_that_comes_back_after_it_was_dropped_is_a_change(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    """With `on_failure: allow` a revoked token may have opened a stream in the meantime."""
    changes: list[str] = []
    peer.answer = body(listing(T1))
    async with started(
        clock, list_settings(peer.url), on_change=lambda: changes.append("changed")
    ) as revocations:
        await until(lambda: clock.next_wake_in_seconds == 24.0)
        peer.answer = body(b"", status=500)
        clock.advance(330.0)
        await until(lambda: "blocked" not in revocations.lists)
        # It is dropped before it is asked for anew, which is to fail.
        await until(lambda: 0.0 < clock.next_wake_in_seconds <= 1.0)
        peer.answer = body(listing(T1))

        clock.advance(1.0)
        await until(lambda: "blocked" in revocations.lists)

        assert len(changes) == 2


async def test_a_successor_goes_on_with_the_list_and_reads_a_file_again(
    peer: IssuerPeer, tmp_path: Path, clock: MovableClock
) -> None:
    file = tmp_path / "revoked.json"
    file.write_bytes(listing(T1))
    peer.answer = body(listing(T1))
    both = [
        list_settings(peer.url, name="remote"),
        list_settings(str(file), is_file=True, name="local"),
    ]
    async with started(clock, *both) as former:
        peer.answer = body(b"", status=500)
        file.write_bytes(listing(T2))
        successor = Revocations({one.rule.name: one for one in both}, clock=clock)

        successor.take_over(former)
        await successor.start()

        assert is_revoked(successor.lists, "remote", jti="t1")
        assert is_revoked(successor.lists, "local", jti="t2")
        assert len(peer.paths) == 1
        await successor.close()


async def test_a_list_of_another_place_is_not_taken_over(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing(T1))
    async with started(clock, list_settings(peer.url + "/old")) as former:
        successor = Revocations({"blocked": list_settings(peer.url + "/new")}, clock=clock)

        successor.take_over(former)

        assert successor.lists == {}


async def test_lists_are_read_at_the_same_time_and_none_holds_up_another(
    clock: MovableClock,
) -> None:
    async with issuer_peer() as slow, issuer_peer() as quick:
        asked = asyncio.Event()

        async def wait(request: object) -> object:
            await asked.wait()
            return await body(listing(T1))(request)  # type: ignore[arg-type]

        async def answer(request: object) -> object:
            asked.set()
            return await body(listing(T2))(request)  # type: ignore[arg-type]

        slow.answer, quick.answer = wait, answer  # type: ignore[assignment]
        both = list_settings(slow.url, name="slow"), list_settings(quick.url, name="quick")

        async with started(clock, *both) as revocations:
            assert set(revocations.lists) == {"slow", "quick"}


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, clock: MovableClock) -> None:
    file = str(tmp_path / "nowhere.json")

    async with started(clock, list_settings(file, is_file=True)) as revocations:
        (status,) = revocations.status()

    assert status.last_error == f"{file}: No such file or directory"
