"""CVE-2026-48524: key ids that a client makes up cost the issuer next to nothing."""

import asyncio
import json
from collections import Counter
from itertools import count

import pytest

from tests.issuers.conftest import StartWorld
from tests.issuers.world import World, key, outcome, token
from tests.keyring.keys import jwks
from tests.keyring.peers import IssuerPeer, body, gate, until
from tests.proxy.gateways import ISSUER, bearer
from tests.proxy.messages import make_request, read_answer
from tests.tokens import b64

COOLDOWN_SECONDS = 30.0
OLD, BOTH = body(jwks(key(0))), body(jwks(key(0), key(1)))

_PAYLOAD = b64(json.dumps({"iss": ISSUER, "exp": 4_000_000_000}).encode())
_NUMBER = count()


def random_token() -> bytes:
    """Return a token with a key id that nobody has seen, and 64 bytes in place of a signature."""
    header = {"alg": "ES256", "kid": f"random-{next(_NUMBER)}"}
    return b64(json.dumps(header).encode()) + b"." + _PAYLOAD + b"." + b64(b"x" * 64)


async def flood(world: World, size: int) -> Counter[str]:
    """Return what *size* random tokens see, fifty on each connection without waiting."""
    return sum(await asyncio.gather(*(_pour(world) for _ in range(size // 50))), Counter())


async def _pour(world: World) -> Counter[str]:
    wire = await world.gateway.connect()
    wire.send(b"".join(make_request("/api/x", bearer(random_token())) for _ in range(50)))
    seen = Counter([outcome(await read_answer(wire)) for _ in range(50)])
    wire.close()
    return seen


async def test_ten_thousand_random_key_ids_in_a_second_are_one_fetch_per_cooldown(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """And each of them is a 401, while good tokens pass."""
    issuer.answer = OLD
    world = await start()

    assert await flood(world, 10_000) == {"401 key_unknown": 10_000}
    assert len(issuer.paths) == 2
    assert await world.ask(token(0)) == "200"

    world.clock.advance(COOLDOWN_SECONDS - 0.1)
    assert await flood(world, 1_000) == {"401 key_unknown": 1_000}
    assert len(issuer.paths) == 2

    world.clock.advance(0.1)
    assert await flood(world, 1_000) == {"401 key_unknown": 1_000}
    assert len(issuer.paths) == 3
    assert world.metric("gateway_issuer_key_fetches_total") == 3


async def test_a_new_key_gets_in_with_the_first_fetch_behind_the_cooldown(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = OLD
    world = await start()
    await flood(world, 200)
    issuer.answer = BOTH

    # The price of the bound: the flood has used up the fetch of this cooldown.
    assert await world.ask(token(1)) == "401 key_unknown"
    assert len(issuer.paths) == 2
    world.clock.advance(COOLDOWN_SECONDS)
    flooded, new = await asyncio.gather(flood(world, 200), world.ask(token(1)))

    assert flooded == {"401 key_unknown": 200}
    assert new == "200"
    assert len(issuer.paths) == 3


async def test_a_new_key_that_was_asked_for_too_early_gets_in_behind_the_cooldown_too(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """That the issuer did not have it is remembered, but not for longer than that."""
    issuer.answer = OLD
    world = await start()
    assert await world.ask(token(1)) == "401 key_unknown"
    issuer.answer = BOTH

    world.clock.advance(COOLDOWN_SECONDS)

    assert await world.ask(token(1)) == "200"


async def test_a_flood_while_the_issuer_is_away_leaves_the_next_refresh_where_it_was(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """A key that was withdrawn ends when it would have ended without the flood."""
    issuer.answer = OLD
    world = await start()
    issuer.answer = body(b"", status=500)
    for _ in range(7):
        await flood(world, 50)
        world.clock.advance(COOLDOWN_SECONDS)
    asked = len(issuer.paths)
    issuer.answer = body(jwks(key(1)))

    await world.pass_time(100.0)

    assert asked == 1 + 7
    assert len(issuer.paths) == asked + 1
    assert await world.ask_all(token(0), token(1)) == {"401 key_unknown", "200"}


async def test_a_flood_waits_for_the_fetch_under_way_and_good_tokens_do_not(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = OLD
    world = await start()
    issuer.answer, opened = gate(BOTH)
    flooding = asyncio.create_task(flood(world, 1_000))
    await until(lambda: len(issuer.paths) == 2)
    new = asyncio.create_task(world.ask(token(1)))

    assert await world.ask_all(*(token(0) for _ in range(20))) == {"200"}

    assert not flooding.done()
    assert not new.done()
    opened.set()
    assert await new == "200"
    assert await flooding == {"401 key_unknown": 1_000}
    assert len(issuer.paths) == 2


async def test_no_part_of_a_flood_is_logged(
    start: StartWorld, issuer: IssuerPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """6750.10."""
    issuer.answer = OLD
    with caplog.at_level("DEBUG"):
        world = await start()
        await flood(world, 100)

    assert "random-" not in caplog.text
    assert _PAYLOAD.decode() not in caplog.text
