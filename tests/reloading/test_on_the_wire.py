"""A reload on the wire: each request is decided by one policy, and none is lost."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from jwt.algorithms import ECAlgorithm

from gateway.settings.values.configuration import Settings
from tests.hanging import LIMIT_SECONDS
from tests.issuers.world import issuer_section, key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import body, gate, issuer_peer, until
from tests.proxy.gateways import (
    ROUTES,
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import Message, make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire
from tests.tokens import make_private

MakeSettings = Callable[..., Settings]

# The route `api` asks for a scope that the usual token does not have.
STRICTER = [
    {**route, "require": {"scopes": ["other"]}} if route["name"] == "api" else dict(route)
    for route in ROUTES
]
WITHOUT_API = [dict(route) for route in ROUTES if route["name"] != "api"]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
def make_settings(service: Service, tmp_path: Path) -> MakeSettings:
    def make(servers: list[str] | None = None, **changes: Any) -> Settings:
        return load(write_config(tmp_path, servers or [service.url], changes))

    return make


@pytest.fixture
async def running(make_settings: MakeSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(make_settings()) as gateway:
        yield gateway


async def ask(client: Wire, target: str = "/api/x", *lines: bytes) -> Message:
    client.send(make_request(target, *(lines or (bearer(),))))
    return await read_answer(client)


async def status(running: RunningGateway, credential: bytes) -> int:
    return (await running.ask(make_request("/api/x", bearer(credential)))).status


def is_live(running: RunningGateway, settings: Settings) -> bool:
    return running.gateway.data._serving.settings.digest == settings.digest


async def config_of(running: RunningGateway) -> dict[str, Any]:
    """Return what ``/status`` says of the configuration."""
    config = (await running.gateway.status())["config"]
    assert isinstance(config, dict)
    return config


def hold_first(service: Service, answer: bytes = b"held") -> asyncio.Event:
    """Let *service* hold its first answer until the event that is returned is set."""
    free = asyncio.Event()

    async def script(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            if len(service.requests) == 1:
                await free.wait()
                wire.send(make_answer(answer))
            else:
                wire.send(make_answer(b"later"))

    service.script = script
    return free


# --- which policy decides


@pytest.mark.parametrize(("routes", "status"), [(STRICTER, 403), (WITHOUT_API, 404)])
async def test_the_next_request_of_an_open_connection_is_decided_by_the_new_policy(
    running: RunningGateway, make_settings: MakeSettings, routes: list[Any], status: int
) -> None:
    client = await running.connect()
    before = [(await ask(client)).status for _ in range(2)]

    assert await running.gateway.reload(make_settings(routes=routes)) is None

    assert before == [200, 200]
    assert [(await ask(client)).status for _ in range(2)] == [status, status]


async def test_a_new_connection_is_served_by_the_new_policy(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    await running.gateway.reload(make_settings(routes=STRICTER))

    assert (await running.ask(make_request("/api/x", bearer()))).status == 403
    assert (await running.ask(make_request("/api/x", bearer(make_token("other"))))).status == 200


async def test_going_back_gives_the_former_verdicts(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    statuses = []
    for routes in (STRICTER, list(ROUTES), WITHOUT_API, list(ROUTES)):
        await running.gateway.reload(make_settings(routes=[dict(route) for route in routes]))
        statuses.append((await ask(client)).status)

    assert statuses == [403, 200, 404, 200]


@pytest.mark.parametrize("cut", [10, 30, 200, -2])
async def test_a_head_that_was_half_read_is_decided_by_the_new_policy(
    running: RunningGateway, make_settings: MakeSettings, cut: int
) -> None:
    """Or a client could keep a policy alive by never ending a head."""
    client = await running.connect()
    assert (await ask(client)).status == 200
    request = make_request("/api/x", bearer())
    client.send(request[:cut])
    await ask(await running.connect())  # what was sent before has been read

    await running.gateway.reload(make_settings(routes=STRICTER))
    client.send(request[cut:])

    assert (await read_answer(client)).status == 403


async def test_a_limit_for_each_address_counts_the_connections_that_are_there(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    clients = [await running.connect() for _ in range(2)]
    for client in clients:
        client.send(make_request("/nowhere"))
        await read_answer(client)

    await running.gateway.reload(make_settings(limits={"connections_per_address": 2}))

    assert (await running.ask(make_request("/nowhere"))).status == 503
    clients[0].send(make_request("/nowhere"))
    assert (await read_answer(clients[0])).status == 404


async def test_a_pipelined_request_that_waits_is_decided_by_the_new_policy(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    """It may wait for hours behind a stream, while the former keys go out of date."""
    free = hold_first(service)
    client = await running.connect()
    client.send(make_request("/api/1", bearer()) + make_request("/api/2", bearer()))
    await service.request()

    await running.gateway.reload(make_settings(routes=STRICTER))
    free.set()

    assert (await read_answer(client)).body == b"held"
    assert (await read_answer(client)).status == 403
    assert len(service.requests) == 1


# --- fields that become identity fields

NEW_FIELD = {"headers": {"X-Gateway-Subject": "sub", "X-Tenant": "tenant"}}
FORGED = b"X-Tenant: forged"


async def test_a_field_that_becomes_an_identity_field_is_not_forwarded_any_more(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    """The same bytes as before, so that nothing remembered of them may be used."""
    client = await running.connect()
    for _ in range(2):
        await ask(client, "/api/x", bearer(), FORGED)
    assert [request.all(b"x-tenant") for request in service.requests] == [[b"forged"]] * 2

    await running.gateway.reload(make_settings(identity=NEW_FIELD))

    assert (await ask(client, "/api/x", bearer(), FORGED)).status == 200
    assert not service.requests[2].has(b"x-tenant")


async def test_an_identity_field_cannot_be_sent_ahead_of_the_reload(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    request = make_request("/api/x", FORGED, b"X-Other: 1", bearer())
    cut = request.index(b"X-Other") + 5
    client.send(request[:cut])
    await ask(await running.connect())

    await running.gateway.reload(make_settings(identity=NEW_FIELD))
    client.send(request[cut:])

    assert (await read_answer(client)).status == 200
    assert not service.requests[1].has(b"x-tenant")
    assert service.requests[1].has(b"x-other")


@pytest.mark.parametrize(("underscore_names", "status"), [("drop", 200), ("reject", 400)])
async def test_a_name_with_an_underscore_that_was_kept_is_kept_no_longer(
    service: Service, make_settings: MakeSettings, underscore_names: str, status: int
) -> None:
    """The same bytes as before, so that nothing remembered of them may be used."""
    async with running_gateway(make_settings(underscore_names="keep")) as running:
        client = await running.connect()
        for _ in range(2):
            await ask(client, "/api/x", bearer(), b"X_Tenant: 7")

        await running.gateway.reload(make_settings(underscore_names=underscore_names))

        assert (await ask(client, "/api/x", bearer(), b"X_Tenant: 7")).status == status
    assert [request.has(b"x_tenant") for request in service.requests[:2]] == [True, True]
    assert not any(request.has(b"x_tenant") for request in service.requests[2:])


@pytest.mark.parametrize("line", [b"X-Other: 1", b"Via: 1.1 other"])
async def test_an_identity_field_cannot_wait_in_the_pipeline_for_the_reload(
    service: Service, running: RunningGateway, make_settings: MakeSettings, line: bytes
) -> None:
    free = hold_first(service)
    client = await running.connect()
    await ask(client, "/nowhere", bearer(), FORGED, line)
    client.send(make_request("/api/1", bearer(), FORGED, line))
    await service.request()
    client.send(make_request("/api/2", bearer(), FORGED, line))
    await ask(await running.connect(), "/nowhere")

    await running.gateway.reload(make_settings(identity=NEW_FIELD))
    free.set()

    assert [(await read_answer(client)).status for _ in range(2)] == [200, 200]
    assert [request.has(b"x-tenant") for request in service.requests] == [True, False]


async def test_an_identity_field_cannot_wait_for_a_connection_during_the_reload(
    service: Service, make_settings: MakeSettings
) -> None:
    """Whoever holds all connections of a service chooses when the next request is sent."""
    upstream = {"max_connections": 1, "queue": {"timeout": "1h"}}
    free = hold_first(service)
    async with running_gateway(make_settings(upstream=upstream)) as running:
        first, second = await running.connect(), await running.connect()
        first.send(make_request("/api/1", bearer(), FORGED))
        await service.request()
        second.send(make_request("/api/2", bearer(), FORGED, b"X-Other: 1"))
        await until(lambda: running.metric("gateway_upstream_queued", upstream="main") == 1)

        await running.gateway.reload(make_settings(upstream=upstream, identity=NEW_FIELD))
        free.set()

        assert [(await read_answer(one)).status for one in (first, second)] == [200, 200]
    assert [request.has(b"x-tenant") for request in service.requests] == [True, False]
    assert service.requests[1].has(b"x-other")


# --- requests under way


async def test_a_request_in_flight_finishes_as_it_began(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    free = hold_first(service)
    client = await running.connect()
    client.send(make_request("/api/x", bearer()))
    await service.request()

    await running.gateway.reload(make_settings(routes=WITHOUT_API))
    free.set()
    answer = await read_answer(client)

    assert (answer.status, answer.body) == (200, b"held")
    assert not answer.has(b"connection")
    assert (await ask(client)).status == 404


async def test_an_upload_in_flight_arrives_whole(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    content = b"0123456789" * 1000
    request = make_request("/open/", method="POST", body=content)
    client.send(request[:-5000])
    await (await service.connection()).wait_for(lambda: b"0123456789" in service.received)

    await running.gateway.reload(make_settings(routes=WITHOUT_API, limits={"body": "1KiB"}))
    client.send(request[-5000:])

    assert (await read_answer(client)).status == 200
    assert service.requests[0].body == content


async def test_connections_of_the_former_pools_are_not_used_again(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    """The idle ones are closed at once, and the others once their answer is through."""
    free = hold_first(service)
    client = await running.connect()
    client.send(make_request("/api/x", bearer()))
    await service.request()
    await ask(await running.connect())
    assert len(service.connections) == 2

    await running.gateway.reload(make_settings())
    await service.connections[1].wait_end()
    assert not service.connections[0].has_ended
    free.set()
    await read_answer(client)
    await service.connections[0].wait_end()

    assert (await ask(client)).status == 200
    assert len(service.connections) == 3


async def test_a_request_in_flight_is_watched_by_the_time_limits_it_began_with(
    service: Service, make_settings: MakeSettings
) -> None:
    hold_first(service)
    impatient = make_settings(upstream={"response_timeout": "300ms"})
    async with running_gateway(impatient) as running:
        client = await running.connect()
        client.send(make_request("/api/x", bearer()))
        await service.request()

        await running.gateway.reload(make_settings(upstream={"response_timeout": "1h"}))

        assert (await read_answer(client)).status == 504


async def test_a_drain_after_a_reload_waits_for_requests_of_both_policies_and_no_longer(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    free = hold_first(service)
    client = await running.connect()
    client.send(make_request("/api/x", bearer()))
    await service.request()
    await running.gateway.reload(make_settings(drain="1h"))
    draining = asyncio.create_task(running.gateway.drain())
    await asyncio.sleep(0)

    free.set()
    answer = await read_answer(client)
    await client.wait_end()
    await asyncio.wait_for(draining, LIMIT_SECONDS)

    assert (answer.status, answer.one(b"connection")) == (200, b"close")


async def test_clients_lose_no_request_over_twenty_reloads(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    async def answer_slowly(service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            await asyncio.sleep(0)
            wire.send(make_answer(request.target))

    service.script = answer_slowly
    over = asyncio.Event()

    async def client_loop(number: int) -> int:
        client = await running.connect()
        count = 0
        while not over.is_set():
            target = f"/api/{number}/{count}"
            answer = await ask(client, target)
            assert (answer.status, answer.body) == (200, target.encode())
            count += 1
        return count

    clients = [asyncio.create_task(client_loop(number)) for number in range(4)]
    for _ in range(20):
        wanted = len(service.requests) + 4
        assert await running.gateway.reload(make_settings()) is None
        await service.request(wanted)
    over.set()
    counts = await asyncio.gather(*clients)

    assert len(service.requests) == sum(counts)
    assert running.metric("gateway_config_reloads_total", outcome="applied") == 20
    assert running.metric("gateway_decisions_total", route="api", reason="allow") == sum(counts)


async def test_a_handshake_that_outlasts_the_reload_is_served_by_the_new_policy(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "tls.pem")
    files = {"certificate": "tls.pem", "key": "tls.pem"}
    listen = {"address": "127.0.0.1:0", "tls": files}
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with running_gateway(make_settings(listen=listen)) as running:
        late, first = [await asyncio.open_connection(*running.address) for _ in range(2)]
        await first[1].start_tls(trust, server_hostname="127.0.0.1")  # so both were accepted

        await running.gateway.reload(make_settings(listen=listen, routes=STRICTER))
        await late[1].start_tls(trust, server_hostname="127.0.0.1")

        for reader, writer in (late, first):
            writer.write(make_request("/api/x", bearer()))
            assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
            writer.transport.abort()


# --- upstreams and keys


async def test_requests_go_to_the_new_servers(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    await ask(client)
    async with running_service() as other:
        await running.gateway.reload(make_settings([other.url]))

        assert (await ask(client)).status == 200
        assert (len(service.requests), len(other.requests)) == (1, 1)


async def test_good_keys_are_not_lost_where_the_source_is_gone(
    running: RunningGateway, make_settings: MakeSettings, tmp_path: Path
) -> None:
    client = await running.connect()
    assert (await ask(client)).status == 200
    settings = make_settings(routes=[*(dict(route) for route in ROUTES[:2])])
    (tmp_path / "keys.json").unlink()

    assert await running.gateway.reload(settings) is None

    assert (await ask(client)).status == 200
    assert running.gateway.ready().not_ready == ()


async def test_a_key_that_left_the_file_is_refused_after_the_reload(
    running: RunningGateway, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """What was remembered of a token's signature does not outlive its key."""
    client = await running.connect()
    assert (await ask(client)).status == 200
    settings = make_settings()
    other = ECAlgorithm.to_jwk(make_private("ES384").public_key(), as_dict=True)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{**other, "kid": "k2"}]}))

    await running.gateway.reload(settings)

    assert (await ask(client)).status == 401


