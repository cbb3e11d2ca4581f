"""An issuer changes its keys while clients ask all the time."""

import asyncio

from aiohttp import web

from tests.issuers.conftest import StartWorld
from tests.issuers.world import issuer_section, key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import IssuerPeer, body, gate, until

REFRESH_SECONDS = 240.0  # four fifths of the five minutes for which keys are fresh


async def test_with_overlap_no_request_fails_and_each_phase_is_one_fetch(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """Published beside the old one, signed with, the old one taken away: tokens of both pass."""
    issuer.answer = body(jwks(key(0)))
    world = await start()

    issuer.answer = body(jwks(key(0), key(1)))
    tokens = [token(n % 2) for n in range(100)]
    assert await world.ask_all(*tokens) == {"200"}
    assert len(issuer.paths) == 2

    # The issuer signs with the new key alone; the last of the old tokens are still about.
    await world.pass_time(REFRESH_SECONDS)
    assert await world.ask_all(*tokens, *(token(n % 2) for n in range(100))) == {"200"}
    assert len(issuer.paths) == 3

    issuer.answer = body(jwks(key(1)))
    await world.pass_time(REFRESH_SECONDS)
    assert await world.ask_all(*tokens[1::2], token(1)) == {"200"}
    assert len(issuer.paths) == 4


async def test_a_key_published_ahead_costs_its_first_token_no_fetch(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0)))
    world = await start()
    issuer.answer = body(jwks(key(0), key(1)))
    await world.pass_time(REFRESH_SECONDS)

    assert await world.ask(token(1)) == "200"

    assert len(issuer.paths) == 2


async def test_without_overlap_the_first_tokens_of_the_new_key_share_one_fetch_and_pass(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0)))
    world = await start()
    issuer.answer = body(jwks(key(1)))

    assert await world.ask_all(*(token(1) for _ in range(50))) == {"200"}

    assert len(issuer.paths) == 2
    assert await world.ask(token(0)) == "401 key_unknown"
    assert len(issuer.paths) == 2


async def test_tokens_of_known_keys_do_not_wait_for_the_fetch_of_a_new_one(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0)))
    world = await start()
    issuer.answer, opened = gate(body(jwks(key(0), key(1))))
    new = asyncio.create_task(world.ask(token(1)))
    await until(lambda: len(issuer.paths) == 2)

    assert await world.ask_all(*(token(0) for _ in range(20))) == {"200"}

    assert not new.done()
    opened.set()
    assert await new == "200"


async def test_tokens_of_a_withdrawn_key_stop_with_the_next_refresh_remembered_or_not(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """The bound is the refresh: a token seen before, and the connection that it came on, too."""
    issuer.answer = body(jwks(key(0), key(1)))
    world = await start()
    wire = await world.gateway.connect()
    seen = token(0)
    assert await world.ask(seen, wire) == "200"
    assert await world.ask(seen, wire) == "200"
    assert world.gateway.metric("gateway_token_memo_entries") == 1

    issuer.answer = body(jwks(key(1)))
    await world.pass_time(REFRESH_SECONDS - 1.0)
    assert await world.ask(seen, wire) == "200"
    await world.pass_time(1.0)

    assert await world.ask(seen, wire) == "401 key_unknown"
    assert await world.ask_all(seen, token(0)) == {"401 key_unknown"}
    assert await world.ask(token(1), wire) == "200"


async def test_a_withdrawn_key_that_comes_back_serves_again(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0)))
    world = await start()
    seen = token(0)
    assert await world.ask(seen) == "200"
    issuer.answer = body(jwks(key(1)))
    await world.pass_time(REFRESH_SECONDS)
    assert await world.ask(seen) == "401 key_unknown"
    issuer.answer = body(jwks(key(0)))

    await world.pass_time(REFRESH_SECONDS)

    assert await world.ask(seen) == "200"


async def test_another_key_under_an_old_name_ends_the_tokens_of_the_old_one(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """The name proves nothing (RFC 7515 section 4.1.4): a wrong signature is no reason to fetch."""
    issuer.answer = body(jwks(key(0)))
    world = await start()
    old, new = token(0, kid="k0"), token(1, kid="k0")
    assert await world.ask(old) == "200"
    issuer.answer = body(jwks(key(1, kid="k0")))

    assert await world.ask(new) == "401 signature_invalid"
    assert len(issuer.paths) == 1
    await world.pass_time(REFRESH_SECONDS)

    assert await world.ask(new) == "200"
    assert await world.ask(old) == "401 signature_invalid"


async def test_a_rotation_of_one_issuer_is_nothing_to_the_tokens_of_another(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """8725.5: what is remembered of the other stays, for its key set is the same."""
    other = "https://other.example.com/"

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=sets[request.path])

    sets = {"/main": jwks(key(0)), "/other": jwks(key(0))}
    issuer.answer = answer
    world = await start(
        issuers={
            "main": issuer_section(issuer.url + "/main"),
            "other": issuer_section(issuer.url + "/other", other),
        }
    )
    ours, theirs = token(0), token(0, issuer=other)
    assert await world.ask_all(ours, theirs) == {"200"}
    sets["/main"] = jwks(key(1))

    await world.pass_time(REFRESH_SECONDS)

    misses = world.gateway.metric("gateway_token_memo_misses_total")
    assert await world.ask(theirs) == "200"
    assert world.gateway.metric("gateway_token_memo_misses_total") == misses
    assert await world.ask(ours) == "401 key_unknown"
