"""An issuer is away for an hour and longer: keys serve as promised, and it is left in peace."""

import itertools
import json
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.issuers.conftest import StartWorld
from tests.issuers.world import World, issuer_section, key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import Answer, IssuerPeer, body, gate, until

GOOD = body(jwks(key(0)))
AWAY = body(b"", status=500)

FRESH_SECONDS = 300.0
AGE_LIMIT_SECONDS = 3900.0  # five minutes fresh and an hour stale
LONGEST_PAUSE_SECONDS = 60.0


def noting(answer: Answer, moments: list[float], now: Callable[[], float]) -> Answer:
    """Return *answer*, with the time of each question in *moments*."""

    async def note(request: web.Request) -> web.StreamResponse:
        moments.append(now())
        return await answer(request)

    return note


async def test_500s_for_an_hour_are_noticed_by_no_client_and_by_everybody_who_watches(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """GHSA-fhv5-28vv-h8m8."""
    issuer.answer = GOOD
    world = await start()
    seen, began_at = token(0), world.clock.now()
    moments = [began_at]
    issuer.answer = noting(AWAY, moments, world.clock.now)

    for minute in range(1, 61):
        await world.pass_time(60.0)
        assert await world.ask_all(seen, token(0)) == {"200"}
        status, shown = await world.readiness()
        assert (status, shown["loaded"]) == (200, True)
        assert shown["age_seconds"] == 60.0 * minute
        assert shown["stale"] is (60.0 * minute > FRESH_SECONDS)
        assert shown["failures_in_a_row"] == len(moments) - 1
        assert shown["next_refresh_in_seconds"] <= max(LONGEST_PAUSE_SECONDS, 240.0 - 60.0 * minute)

    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses[:8] == [240.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert set(pauses[8:]) == {60.0}
    assert world.metric("gateway_issuer_key_fetch_failures_in_a_row") == len(moments) - 1
    assert world.metric("gateway_issuer_keys_age_seconds") == 3600.0
    assert world.metric("gateway_issuer_keys_age_limit_seconds") == AGE_LIMIT_SECONDS
    assert (await world.issuer_status())["last_error"].endswith("status 500 instead of 200")

    issuer.answer = body(jwks(key(0), key(1)))
    await world.pass_time(LONGEST_PAUSE_SECONDS)

    assert await world.ask_all(seen, token(0), token(1)) == {"200"}
    _, shown = await world.readiness()
    assert (shown["stale"], shown["failures_in_a_row"]) == (False, 0)
    assert world.metric("gateway_issuer_key_fetch_failures_in_a_row") == 0


async def lose_keys(start: StartWorld, issuer: IssuerPeer) -> World:
    """Return a world whose issuer has been away for longer than its keys may serve."""
    issuer.answer = GOOD
    world = await start()
    issuer.answer = AWAY
    await world.pass_time(AGE_LIMIT_SECONDS)
    return world


async def test_keys_serve_up_to_their_age_limit_and_not_a_moment_longer(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """A stolen key that the issuer has withdrawn must end some time, reachable or not.

    Every gateway loses them at the same time, so none becomes unready: that would refuse the
    tokens of all other issuers, too.
    """
    issuer.answer = GOOD
    world = await start()
    seen = token(0)
    issuer.answer = AWAY

    await world.pass_time(AGE_LIMIT_SECONDS - 0.5)
    assert await world.ask_all(seen, token(0)) == {"200"}
    assert (await world.readiness())[0] == 200
    await world.pass_time(0.5)

    assert await world.ask_all(seen, token(0)) == {"503 keys_unavailable"}
    status, shown = await world.readiness()
    assert (status, shown["loaded"], shown["stale"]) == (200, False, False)
    assert shown["age_seconds"] == AGE_LIMIT_SECONDS
    assert world.metric("gateway_issuer_keys") == 0


async def test_a_partner_that_is_away_from_the_start_makes_nobody_unready_but_a_required_one(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    partner = "https://partner.example/"
    away = issuer_section("http://127.0.0.1:1/jwks", partner, required=False)
    issuer.answer = AWAY
    sections = {"main": issuer_section(f"{issuer.url}/jwks"), "partner": away}
    world = await start(issuers=sections)
    before = json.loads((await world.admin("/readyz")).body)

    issuer.answer = GOOD
    await world.pass_time(1.0)
    answer = await world.admin("/readyz")
    after = json.loads(answer.body)

    assert before["not_ready"] == ["no keys of issuer main"]
    assert [one["awaited"] for one in before["issuers"]] == [True, False]
    assert (answer.status, after["not_ready"]) == (200, [])
    assert [(one["required"], one["loaded"]) for one in after["issuers"]] == [
        (True, True),
        (False, False),
    ]
    assert await world.ask(token(0)) == "200"
    assert await world.ask(token(0, issuer=partner)) == "503 keys_unavailable"
    assert world.metric("gateway_issuer_keys", "partner") == 0


async def test_keys_for_no_listed_algorithm_are_none_that_readiness_waits_for(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """No token of the issuer could be accepted: a rollout must not go on like this."""
    issuer.answer = GOOD
    section = issuer_section(f"{issuer.url}/jwks", algorithms=["RS256"])
    world = await start(issuers={"main": section})

    status, shown = await world.readiness()

    assert (status, shown["loaded"], shown["awaited"]) == (503, True, True)
    assert world.metric("gateway_issuer_keys") == 0


async def test_keys_that_were_dropped_come_back_with_the_next_try(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    world = await lose_keys(start, issuer)
    issuer.answer = GOOD

    await world.pass_time(LONGEST_PAUSE_SECONDS)

    assert await world.ask(token(0)) == "200"
    assert (await world.readiness())[0] == 200


async def test_without_keys_requests_do_not_ask_more_often_than_the_backoff_allows(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    world = await lose_keys(start, issuer)
    asked = len(issuer.paths)

    for _ in range(10):
        outcomes = await world.ask_all(*(token(n % 2) for n in range(20)))
        assert outcomes == {"503 keys_unavailable"}
        world.clock.advance(1.0)

    assert len(issuer.paths) - asked <= 1


async def test_an_issuer_that_comes_and_goes_never_costs_a_good_request(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = GOOD
    world = await start()

    for turn in range(40):
        issuer.answer = AWAY if turn % 2 else GOOD
        await world.pass_time(100.0)
        assert await world.ask(token(0)) == "200"

    assert len(issuer.paths) < 40 * 8


async def test_tokens_of_unknown_keys_while_it_is_away_are_401_and_one_fetch_per_cooldown(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """CVE-2026-48524, CVE-2025-64527."""
    issuer.answer = GOOD
    world = await start()
    issuer.answer = AWAY

    for _ in range(120):
        outcomes = await world.ask_all(token(1), token(2), token(0))
        assert outcomes == {"401 key_unknown", "200"}
        await world.pass_time(30.0)

    # One for each of the 120 cooldowns, and what the keeper tried in this hour.
    assert 120 <= len(issuer.paths) <= 120 + 70


# --- the wall clock


@pytest.mark.parametrize("days", [1, -1, 3650, -3650])
async def test_setting_the_wall_clock_changes_nothing_about_keys(
    days: int, start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = GOOD
    world = await start()
    await world.pass_time(100.0)
    before = await world.issuer_status()

    world.gateway.clocks.set_by_seconds = days * 86_400.0

    assert await world.issuer_status() == before
    await world.pass_time(100.0)
    assert len(issuer.paths) == 1


async def test_tokens_are_judged_by_the_new_time_from_the_next_request_on(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """7519.1, 7519.2: there and back, and remembered tokens like new ones."""
    issuer.answer = GOOD
    world = await start()
    now = int(world.gateway.clocks.wall())
    short, long = token(0, exp=now + 600), token(0, exp=now + 1_000_000, nbf=now - 600)
    wire = await world.gateway.connect()
    assert [await world.ask(one, wire) for one in (short, long)] == ["200", "200"]

    world.gateway.clocks.set_by_seconds = 86_400.0
    assert [await world.ask(one, wire) for one in (short, long)] == ["401 token_expired", "200"]

    world.gateway.clocks.set_by_seconds = -86_400.0
    assert await world.ask(long, wire) == "401 token_not_yet_valid"
    assert await world.ask(short, wire) == "200"

    world.gateway.clocks.set_by_seconds = 0.0
    assert [await world.ask(one, wire) for one in (short, long)] == ["200", "200"]
    assert len(issuer.paths) == 1


async def test_a_fetch_that_hangs_over_the_end_of_the_keys_does_not_prolong_them(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = GOOD
    section = issuer_section(issuer.url + "/jwks", keys={"fetch_timeout": "500ms"})
    world = await start(issuers={"main": section})
    issuer.answer, opened = gate(GOOD)
    await world.settle()

    world.clock.advance(AGE_LIMIT_SECONDS)
    await until(lambda: world.metric("gateway_issuer_keys") == 0)

    assert await world.ask(token(0)) == "503 keys_unavailable"
    opened.set()