async def test_a_key_that_is_withdrawn_during_the_reload_stays_withdrawn(
    make_settings: MakeSettings,
) -> None:
    """The reload waits for an issuer that hangs; the keys in hand at its start are old by then."""
    async with issuer_peer() as issuer, issuer_peer() as slow:
        issuer.answer = body(jwks(key(0)))
        main = issuer_section(issuer.url)
        async with running_gateway(make_settings(issuers={"main": main})) as running:
            assert await status(running, token(0)) == 200
            slow.answer, opened = gate(body(b""))
            other = issuer_section(slow.url, "https://slow.example/", required=False)
            settings = make_settings(issuers={"main": main, "slow": other})
            reloading = asyncio.create_task(running.gateway.reload(settings))
            await until(lambda: len(slow.paths) == 1)

            issuer.answer = body(jwks(key(1)))
            assert await status(running, token(1)) == 200
            assert await status(running, token(0)) == 401
            opened.set()
            assert await reloading is None

            assert await status(running, token(0)) == 401
            assert await status(running, token(1)) == 200
            assert len(issuer.paths) == 2


@pytest.mark.parametrize(("routes", "expected"), [(ROUTES, 200), (STRICTER, 403)])
async def test_a_request_that_waits_for_its_key_is_decided_by_the_new_policy(
    make_settings: MakeSettings, routes: list[Any], expected: int
) -> None:
    async with issuer_peer() as issuer:
        issuer.answer = body(jwks(key(0)))
        main = issuer_section(issuer.url)
        async with running_gateway(make_settings(issuers={"main": main})) as running:
            issuer.answer, opened = gate(body(jwks(key(1))))
            waiting = asyncio.create_task(status(running, token(1)))
            await until(lambda: len(issuer.paths) == 2)
            settings = make_settings(issuers={"main": main}, routes=[dict(one) for one in routes])
            reloading = asyncio.create_task(running.gateway.reload(settings))
            await until(lambda: is_live(running, settings))

            opened.set()

            assert await waiting == expected
            assert await reloading is None
            assert len(issuer.paths) == 2


