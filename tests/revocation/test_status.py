"""What operators are told about a list: enough to act on, and nobody's name."""

from gateway.revocation.revocations import Revocations
from gateway.revocation.status import RevocationStatus
from tests.keyring.peers import IssuerPeer, MovableClock, body
from tests.revocation.lists import list_settings, listing


async def test_a_good_list_is_told_with_its_age_and_next_refresh(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(listing({"jti": "t1"}, {"sub": "alice"}))
    revocations = Revocations({"blocked": list_settings(f"{peer.url}/r?key=s3cret")}, clock=clock)
    await revocations.start()
    clock.advance(4.0)
    (status,) = revocations.status()
    await revocations.close()

    assert status == RevocationStatus(
        name="blocked",
        location=f"{peer.url}/r",
        loaded=True,
        was_loaded=True,
        stale=False,
        refuses_without=True,
        entries=2,
        age_seconds=4.0,
        age_limit_seconds=330.0,
        fetches=1,
        failures=0,
        failures_in_a_row=0,
        last_error=None,
        next_refresh_in_seconds=20.0,
    )
    assert "alice" not in repr(status)


async def test_a_list_never_had_is_told_with_the_reason(
    peer: IssuerPeer, clock: MovableClock
) -> None:
    peer.answer = body(b"", status=500)
    revocations = Revocations(
        {"blocked": list_settings(peer.url + "/r", refuses_without=False)}, clock=clock
    )
    await revocations.start()
    (status,) = revocations.status()
    await revocations.close()

    assert (status.loaded, status.entries, status.age_seconds) == (False, 0, None)
    assert (status.failures, status.failures_in_a_row) == (1, 1)
    assert status.last_error == f"{peer.url}/r: status 500 instead of 200"
    assert status.refuses_without is False


async def test_a_list_older_than_fresh_is_stale(peer: IssuerPeer, clock: MovableClock) -> None:
    peer.answer = body(listing())
    revocations = Revocations({"blocked": list_settings(peer.url)}, clock=clock)
    await revocations.start()
    peer.answer = body(b"", status=500)
    clock.advance(31.0)
    (status,) = revocations.status()
    await revocations.close()

    assert status.stale
