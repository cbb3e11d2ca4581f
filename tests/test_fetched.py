"""The keys and lists of one configuration start and stop together."""

import asyncio
from pathlib import Path

import pytest

from gateway.fetched import Fetched, make_fetched
from gateway.fetching.clock import SystemClock
from gateway.settings.values.configuration import Settings
from tests.keyring.peers import body, gate, issuer_peer, until
from tests.proxy.gateways import load, write_config


def settings_of(directory: Path, url: str) -> Settings:
    lists = {"blocked": {"url": f"{url}/blocked"}}
    return load(write_config(directory, ["http://127.0.0.1:1"], {"revocations": lists}))


def make(settings: Settings, changes: list[str]) -> Fetched:
    return make_fetched(settings, SystemClock(), lambda: changes.append("lists"))


async def test_all_is_in_hand_after_the_start_and_a_new_list_is_told(tmp_path: Path) -> None:
    async with issuer_peer() as peer:
        peer.answer = body(b'{"revoked": [{"jti": "t1"}]}')
        changes: list[str] = []
        fetched = make(settings_of(tmp_path, peer.url), changes)

        await fetched.start()

        assert set(fetched.keyring.keys) == {"main"}
        assert set(fetched.revocations.lists) == {"blocked"}
        assert changes == ["lists"]
        await fetched.close()


async def test_a_successor_goes_on_with_what_its_former_has(tmp_path: Path) -> None:
    async with issuer_peer() as peer:
        peer.answer = body(b'{"revoked": [{"jti": "t1"}]}')
        settings = settings_of(tmp_path, peer.url)
        former, later = make(settings, []), make(settings, [])
        await former.start()
        peer.answer = body(b"", status=500)

        await later.succeed(former)
        await former.retire()

        assert later.revocations.lists == former.revocations.lists
        assert later.keyring.keys == former.keyring.keys
        await later.close()


async def test_a_successor_that_is_given_up_fetches_no_more(tmp_path: Path) -> None:
    async with issuer_peer() as peer:
        peer.answer, free = gate(body(b'{"revoked": []}'))
        settings = settings_of(tmp_path, peer.url)
        former, later = make(settings, []), make(settings, [])
        succeeding = asyncio.create_task(later.succeed(former))
        await until(lambda: bool(peer.paths))

        succeeding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await succeeding

        free.set()
        assert not later.keyring.is_started
        assert not later.revocations.is_started