async def test_a_reload_that_is_broken_off_changes_nothing(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    async with issuer_peer() as issuer:
        asked, free = asyncio.Event(), asyncio.Event()

        async def wait(request: web.Request) -> web.Response:
            asked.set()
            await free.wait()
            return web.Response()

        issuer.answer = wait
        slow = {"issuer": "https://slow.example/", "jwks_url": issuer.url, "audiences": ["a"]}
        settings = make_settings(issuers={"slow": slow})
        reloading = asyncio.create_task(running.gateway.reload(settings))
        await asked.wait()

        reloading.cancel()
        await asyncio.wait({reloading})

        assert (await running.ask(make_request("/api/x", bearer()))).status == 200
        free.set()


async def test_reloads_that_overlap_take_their_turns(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    wanted = [make_settings(routes=STRICTER), make_settings(routes=WITHOUT_API)]

    answers = await asyncio.gather(*(running.gateway.reload(each) for each in wanted))

    assert answers == [None, None]
    assert (await running.ask(make_request("/api/x", bearer()))).status == 404
    config = await config_of(running)
    assert config["live_hash"] == config["attempted_hash"] == wanted[1].digest
    assert config["last_error"] is None


# --- what cannot be, and what is said about it

FIXED: dict[str, Any] = {
    "listen": "127.0.0.1:1",
    "admin": False,
    "access_log": "stderr",
}


@pytest.mark.parametrize("name", FIXED)
async def test_what_only_a_restart_can_change_is_refused_and_named(
    running: RunningGateway, make_settings: MakeSettings, name: str
) -> None:
    live = (await running.gateway.status())["config"]
    settings = make_settings(routes=STRICTER, **{name: FIXED[name]})

    refusal = await running.gateway.reload(settings)

    assert refusal == f"`{name}` cannot change without a restart"
    assert (await running.ask(make_request("/api/x", bearer()))).status == 200
    assert isinstance(live, dict)
    config = await config_of(running)
    assert config["live_hash"] == live["live_hash"]
    assert config["attempted_hash"] == settings.digest
    assert (config["last_outcome"], config["last_error"]) == ("needs_restart", refusal)
    assert running.metric("gateway_config_reloads_total", outcome="needs_restart") == 1


async def test_counts_go_on_over_a_reload(
    running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    await ask(client)
    await running.gateway.reload(make_settings(routes=ROUTES[1:3]))
    await ask(client)

    assert running.metric("gateway_decisions_total", route="api", reason="allow") == 2
    assert running.metric("gateway_connections_open") == 1
    assert running.metric("gateway_upstream_connections_opened_total", upstream="main") == 2
    assert running.metric("gateway_issuer_key_fetches_total", issuer="main") == 2
    assert running.metric("gateway_token_memo_misses_total") == 2


async def test_a_loop_through_the_gateway_is_seen_after_a_reload_too(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    await ask(client, "/open/", b"Accept: */*")
    via = b"Via: " + service.requests[0].one(b"via")

    await running.gateway.reload(make_settings())

    assert (await ask(client, "/open/", via)).status == 400


async def test_request_ids_stay_unique_over_a_reload(
    service: Service, running: RunningGateway, make_settings: MakeSettings
) -> None:
    client = await running.connect()
    for _ in range(3):
        await ask(client)
        await running.gateway.reload(make_settings())

    ids = {request.one(b"x-request-id") for request in service.requests}
    assert len(ids) == 3
