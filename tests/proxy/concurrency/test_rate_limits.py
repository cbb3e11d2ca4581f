"""The rate limits of a route hold allowed requests: all limits count one, or none does."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.explain import parse_question
from tests.limits.structured import parse_list
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, load, make_token, write_config
from tests.proxy.messages import (
    Message,
    make_answer,
    make_chunked,
    make_request,
    parse_head,
    read_answer,
)
from tests.proxy.service import Service, serve

# Nothing of it comes back while a test runs.
SLOW = "1h"


def limited(*names: str, **route: Any) -> list[dict[str, Any]]:
    """Return routes: one with these limits, and one without any."""
    first = {"name": "api", "match": {"path_prefix": "/api/"}, "upstream": "main", "require": {}}
    free = {"name": "free", "match": {"path_prefix": "/free/"}, "upstream": "main", "public": True}
    return [{**first, "rate_limits": list(names), **route}, free]


def of(key: Any, requests: int = 2) -> dict[str, Any]:
    return {"rate": f"{requests}/{SLOW}", "key": key}


def signed(**claims: Any) -> bytes:
    return bearer(make_token(**claims))


async def statuses(gateway: RunningGateway, *lines: bytes, count: int = 3) -> list[int]:
    return [(await ask(gateway, *lines)).status for _ in range(count)]


async def ask(gateway: RunningGateway, *lines: bytes, target: str = "/api/x") -> Message:
    return await gateway.ask(make_request(target, *lines))


def standing(answer: Message, name: bytes = b"ratelimit") -> dict[str, dict[str, int]]:
    return parse_list(answer.one(name).decode())


async def test_each_subject_has_its_own_limit_and_a_refused_request_reaches_no_upstream(
    start_gateway: StartGateway, service: Service
) -> None:
    gateway = await start_gateway(rate_limits={"each": of("subject")}, routes=limited("each"))

    assert await statuses(gateway, signed(sub="alice")) == [200, 200, 429]
    assert await statuses(gateway, signed(sub="bob")) == [200, 200, 429]
    assert len(service.requests) == 4


async def test_a_refusal_says_when_to_retry(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(rate_limits={"each": of("subject")}, routes=limited("each"))
    await statuses(gateway, signed(), count=2)

    answer = await ask(gateway, signed())

    problem = json.loads(answer.body)
    assert (problem["reason"], problem["title"]) == ("rate_limited", "Too many requests")
    assert 1790 <= int(answer.one(b"retry-after")) <= 1800
    assert standing(answer)["each"]["r"] == 0
    assert standing(answer, b"ratelimit-policy") == {"each": {"q": 2, "w": 3600}}


async def test_a_response_carries_the_state_of_the_limits(
    start_gateway: StartGateway, service: Service
) -> None:
    service.script = serve(make_answer(b"hello", b'RateLimit: "theirs";r=1'))
    gateway = await start_gateway(
        rate_limits={"each": of("subject", 5), "all": of("route", 9)},
        routes=limited("each", "all"),
    )

    answer = await ask(gateway, signed())

    theirs, ours = answer.all(b"ratelimit")  # two lines are one list
    assert theirs == b'"theirs";r=1'
    assert {name: one["r"] for name, one in parse_list(ours.decode()).items()} == {
        "each": 4,
        "all": 8,
    }
    assert answer.body == b"hello"


async def test_a_failed_response_carries_the_state_of_the_limits(
    start_gateway: StartGateway, closed_port: int
) -> None:
    gateway = await start_gateway(
        [f"http://127.0.0.1:{closed_port}"],
        rate_limits={"each": of("subject", 5)},
        routes=limited("each"),
    )

    answer = await ask(gateway, signed())

    assert answer.status == 502
    assert standing(answer)["each"]["r"] == 4


async def test_a_response_of_unknown_length_carries_it_too(
    start_gateway: StartGateway, service: Service
) -> None:
    head = b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
    service.script = serve(head + make_chunked(b"one", b"two"))
    gateway = await start_gateway(rate_limits={"all": of("route")}, routes=limited("all"))

    answer = await ask(gateway, signed())

    assert (answer.body, answer.one(b"transfer-encoding")) == (b"onetwo", b"chunked")
    assert standing(answer)["all"]["r"] == 1


async def test_a_101_carries_it_too(start_gateway: StartGateway, service: Service) -> None:
    switched = b"HTTP/1.1 101 Now\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    service.script = serve(switched)
    gateway = await start_gateway(
        rate_limits={"all": of("route")}, routes=limited("all", upgrades=["echo"])
    )
    wire = await gateway.connect()
    wire.send(make_request("/api/x", signed(), "Connection: Upgrade", "Upgrade: echo"))

    answer = parse_head(await wire.read_until(b"\r\n\r\n"))

    assert answer.status == 101
    assert standing(answer)["all"]["r"] == 1


async def test_a_response_of_a_route_without_limits_has_no_such_fields(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(rate_limits={"each": of("subject")}, routes=limited("each"))

    answer = await ask(gateway, target="/free/x")

    assert answer.status == 200
    assert not answer.has(b"ratelimit")
    assert not answer.has(b"ratelimit-policy")


async def test_a_request_refused_for_its_token_takes_from_no_limit(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(rate_limits={"all": of("route")}, routes=limited("all"))

    assert await statuses(gateway, count=5) == [401] * 5
    assert await statuses(gateway, signed()) == [200, 200, 429]


async def test_of_several_limits_a_request_takes_from_all_or_from_none(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(
        rate_limits={"each": of("subject", 1), "all": of("route", 3)},
        routes=limited("each", "all"),
    )

    # Those of alice that her own limit refuses take nothing from what all share.
    assert await statuses(gateway, signed(sub="alice"), count=5) == [200, 429, 429, 429, 429]
    assert await statuses(gateway, signed(sub="bob"), count=1) == [200]
    assert await statuses(gateway, signed(sub="carol"), count=1) == [200]
    assert await statuses(gateway, signed(sub="dave"), count=1) == [429]


async def test_one_limit_of_two_routes_is_one_limit(start_gateway: StartGateway) -> None:
    routes = limited("each")
    routes += limited("each", name="other", match={"path_prefix": "/other/"})[:1]
    gateway = await start_gateway(rate_limits={"each": of("subject")}, routes=routes)

    assert (await ask(gateway, signed(), target="/api/x")).status == 200
    assert (await ask(gateway, signed(), target="/other/x")).status == 200
    assert (await ask(gateway, signed(), target="/api/x")).status == 429


@pytest.mark.parametrize("odd", [None, True, ["a"], {"a": 1}, []])
async def test_callers_without_the_claim_share_one_bucket(
    odd: object, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(
        rate_limits={"tenants": of({"claim": "tenant"})}, routes=limited("tenants")
    )

    assert await statuses(gateway, signed(sub="alice"), count=1) == [200]
    assert await statuses(gateway, signed(sub="bob", tenant=odd), count=1) == [200]
    assert await statuses(gateway, signed(sub="carol"), count=1) == [429]
    assert await statuses(gateway, signed(tenant="acme"), count=1) == [200]


async def test_an_optional_token_that_is_not_sent_is_counted_with_all_others(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(
        rate_limits={"each": of("subject")},
        routes=limited("each", require={"optional": True}),
    )

    assert await statuses(gateway) == [200, 200, 429]
    assert await statuses(gateway, signed()) == [200, 200, 429]


async def test_an_address_is_the_one_that_trusted_proxies_report(
    start_gateway: StartGateway,
) -> None:
    public = limited("each", require=None, public=True)
    del public[0]["require"]
    trusting = await start_gateway(
        rate_limits={"each": of("address")}, routes=public, trusted_proxies=["127.0.0.0/8"]
    )
    suspicious = await start_gateway(rate_limits={"each": of("address")}, routes=public)

    assert await statuses(trusting, b"X-Forwarded-For: 192.0.2.1") == [200, 200, 429]
    assert await statuses(trusting, b"X-Forwarded-For: 192.0.2.2") == [200, 200, 429]
    assert await statuses(suspicious, b"X-Forwarded-For: 192.0.2.1") == [200, 200, 429]
    assert await statuses(suspicious, b"X-Forwarded-For: 192.0.2.2") == [429, 429, 429]


async def test_a_request_that_is_too_large_takes_nothing(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(
        rate_limits={"all": of("route")}, routes=limited("all", limits={"body": "4B"})
    )
    large = make_request("/api/x", signed(), method="POST", body=b"12345")

    assert [(await gateway.ask(large)).status for _ in range(3)] == [413] * 3
    assert await statuses(gateway, signed()) == [200, 200, 429]


async def test_a_refused_request_keeps_its_connection(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(rate_limits={"all": of("route", 1)}, routes=limited("all"))
    await ask(gateway, signed())
    wire = await gateway.connect()
    wire.send(make_request("/api/x", signed(), method="POST", body=b"12345"))
    wire.send(make_request("/free/x"))

    assert [(await read_answer(wire)).status for _ in range(2)] == [429, 200]


async def test_a_response_to_head_carries_it_too(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(rate_limits={"all": of("route", 1)}, routes=limited("all"))
    await ask(gateway, signed())

    answer = await gateway.ask(make_request("/api/x", signed(), method="HEAD"), is_head=True)

    assert answer.status == 429
    assert standing(answer)["all"]["r"] == 0


async def test_a_reload_refills_no_bucket(
    start_gateway: StartGateway, service: Service, tmp_path: Path
) -> None:
    limits = {"each": of("subject")}
    gateway = await start_gateway(rate_limits=limits, routes=limited("each"))
    assert await statuses(gateway, signed()) == [200, 200, 429]

    changes = {"rate_limits": {"each": of("subject", 3)}, "routes": limited("each")}
    assert (
        await gateway.gateway.reload(load(write_config(tmp_path, [service.url], changes))) is None
    )

    # What was taken is an hour of waiting, under the new rate as under the old one.
    assert await statuses(gateway, signed()) == [429] * 3


async def test_an_explanation_names_the_limits_and_takes_from_none(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(
        rate_limits={"each": of("subject"), "all": of("route")}, routes=limited("each", "all")
    )
    asked = {"method": "GET", "url": "http://gateway.test/api/x", "token": make_token().decode()}
    for _ in range(5):
        question = parse_question(json.dumps(asked).encode())
        explained: Any = await gateway.gateway.explain(question)

    (step,) = [one for one in explained["steps"] if one["check"] == "rate limits"]
    assert (step["expected"], step["found"]) == ("room in: each, all", "not counted here")
    assert step["holds"] is True
    assert await statuses(gateway, signed()) == [200, 200, 429]


async def test_refusals_are_counted_by_limit_and_by_route(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(
        rate_limits={"each": of("subject", 1), "all": of("route", 5)},
        routes=limited("each", "all"),
    )
    await statuses(gateway, signed(), count=4)

    assert gateway.metric("gateway_rate_limited_total", limit="each") == 3
    assert gateway.metric("gateway_rate_limited_total", limit="all") == 0
    assert gateway.metric("gateway_decisions_total", route="api", reason="rate_limited") == 3
    assert gateway.metric("gateway_decisions_total", route="api", reason="allow") == 1


async def test_the_value_that_a_limit_counts_by_is_not_logged(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "S3CRET-" + "x" * 3000
    gateway = await start_gateway(
        rate_limits={"each": of({"claim": "tenant"}, 1)},
        routes=limited("each"),
        access_log="stdout",
    )
    answers = [await ask(gateway, signed(tenant=secret)) for _ in range(3)]
    await gateway.stop()

    out, err = capfd.readouterr()
    assert out.count("rate_limited") == 2
    assert "rate limit `each` exceeded" in out
    assert "S3CRET" not in out + err + gateway.page()
    assert all(b"S3CRET" not in value for one in answers for _, value in one.fields)
