"""What operators are told about keys: enough to act on, and nothing secret."""

from aiohttp import web

from gateway.keyring.keyring import Keyring
from gateway.keyring.status import IssuerStatus
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks, rsa_jwk
from tests.keyring.peers import IssuerPeer, MovableClock, body, issuer_settings, until

KEY = ec_jwk(P256_KEYS[0], kid="a")


async def status_of(settings: IssuerSettings, clock: MovableClock) -> IssuerStatus:
    keyring = Keyring({"main": settings}, clock=clock)
    await keyring.start()
    (status,) = keyring.status()
    await keyring.close()
    return status


async def test_good_keys_are_told_with_their_age_and_next_refresh(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(KEY, rsa_jwk(use="enc")))

    status = await status_of(issuer_settings(SourceKind.JWKS_URL, peer.url), clock)

    assert status == IssuerStatus(
        name="main",
        source=SourceKind.JWKS_URL,
        loaded=True,
        was_loaded=True,
        stale=False,
        kids=("a",),
        fitting_keys=1,
        age_seconds=0.0,
        age_limit_seconds=3900.0,
        fetches=1,
        failures=0,
        failures_in_a_row=0,
        last_error=None,
        next_refresh_in_seconds=240.0,
        unusable=("key 1: use is not sig",),
        location=peer.url,
    )


async def test_keys_never_had_are_told_with_the_reason(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b"", status=500)

    status = await status_of(issuer_settings(SourceKind.JWKS_URL, peer.url + "/jwks"), clock)

    assert not status.loaded
    assert (status.kids, status.age_seconds, status.failures) == ((), None, 1)
    assert status.last_error == f"{peer.url}/jwks: status 500 instead of 200"
    assert status.next_refresh_in_seconds == 1.0


async def test_a_failure_after_good_keys_leaves_them_loaded(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(KEY))
    keyring = Keyring({"main": issuer_settings(SourceKind.JWKS_URL, peer.url)}, clock=clock)
    await keyring.start()
    peer.answer = body(b"", status=500)
    clock.advance(40.0)

    await keyring.refetch("main", "x")
    (status,) = keyring.status()
    await keyring.close()

    assert (status.loaded, status.age_seconds, status.next_refresh_in_seconds) == (
        True,
        40.0,
        200.0,
    )
    assert (status.fetches, status.failures) == (2, 1)


async def test_a_secret_is_told_of_and_not_told(clock: MovableClock) -> None:
    settings = issuer_settings(SourceKind.SECRET, "SIGNING_SECRET", secret=b"0123456789" * 5)

    status = await status_of(settings, clock)

    assert status.loaded
    assert (status.age_seconds, status.age_limit_seconds) == (None, None)
    assert (status.stale, status.next_refresh_in_seconds) == (False, None)
    assert "0123456789" not in repr(status)


async def test_keys_are_stale_behind_the_time_for_which_they_are_fresh(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(jwks(KEY))
    keyring = Keyring({"main": issuer_settings(SourceKind.JWKS_URL, peer.url)}, clock=clock)
    await keyring.start()
    await until(lambda: clock.next_wake_in_seconds == 240.0)
    peer.answer = body(b"", status=500)

    stale = []
    for seconds in (240.0, 60.0, 0.1):
        clock.advance(seconds)
        await until(lambda: 0.0 < clock.next_wake_in_seconds < 61.0)
        stale.append(keyring.status()[0].stale)
    (status,) = keyring.status()
    await keyring.close()

    assert stale == [False, False, True]
    assert status.loaded
    assert status.failures_in_a_row == status.failures


async def test_keys_that_were_dropped_are_not_stale(peer: IssuerPeer, clock: MovableClock) -> None:
    """Stale keys still serve; these do not."""
    peer.answer = body(jwks(KEY))
    keyring = Keyring({"main": issuer_settings(SourceKind.JWKS_URL, peer.url)}, clock=clock)
    await keyring.start()
    peer.answer = body(b"", status=500)

    clock.advance(3900.0)
    await until(lambda: not keyring.status()[0].loaded)
    (status,) = keyring.status()
    await keyring.close()

    assert not status.stale


async def test_failures_in_a_row_end_with_a_good_fetch(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b"", status=500)
    keyring = Keyring({"main": issuer_settings(SourceKind.JWKS_URL, peer.url)}, clock=clock)
    await keyring.start()
    await until(lambda: clock.next_wake_in_seconds == 1.0)
    clock.advance(1.0)
    await until(lambda: clock.next_wake_in_seconds == 2.0)
    before = keyring.status()[0]
    peer.answer = body(jwks(KEY))

    clock.advance(2.0)
    await until(lambda: keyring.status()[0].loaded)
    (after,) = keyring.status()
    await keyring.close()

    assert (before.failures, before.failures_in_a_row) == (2, 2)
    assert (after.failures, after.failures_in_a_row) == (2, 0)


async def test_a_fetch_under_way_is_the_next_one(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(jwks(KEY))
    keyring = Keyring({"main": issuer_settings(SourceKind.JWKS_URL, peer.url)}, clock=clock)
    await keyring.start()
    seen: list[float | None] = []

    async def answer(_request: web.Request) -> web.StreamResponse:
        seen.append(keyring.status()[0].next_refresh_in_seconds)
        return web.Response(body=jwks(KEY))

    peer.answer = answer
    await keyring.refetch("main", "x")
    await keyring.close()

    assert seen == [0.0]
