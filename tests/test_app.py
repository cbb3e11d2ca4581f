"""The whole gateway: its parts start and stop in order, and its status is shown."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from tests.keyring.peers import body, gate, issuer_peer, until
from tests.proxy.fake_logins import FakeLogins, login_sections
from tests.proxy.gateways import (
    ROUTES,
    RunningGateway,
    bearer,
    good_token,
    load,
    running_gateway,
    write_config,
)
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import connect

UNREACHABLE = {
    "main": {
        "issuer": "https://login.example.com/",
        "jwks_url": "http://127.0.0.1:1/keys",
        "audiences": ["orders-api"],
        "algorithms": ["ES256"],
    }
}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


async def ask_admin(
    gateway: RunningGateway, path: str, question: dict[str, Any] | None = None
) -> Message:
    address = gateway.gateway.admin_address
    assert address is not None
    wire = await connect(address)
    lines, host = ["Connection: close"], f"{address[0]}:{address[1]}"
    if question is None:
        wire.send(make_request(path, *lines, host=host))
    else:
        lines.append("Content-Type: application/json")
        body = json.dumps(question).encode()
        wire.send(make_request(path, *lines, host=host, method="POST", body=body))
    answer = await read_answer(wire)
    wire.transport.abort()
    return answer


async def status_of(gateway: RunningGateway) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((await ask_admin(gateway, "/status")).body)
    return parsed


async def test_a_gateway_is_ready_once_it_has_keys(service: Service, tmp_path: Path) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        assert gateway.gateway.ready().not_ready == ()
        assert (await ask_admin(gateway, "/readyz")).status == 200
        assert (await ask_admin(gateway, "/livez")).status == 200
        assert (await gateway.ask(make_request("/api/x", bearer()))).status == 200


async def test_a_gateway_without_keys_lives_and_is_not_ready(
    service: Service, tmp_path: Path
) -> None:
    """It starts all the same: public routes serve, protected ones fail closed."""
    path = write_config(tmp_path, [service.url], {"issuers": UNREACHABLE})
    async with running_gateway(load(path)) as gateway:
        assert gateway.gateway.ready().not_ready == ("no keys of issuer main",)
        assert (await ask_admin(gateway, "/readyz")).status == 503
        assert (await ask_admin(gateway, "/livez")).status == 200
        assert (await gateway.ask(make_request("/open/"))).status == 200
        assert (await gateway.ask(make_request("/api/x", bearer()))).status == 503


async def test_a_gateway_is_not_ready_before_it_takes_connections(
    service: Service, tmp_path: Path
) -> None:
    """Its start waits for an issuer that hangs, for whose keys it need not be ready."""
    async with issuer_peer() as issuer:
        issuer.answer, opened = gate(body(b""))
        issuers = {"main": {**UNREACHABLE["main"], "jwks_url": issuer.url, "mode": "report"}}
        gateway = Gateway(load(write_config(tmp_path, [service.url], {"issuers": issuers})))
        starting = asyncio.create_task(gateway.start())
        await until(lambda: len(issuer.paths) == 1)
        assert gateway.ready().not_ready == ("starting",)

        opened.set()
        await starting

        assert gateway.ready().not_ready == ()
        await gateway.stop()


async def test_an_issuer_that_only_reports_keeps_no_traffic_away(
    service: Service, tmp_path: Path
) -> None:
    """Without its keys nobody is refused, so the gateway is as ready as without it."""
    issuers = {"main": {**UNREACHABLE["main"], "mode": "report"}}
    async with running_gateway(
        load(write_config(tmp_path, [service.url], {"issuers": issuers}))
    ) as gateway:
        assert gateway.gateway.ready().not_ready == ()
        assert (await ask_admin(gateway, "/readyz")).status == 200
        assert (await status_of(gateway))["report_only"] == {"routes": [], "issuers": ["main"]}
        assert (await gateway.ask(make_request("/api/x", bearer()))).status == 200


async def test_a_draining_gateway_is_alive_and_not_ready(service: Service, tmp_path: Path) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        await gateway.gateway.drain()

        assert (await ask_admin(gateway, "/readyz")).status == 503
        assert (await ask_admin(gateway, "/livez")).status == 200
        assert (await status_of(gateway))["draining"] is True


async def test_status_tells_what_runs(service: Service, tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, [service.url], {}))
    async with running_gateway(settings) as gateway:
        client = await gateway.connect()
        for _ in range(3):
            client.send(make_request("/api/x", bearer()))
            await read_answer(client)

        status = await status_of(gateway)

    config = status["config"]
    assert config["live_hash"] == config["attempted_hash"] == settings.digest
    assert config["last_error"] is None
    assert config["last_success_at"] == status["started_at"]
    assert status["draining"] is False
    assert status["report_only"] == {"routes": [], "issuers": []}
    (upstream,) = status["upstreams"]
    assert (upstream["name"], upstream["opened"], upstream["reused"]) == ("main", 1, 2)
    (server,) = upstream["servers"]
    assert (server["server"], server["requests"]) == (service.url.removeprefix("http://"), 3)
    (address,) = server["addresses"]
    assert (address["address"], address["state"]) == ("127.0.0.1", "up")
    assert status["connections"] == {"open": 1, "requests_in_flight": 0, "tunnels": 0}
    (issuer,) = status["issuers"]
    assert (issuer["name"], issuer["loaded"], issuer["kids"]) == ("main", True, ["k1"])
    assert (issuer["stale"], issuer["failures_in_a_row"]) == (False, 0)
    assert issuer["age_seconds"] < issuer["age_limit_seconds"] == 3900.0


async def test_metrics_are_served_and_have_no_token(service: Service, tmp_path: Path) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        await gateway.ask(make_request("/api/x", bearer()))
        await gateway.ask(make_request("/api/x", bearer(b"eyJ.eyJ.x")))

        text = (await ask_admin(gateway, "/metrics")).body.decode()

    assert 'gateway_decisions_total{reason="allow",route="api"} 1.0' in text
    assert 'gateway_decisions_total{reason="token_malformed",route="api"} 1.0' in text
    assert "eyJ" not in text


async def test_the_admin_port_can_be_off(service: Service, tmp_path: Path) -> None:
    path = write_config(tmp_path, [service.url], {"admin": False})
    async with running_gateway(load(path)) as gateway:
        assert gateway.gateway.admin_address is None
        assert (await gateway.ask(make_request("/open/"))).status == 200


async def test_the_data_port_serves_nothing_of_the_admin_port(
    service: Service, tmp_path: Path
) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        for path in ("/metrics", "/status", "/livez", "/readyz", "/"):
            assert (await gateway.ask(make_request(path))).status == 404


@pytest.mark.parametrize("taken", ["listen", "admin"])
async def test_an_address_that_is_taken_is_an_error_of_the_system(
    tmp_path: Path, taken: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = "{}:{}".format(*other.getsockname())
        path = write_config(tmp_path, ["http://127.0.0.1:1"], {taken: address})
        gateway = Gateway(load(path))

        with pytest.raises(OSError, match="in use"):
            await gateway.start()
        await gateway.stop()


async def test_stopping_frees_the_addresses(service: Service, tmp_path: Path) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        addresses = [gateway.address, gateway.gateway.admin_address]
        await gateway.stop()

        for address in addresses:
            assert address is not None
            with pytest.raises(ConnectionRefusedError):
                await connect(address)


# --- explanations


async def explained(gateway: RunningGateway, **question: Any) -> dict[str, Any]:
    answer = await ask_admin(gateway, "/explain", question)
    assert answer.status == 200, answer
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


async def test_the_admin_port_explains_what_the_data_port_does(
    service: Service, tmp_path: Path
) -> None:
    """Law 9, once more: to the letter, but for the id of the request."""
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        token = good_token().decode()
        url = "http://gateway.test/api/x?y"
        told = await explained(gateway, url=url, token=token, client="127.0.0.1")
        answer = await gateway.ask(make_request("/api/x?y", bearer()))

    sent = service.received.decode()
    request_id = service.requests[0].one(b"x-request-id").decode()
    assert answer.status == 200
    assert told["verdict"] == "allow"
    assert told["forwarded"] == sent.replace(request_id, "xxxxxxxxxxxxxx-xxxxxxxxx")
    assert token.split(".")[1] not in json.dumps(told)


async def test_a_reload_changes_what_is_explained(service: Service, tmp_path: Path) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        before = await explained(gateway, url="http://gateway.test/open/x")
        closed = [dict(route) for route in ROUTES if route["name"] != "open"]
        path = write_config(tmp_path, [service.url], {"routes": closed})
        assert await gateway.gateway.reload(load(path)) is None
        after = await explained(gateway, url="http://gateway.test/open/x")

    assert [before["verdict"], after["reason"]] == ["allow", "route_not_found"]


async def test_what_is_explained_has_no_field_that_a_former_configuration_wrote_about_callers(
    service: Service, tmp_path: Path
) -> None:
    """The data port drops it, too, for services that still read it."""
    former = write_config(tmp_path, [service.url], {"identity": {"headers": {"X-Tenant": "sub"}}})
    async with running_gateway(load(former)) as gateway:
        path = write_config(tmp_path, [service.url], {})
        assert await gateway.gateway.reload(load(path)) is None
        headers = {"X-Tenant": "forged", "X-Gateway-Foo": "forged", "X-Open": "kept"}
        told = await explained(gateway, url="http://gateway.test/open/x", headers=headers)

    assert "forged" not in told["forwarded"]
    assert "X-Open: kept" in told["forwarded"]


async def test_what_is_explained_has_no_cookie_of_a_login_that_is_gone(
    service: Service, tmp_path: Path
) -> None:
    """The data port drops it, too, as long as browsers may still have it."""
    former = load(write_config(tmp_path, [service.url], login_sections()))
    async with running_gateway(former, make_logins=lambda _: FakeLogins()) as gateway:
        path = write_config(tmp_path, [service.url], {})
        assert await gateway.gateway.reload(load(path)) is None
        headers = {"Cookie": "a=1; __Host-session=secret"}
        told = await explained(gateway, url="http://gateway.test/open/x", headers=headers)

    assert "Cookie: a=1\r\n" in told["forwarded"]


@pytest.mark.parametrize("target", ["stdout", "none"])
async def test_refusals_are_remembered_whether_they_are_logged_or_not(
    service: Service, tmp_path: Path, target: str
) -> None:
    trial = {"name": "trial", "match": {"path": "/trial"}, "upstream": "main", "mode": "report"}
    changes = {"access_log": target, "routes": [*ROUTES, {**trial, "require": {"scopes": ["x"]}}]}
    requests = [
        make_request("/api/x?secret=1"),
        make_request("/nowhere"),
        make_request("/trial", bearer()),
        make_request("/admin/", bearer()),
        b"nonsense\r\n\r\n",
    ]
    async with running_gateway(load(write_config(tmp_path, [service.url], changes))) as gateway:
        shown = []
        for request in requests:
            answer = await gateway.ask(request)
            request_id = answer.all(b"x-request-id") or service.requests[-1].all(b"x-request-id")
            found = await ask_admin(gateway, f"/decisions/{request_id[0].decode()}")
            shown.append(json.loads(found.body))
        allowed = await gateway.ask(make_request("/open/x"))
        request_id = service.requests[-1].all(b"x-request-id")
        unknown = await ask_admin(gateway, f"/decisions/{request_id[0].decode()}")

    assert [(one["path"], one["route"], one["reason"], one["would_deny"]) for one in shown] == [
        ("/api/x", "api", "token_missing", None),
        ("/nowhere", None, "route_not_found", None),
        ("/trial", "trial", None, "scope_missing"),
        ("/admin/", "admin", "scope_missing", None),
        (None, None, "request_malformed", None),
    ]
    assert (allowed.status, unknown.status) == (200, 404)
    assert not [part for part in good_token().decode().split(".") if part in json.dumps(shown)]


async def test_a_refusal_with_a_very_long_path_is_not_remembered(
    service: Service, tmp_path: Path
) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        for target in ("/api/" + "x" * 3000, "/nowhere/" + "x" * 3000):
            answer = await gateway.ask(make_request(target))
            request_id = answer.one(b"x-request-id").decode()
            assert (await ask_admin(gateway, f"/decisions/{request_id}")).status == 404
