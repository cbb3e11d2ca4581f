"""A user who was authenticated too weakly or too long ago is asked to log in again (RFC 9470)."""

import time
from typing import Any

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.recording.test_record import Log, log
from tests.proxy.resources import HOST, METADATA, SECTIONS, route
from tests.proxy.service import Service
from tests.proxy.test_metadata_challenges import challenge

__all__ = ["log"]  # a fixture

GOLD = "urn:example:acr:gold"
ROUTES = [
    route("acr", "/api/acr", scopes=["api:read"], acr=[GOLD, "silver"]),
    route("age", "/api/age", scopes=["api:read"], max_age="15m"),
    route("both", "/api/both", acr=["silver", GOLD], max_age="90s"),
    route("maybe", "/api/maybe", optional=True, acr=[GOLD]),
    route("last", "/api/last", claims={"tenant": {"equals": "acme"}}, max_age="15m"),
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(**SECTIONS | {"routes": ROUTES})


async def ask(gateway: RunningGateway, name: str, **claims: Any) -> Message:
    request = make_request(f"/api/{name}", bearer(make_token(**claims)), host=HOST)
    return await gateway.ask(request)


def seconds_ago(seconds: float) -> float:
    return int(time.time()) - seconds


@pytest.mark.parametrize("acr", [GOLD, "silver"])
async def test_each_acr_that_a_route_accepts_is_enough(acr: str, gateway: RunningGateway) -> None:
    """9470.1."""
    assert (await ask(gateway, "acr", acr=acr)).body == b"hello"


@pytest.mark.parametrize(
    "acr",
    ["bronze", "Silver", "silver ", f"{GOLD} silver", [GOLD], {GOLD: True}, 1, True, "", None],
)
async def test_another_acr_or_none_is_refused_with_the_accepted_ones(
    acr: object, service: Service, gateway: RunningGateway
) -> None:
    """9470.1, 9470.3: in the order of preference, with all else that a token must bring."""
    answer = await ask(gateway, "acr", acr=acr)

    assert (answer.status, reason(answer)) == (401, "authentication_too_weak")
    assert challenge(answer) == {
        "realm": "gateway",
        "error": "insufficient_user_authentication",
        "error_description": "A stronger authentication is required",
        "scope": "api:read",
        "acr_values": f"{GOLD} silver",
        "resource_metadata": METADATA,
    }
    assert service.connections == []


@pytest.mark.parametrize("ago", [0, 600, 0.5, -20])
async def test_a_fresh_authentication_is_enough(ago: float, gateway: RunningGateway) -> None:
    """9470.2: also one that a clock ahead of ours has seen, as far as leeway goes."""
    assert (await ask(gateway, "age", auth_time=seconds_ago(ago))).body == b"hello"


@pytest.mark.parametrize(
    "auth_time",
    [seconds_ago(901), 1, 0, -1, seconds_ago(-(10**6)), 2**60, "1800000000", [1], True, {}, None],
)
async def test_an_old_authentication_or_none_is_refused_with_the_accepted_age(
    auth_time: object, service: Service, gateway: RunningGateway
) -> None:
    """9470.2, 9470.3."""
    answer = await ask(gateway, "age", auth_time=auth_time)

    assert (answer.status, reason(answer)) == (401, "authentication_too_old")
    assert challenge(answer) == {
        "realm": "gateway",
        "error": "insufficient_user_authentication",
        "error_description": "A fresh authentication is required",
        "scope": "api:read",
        "max_age": "900",
        "resource_metadata": METADATA,
    }
    assert service.connections == []


async def test_an_authentication_ages_while_its_token_is_remembered(
    gateway: RunningGateway,
) -> None:
    """9470.2: the leeway of the issuer does not make it younger."""
    request = make_request(
        "/api/age", bearer(make_token(auth_time=seconds_ago(0), exp=2**40)), host=HOST
    )
    wire = await gateway.connect()
    statuses = []
    for seconds in (0, 800, 120):
        gateway.clocks.ahead_seconds += seconds
        wire.send(request)
        statuses.append((await read_answer(wire)).status)

    assert statuses == [200, 200, 401]


async def test_the_challenge_names_both_if_either_is_missing(gateway: RunningGateway) -> None:
    """9470.1, 9470.2: a client that mends one of them does not come back for the other."""
    for claims, refusal in (
        ({}, "authentication_too_weak"),
        ({"acr": GOLD}, "authentication_too_old"),
        ({"acr": "bronze", "auth_time": seconds_ago(0)}, "authentication_too_weak"),
        ({"acr": "silver", "auth_time": seconds_ago(91)}, "authentication_too_old"),
    ):
        answer = await ask(gateway, "both", **claims)

        assert reason(answer) == refusal
        told = challenge(answer)
        assert (told["acr_values"], told["max_age"]) == (f"silver {GOLD}", "90")

    answer = await ask(gateway, "both", acr=GOLD, auth_time=seconds_ago(0))
    assert answer.status == 200


async def test_nobody_logs_in_again_only_to_be_refused_for_something_else(
    gateway: RunningGateway,
) -> None:
    """Scopes and claims come first; their refusals do not speak of the authentication."""
    lacking = await ask(gateway, "acr", scope="other")
    ruled = await ask(gateway, "last", tenant="globex")

    assert reason(lacking) == "scope_missing"
    assert "acr_values" not in challenge(lacking)
    assert reason(ruled) == "claim_rule_failed"
    assert reason(await ask(gateway, "last", tenant="acme")) == "authentication_too_old"


async def test_an_optional_token_must_be_strong_if_it_is_sent(
    gateway: RunningGateway,
) -> None:
    """9470.3."""
    answers = [
        await gateway.ask(make_request("/api/maybe", host=HOST)),
        await ask(gateway, "maybe", acr="bronze"),
        await ask(gateway, "maybe", acr=GOLD),
    ]

    assert [answer.status for answer in answers] == [200, 401, 200]


async def test_a_client_that_comes_back_with_a_better_token_is_allowed(
    service: Service, gateway: RunningGateway
) -> None:
    """9470.1: on the connection on which it was refused."""
    wire = await gateway.connect()
    for acr in ("bronze", GOLD):
        wire.send(make_request("/api/acr", bearer(make_token(acr=acr)), host=HOST))

    refused, allowed = await read_answer(wire), await read_answer(wire)

    wanted = challenge(refused)["acr_values"].split(" ")
    assert wanted[0] == GOLD
    assert allowed.body == b"hello"
    assert len(service.requests) == 1


async def test_a_step_up_is_logged_and_counted_by_its_reason(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(**SECTIONS | {"routes": ROUTES}, access_log="stdout")
    await ask(gateway, "acr", acr="bronze")
    await ask(gateway, "age", auth_time=1)

    counts = [
        gateway.metric("gateway_decisions_total", route=name, reason=code)
        for name, code in (("acr", "authentication_too_weak"), ("age", "authentication_too_old"))
    ]
    weak, old = await log.lines(gateway)
    assert counts == [1, 1]
    assert (weak["reason"], weak["route"], weak["subject"], weak["issuer"]) == (
        "authentication_too_weak",
        "acr",
        "alice",
        "main",
    )
    assert weak["detail"] == "acr is not one that the route requires"
    assert old["detail"] == "auth_time is longer ago than the route allows"
