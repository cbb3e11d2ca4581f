"""Every change of keys and lists is published, and an unchanged list is not."""

import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.decision.revocation import RevocationList
from gateway.fetched import Fetched, make_fetched
from gateway.fetching.clock import SystemClock
from gateway.supervisor.messages import KeysUpdate, ListUpdate
from gateway.supervisor.updates import Update, UpdateSource
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import IssuerPeer, body, issuer_peer
from tests.proxy.gateways import load, write_config

KEYS = [jwks(ec_jwk(key, kid="k")) for key in P256_KEYS]


class World:
    """What is fetched from one peer, and what was told of it."""

    def __init__(self, peer: IssuerPeer, fetched: Fetched) -> None:
        self.peer = peer
        self.fetched = fetched
        self.update = UpdateSource(7, fetched)
        self.told: list[Update] = []

    async def refetch_keys(self, octets: bytes) -> None:
        self.peer.answer = body(octets)
        await self.fetched.keyring._documents["main"].load()

    async def refetch_list(self, octets: bytes, status: int = 200) -> None:
        self.peer.answer = body(octets, status=status)
        await self.fetched.revocations._documents["blocked"].load()


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    async with issuer_peer() as peer:
        issuer = {
            "issuer": "https://login.example.com/",
            "audiences": "unchecked",
            "jwks_url": f"{peer.url}/keys",
        }
        lists = {"blocked": {"url": f"{peer.url}/blocked"}}
        changes = {"issuers": {"main": issuer}, "revocations": lists}
        settings = load(write_config(directory, ["http://127.0.0.1:1"], changes))
        fetched = make_fetched(settings, SystemClock(), lambda: None)
        one = World(peer, fetched)
        one.update.follow(one.told.append)
        try:
            yield one
        finally:
            await fetched.close()


async def test_at_first_there_is_nothing_and_that_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        keys, listed = one.update.all()
        assert keys == KeysUpdate(7, "main", None, None, None)
        assert listed == ListUpdate(7, "blocked", None)


async def test_keys_and_lists_are_told_when_they_come_and_whenever_they_change(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as one:
        one.peer.answer = body(KEYS[0])  # which is no list
        await one.fetched.start()
        first = [update for update in one.told if isinstance(update, KeysUpdate)][-1]
        assert first.keys is not None
        assert first.fetched_at is not None

        await one.refetch_keys(KEYS[1])
        second = one.told[-1]
        assert isinstance(second, KeysUpdate)
        assert second.keys != first.keys

        await one.refetch_list(b'{"revoked": [{"jti": "t1"}]}')
        listed = one.told[-1]
        assert isinstance(listed, ListUpdate)
        assert listed.octets is not None
        carried = pickle.loads(listed.octets)
        assert isinstance(carried, RevocationList)
        assert carried.revokes({"jti": "t1"}, None, 0.0, 0.0)


async def test_a_failure_is_told_with_the_keys_that_go_on(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        one.peer.answer = body(KEYS[0])
        await one.fetched.start()
        before = next(iter(one.update.all()))
        await one.refetch_keys(b"no keys")

        after = one.told[-1]
        assert isinstance(before, KeysUpdate)
        assert isinstance(after, KeysUpdate)
        assert after.keys == before.keys is not None
        assert after.last_error is not None


async def test_a_list_that_is_as_it_was_is_not_sent_again(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        one.peer.answer = body(b'{"revoked": []}')
        await one.fetched.start()
        one.told.clear()

        await one.refetch_list(b'{"revoked": []}')
        await one.refetch_list(b"", status=500)

        assert one.told == []


def test_neither_keys_nor_lists_are_in_what_a_log_would_show() -> None:
    assert "octets" not in repr(ListUpdate(1, "blocked", b"octets of a list"))
