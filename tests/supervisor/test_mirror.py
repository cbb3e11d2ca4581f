"""A worker decides with the keys and lists of the supervisor, and asks it for missing ones."""

import asyncio
import pickle
from pathlib import Path

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.revocation import Revocation, RevocationList
from gateway.decision.verdict import WantedKey
from gateway.fetched import Fetched
from gateway.keyring.keyring import Keyring
from gateway.revocation.revocations import Revocations
from gateway.settings.values.configuration import SourceKind
from gateway.supervisor.messages import KeysUpdate, ListUpdate, Refetch
from gateway.supervisor.mirror import Mirror
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.portable_keys import pack_keys
from gateway.supervisor.updates import UpdateSource
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import MovableClock, body, issuer_peer, issuer_settings, until
from tests.supervisor.pair import End, two_ends
from tests.tokens import make_key


def keys_news(keys: KeySet | None, name: str = "main", age: float | None = 1.0) -> KeysUpdate:
    return KeysUpdate(1, name, None if keys is None else pack_keys(keys), age, None)


def list_news(listed: RevocationList | None) -> ListUpdate:
    return ListUpdate(1, "blocked", None if listed is None else pickle.dumps(listed))


def mirror_of(end: End) -> Mirror:
    return Mirror(1, PeerCircuit(end.peer))


async def test_the_same_keys_stay_the_same_object_and_others_are_another() -> None:
    """What is remembered of tokens goes by it, and is lost with it."""
    first, second = make_key("ES256")[1], make_key("ES256", which=1)[1]
    async with two_ends() as (worker, _):
        mirror = mirror_of(worker)
        keys = mirror.keys  # taken once, as admission does
        mirror.update_keys(keys_news(first))
        held = keys["main"]

        mirror.update_keys(keys_news(first, age=2.0))
        assert keys["main"] is held
        mirror.update_keys(keys_news(second))
        assert keys["main"] is not held
        assert keys["main"].keys[0].kid == "k1"


async def test_keys_that_are_too_old_are_gone_and_may_come_back() -> None:
    _, some = make_key("ES256")
    async with two_ends() as (worker, _):
        mirror = mirror_of(worker)
        mirror.update_keys(keys_news(some))
        mirror.update_keys(keys_news(some, "other"))
        mirror.update_keys(keys_news(None))
        assert set(mirror.keys) == {"other"}
        mirror.update_keys(keys_news(None))
        mirror.update_keys(keys_news(some))
        assert set(mirror.keys) == {"main", "other"}


async def test_a_list_revokes_what_it_revoked_over_there_until_it_is_gone() -> None:
    entry = Revocation((("jti", "t1"),), float("inf"), float("inf"))
    async with two_ends() as (worker, _):
        mirror = mirror_of(worker)
        lists = mirror.lists
        mirror.update_list(list_news(RevocationList([entry], b"digest")))

        assert lists["blocked"].revokes({"jti": "t1"}, None, 0.0, 0.0)
        assert not lists["blocked"].revokes({"jti": "t2"}, None, 0.0, 0.0)
        assert (lists["blocked"].digest, lists["blocked"].size) == (b"digest", 1)
        mirror.update_list(list_news(None))
        mirror.update_list(list_news(None))
        assert lists == {}


async def test_better_keys_are_asked_of_the_supervisor_and_there_when_it_has_answered() -> None:
    _, some = make_key("ES256")
    async with two_ends() as (worker, supervisor):
        mirror = mirror_of(worker)

        async def fetch(question: object) -> None:
            assert question == Refetch(1, "main", "k1")
            mirror.update_keys(keys_news(some))

        supervisor.reply = fetch
        await mirror.refetch("main", "k1")
        assert set(mirror.keys) == {"main"}


async def test_a_supervisor_that_is_gone_or_refuses_is_no_error() -> None:
    async with two_ends() as (worker, supervisor):
        mirror = mirror_of(worker)
        await mirror.refetch("main", "k1")
        supervisor.peer.close()
        await worker.listening
        await mirror.refetch("main", "k1")
        assert mirror.keys == {}


async def test_requests_that_lack_one_key_ask_once_together_and_each_other_key_apart() -> None:
    answered = asyncio.Event()

    async def fetch(_question: object) -> None:
        await answered.wait()

    async with two_ends() as (worker, supervisor):
        mirror = mirror_of(worker)
        supervisor.reply = fetch
        kids = ["k1"] * 50 + ["k2"] + [None] * 50
        asking = [asyncio.create_task(mirror.refetch("main", kid)) for kid in kids]
        asking[0].cancel()  # its client has left, and the others wait for the same answer
        await until(lambda: len(supervisor.heard) == 3)
        answered.set()
        await asyncio.gather(*asking[1:])

        assert supervisor.heard == [Refetch(1, "main", kid) for kid in ("k1", "k2", None)]
        await mirror.refetch("main", "k1")  # and later ones ask anew
        assert len(supervisor.heard) == 4


@pytest.mark.parametrize("kid", ["d", None])
async def test_what_is_said_of_a_key_is_what_the_keyring_says(kid: str | None) -> None:
    clock = MovableClock()
    wanted = WantedKey("main", kid, "ES256")
    async with issuer_peer() as peer, two_ends() as (worker, _):
        keys = [ec_jwk(key, kid=name) for key, name in zip(P256_KEYS, "abc", strict=True)]
        settings = issuer_settings(SourceKind.JWKS_URL, peer.url + "/jwks")
        keyring = Keyring({"main": settings}, clock=clock)
        update, mirror = UpdateSource(1, Fetched(keyring, Revocations({}))), mirror_of(worker)

        def tell_all() -> None:
            for one in update.all():
                assert isinstance(one, KeysUpdate)
                mirror.update_keys(one)

        assert mirror.explain(wanted) == keyring.explain(wanted)
        tell_all()
        assert mirror.explain(wanted) == keyring.explain(wanted)
        peer.answer = body(jwks(*keys))
        await keyring.start()
        clock.advance(12.5)  # not at the edge of a second: it goes on while we look
        tell_all()
        assert mirror.explain(wanted) == keyring.explain(wanted)
        assert "fetched 12 s ago" in mirror.explain(wanted)
        peer.answer = body(b"", status=500)
        await keyring.refetch("main", "d")
        tell_all()
        assert mirror.explain(wanted) == keyring.explain(wanted)
        assert "500" in mirror.explain(wanted)
        await keyring.close()


async def test_keys_that_never_change_have_no_age(tmp_path: Path) -> None:
    settings = issuer_settings(SourceKind.SECRET, "", secret=b"s" * 64)
    keyring = Keyring({"main": settings})
    await keyring.start()
    async with two_ends() as (worker, _):
        mirror = mirror_of(worker)
        for one in UpdateSource(1, Fetched(keyring, Revocations({}))).all():
            assert isinstance(one, KeysUpdate)
            assert b"s" * 64 not in repr(one).encode()
            mirror.update_keys(one)
        wanted = WantedKey("main", "k", "HS256")
        assert mirror.explain(wanted) == keyring.explain(wanted)
    await keyring.close()
