"""Reloads while clients speak HTTP/2: streams in flight go on, the next ones are decided anew.

Clients repeat their requests to the byte before the reload: what was remembered of them must not
outlive the configuration that it was learnt under.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ROUTES, RunningGateway, load, write_config
from tests.proxy.h2.frames import (
    PREFACE,
    Code,
    Field,
    Flag,
    Kind,
    Setting,
    body,
    frame,
    headers,
    request_fields,
)
from tests.proxy.h2.wire import Http2Client, api, speak
from tests.proxy.messages import make_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire
from tests.tokens import make_private

STRICTER = [
    {**route, "require": {"scopes": ["other"]}} if route["name"] == "api" else dict(route)
    for route in ROUTES
]
REPEATED = 3


async def warm(client: Http2Client, fields: list[Field]) -> None:
    """Repeat a request that is allowed until all of it is remembered."""
    for _ in range(REPEATED):
        assert (await client.fetch(fields)).status == 200


async def reload(gateway: RunningGateway, directory: Path, url: str, **changes: Any) -> None:
    settings = load(write_config(directory, [url], changes))
    assert await gateway.gateway.reload(settings) is None


class Held:
    """A script that answers only once it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            await self.released.wait()
            wire.send(make_answer(request.body or b"held"))


async def test_a_stream_in_flight_keeps_its_policy_and_the_next_one_gets_the_new_one(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    service.script = held = Held()
    client = await speak(gateway)
    asked = client.ask(api(b"/api/1"))
    await service.request()
    async with running_service() as other:
        await reload(gateway, tmp_path, other.url, routes=STRICTER)
        refused = await client.fetch(api(b"/api/1"))
        allowed = await client.fetch(request_fields(b"/open/x"))

        assert refused.label == "403 scope_missing"
        assert (allowed.status, bytes(allowed.body)) == (200, b"hello")
        assert [one.target for one in other.requests] == [b"/open/x"]
    assert not client.stream(asked).is_over
    held.released.set()
    await client.wait_over(asked)
    stream = client.stream(asked)
    assert (stream.status, bytes(stream.body)) == (200, b"held")
    assert client.goaways == []


async def test_a_body_that_comes_on_after_the_reload_reaches_its_service_whole(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    service.script = held = Held()
    held.released.set()
    client = await speak(gateway)
    client.send(headers(1, api(method=b"POST"), ends=False), body(1, b"one ", ends=False))
    client.skip_to(3)
    await client.wait_read()

    await reload(gateway, tmp_path, service.url, routes=STRICTER, limits={"body": "1B"})
    client.send(body(1, b"and two"))

    await client.wait_over(1)
    assert (client.stream(1).status, bytes(client.stream(1).body)) == (200, b"one and two")
    assert (await client.fetch(api())).label == "403 scope_missing"


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        pytest.param({"routes": STRICTER}, "403 scope_missing", id="another policy"),
        pytest.param({"routes": ROUTES[:1]}, "404 route_not_found", id="no route"),
        pytest.param({"limits": {"fields": 10}}, "431 headers_too_large", id="fewer fields"),
        pytest.param(
            {"underscore_names": "reject"}, "400 request_malformed", id="names with underscores"
        ),
    ],
)
async def test_a_repeated_request_is_judged_again(
    service: Service,
    gateway: RunningGateway,
    tmp_path: Path,
    changes: Mapping[str, Any],
    label: str,
) -> None:
    client = await speak(gateway)
    fields = api(b"/api/x", *((b"x-%d" % one, b"y") for one in range(12)), (b"x_y", b"z"))
    await warm(client, fields)

    await reload(gateway, tmp_path, service.url, **changes)

    assert (await client.fetch(fields)).label == label
    assert len(service.requests) == REPEATED


async def test_a_remembered_field_that_became_ours_is_no_longer_forwarded(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    client = await speak(gateway)
    fields = api(b"/api/x", (b"x-user", b"forged"))
    await warm(client, fields)

    await reload(gateway, tmp_path, service.url, identity={"headers": {"X-User": "sub"}})

    assert (await client.fetch(fields)).status == 200
    assert service.requests[0].all(b"x-user") == [b"forged"]
    assert service.requests[-1].all(b"x-user") == [b"alice"]


async def test_a_key_that_left_the_file_is_refused_on_an_open_connection(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    client = await speak(gateway)
    await warm(client, api())
    settings = load(write_config(tmp_path, [service.url], {}))
    other = ECAlgorithm.to_jwk(make_private("ES384").public_key(), as_dict=True)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{**other, "kid": "k2"}]}))

    assert await gateway.gateway.reload(settings) is None

    assert (await client.fetch(api())).status == 401
    assert len(service.requests) == REPEATED


async def test_the_client_is_told_of_another_limit_of_the_head(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    """RFC 9113 §6.5.2"""
    client = await speak(gateway)
    await warm(client, api())
    before = dict(client.settings or {})

    await reload(gateway, tmp_path, service.url, limits={"head": "20KiB", "fields": 50})

    await client.wait_read()
    told = {Setting.MAX_HEADER_LIST_SIZE: 20 * 1024 + 32 * 50}
    assert client.settings == before | told != before
    assert (await client.fetch(api())).status == 200
    assert client.goaways == []


async def test_a_connection_that_cannot_read_what_is_allowed_now_ends_after_its_streams(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """How much its library reads at most was said when it began."""
    gateway = await start_gateway(limits={"fields": 20})
    client = await speak(gateway)
    await warm(client, api())

    await reload(gateway, tmp_path, service.url, limits={"fields": 81})

    await _see(client, 2)
    await client.wait_gone()
    assert {code for _, code in client.goaways} == {Code.NO_ERROR}
    fields = api(b"/api/x", *((b"x-%d" % one, b"y") for one in range(75)))
    assert (await (await speak(gateway)).fetch(fields)).status == 200


# --- `http2: false`


async def test_without_http2_an_open_connection_ends_after_its_streams(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    """9113.16"""
    service.script = held = Held()
    client = await speak(gateway)
    client.polite = False
    first = client.ask(api(b"/api/1"))
    await service.request(0)

    await reload(gateway, tmp_path, service.url, http2=False)

    await _see(client, 1)
    second = client.ask(api(b"/api/2"))  # it was on its way
    await service.request(1)
    pings = [one for one in client.frames if one.kind == Kind.PING and not one.has(Flag.ACK)]
    client.send(frame(Kind.PING, 0, pings[0].payload, Flag.ACK))
    await _see(client, 2)
    held.released.set()
    await client.wait_gone()
    assert client.goaways[:2] == [(2**31 - 1, Code.NO_ERROR), (second, Code.NO_ERROR)]
    assert [client.stream(one).label for one in (first, second)] == ["200", "200"]


async def test_without_http2_an_idle_connection_ends_and_a_new_one_is_refused(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    client = await speak(gateway)
    await warm(client, api())

    await reload(gateway, tmp_path, service.url, http2=False)

    await _see(client, 2)
    await client.wait_gone()
    assert {code for _, code in client.goaways} == {Code.NO_ERROR}
    wire = await gateway.connect()
    wire.send(PREFACE)
    await wire.wait_end()
    assert wire.received.startswith(b"HTTP/1.1 400 ")


async def test_with_http2_again_it_is_spoken(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway(http2=False)

    await reload(gateway, tmp_path, service.url)

    await warm(await speak(gateway), api())


async def _see(client: Http2Client, goaways: int) -> None:
    """Wait until the end of the connection was announced so often."""

    def are_there() -> bool:
        client.read()
        return len(client.goaways) >= goaways

    await client.wire.wait_for(are_there)
