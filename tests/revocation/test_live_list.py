"""One list, when its text is strange or the moment is bad."""

import asyncio

from gateway.decision.revocation import RevocationList
from gateway.revocation.live_list import LiveList
from gateway.settings.values.configuration import RevocationSettings
from tests.keyring.peers import MovableClock
from tests.revocation.lists import is_revoked, list_settings, listing

SETTINGS = list_settings("https://login.example.com/revoked?key=s3cret")


class Source:
    """A source that gives what it is told to."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def read(self, _settings: RevocationSettings) -> bytes:
        return self.body


def make(source: Source, clock: MovableClock) -> tuple[LiveList, dict[str, RevocationList]]:
    live: dict[str, RevocationList] = {}
    return LiveList(SETTINGS, live, clock, source.read, lambda: None), live


async def test_what_is_secret_in_a_url_is_not_told(clock: MovableClock) -> None:
    one, _ = make(Source(b"{}"), clock)

    await one.load()

    assert "s3cret" not in repr(one.status())
    assert one.status().location == "https://login.example.com/revoked"


async def test_the_text_that_failed_is_not_taken_for_the_one_in_hand(clock: MovableClock) -> None:
    source = Source(listing({"jti": "a"}))
    one, live = make(source, clock)
    await one.load()
    for body in (b"{}", b"{}", listing({"jti": "b"}), listing({"jti": "a"})):
        source.body = body
        await one.load()
        held = "b" if body == listing({"jti": "b"}) else "a"
        assert is_revoked(live, jti=held)
        assert (one.status().last_error is None) is (body != b"{}")


async def test_who_takes_over_during_a_refresh_takes_the_list_and_its_own_text(
    clock: MovableClock,
) -> None:
    """A reload while the former list is being parsed must not pass an old list for a new one."""
    source = Source(listing({"jti": "a"}))
    former, _ = make(source, clock)
    await former.load()
    source.body = listing({"jti": "b"})
    loading = asyncio.create_task(former.load())
    await asyncio.sleep(0)
    successor, live = make(source, clock)
    successor.take_over(former)
    await loading

    await successor.load()

    assert is_revoked(live, jti="b")
    assert not is_revoked(live, jti="a")
