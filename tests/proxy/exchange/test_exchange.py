"""One request on its way, judged by what the upstream saw."""

from pathlib import Path

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import (
    ISSUER,
    RunningGateway,
    bearer,
    load,
    running_gateway,
    write_config,
)
from tests.proxy.messages import (
    make_request,
    read_answer,
)
from tests.proxy.service import Script, Service, echo, running_service
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint


async def test_an_allowed_request_reaches_the_upstream_and_its_response_the_client(
    service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request("/api/orders?page=2", bearer()))

    assert (answer.status, answer.body) == (200, b"hello")
    assert [request.start for request in service.requests] == [b"GET /api/orders?page=2 HTTP/1.1"]


REFUSED = {
    "no_token": (make_request("/api/x"), 401, "token_missing"),
    "bad_token": (make_request("/api/x", bearer(b"a.b.c")), 401, "token_malformed"),
    "two_tokens": (make_request("/api/x", bearer(), bearer()), 400, "token_repeated"),
    "little_scope": (make_request("/admin/x", bearer()), 403, "scope_missing"),
    "no_route": (make_request("/elsewhere"), 404, "route_not_found"),
    "bad_path": (make_request("/open/../admin/x"), 400, "path_rejected"),
    "connect": (make_request("a:443", method="CONNECT"), 501, "not_supported"),  # 9110.11
    "trace": (make_request("/open/", method="TRACE"), 501, "not_supported"),  # 9110.5
    "long_target": (make_request("/open/" + "x" * 8200), 414, "target_too_long"),  # 9112.14
}


@pytest.mark.parametrize(("request_bytes", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_a_refused_request_never_reaches_the_upstream(
    service: Service, gateway: RunningGateway, request_bytes: bytes, status: int, code: str
) -> None:
    answer = await gateway.ask(request_bytes)

    assert answer.status == status
    assert f'"reason": "{code}"'.encode() in answer.body
    assert service.received == b""


async def test_a_refusal_of_a_whole_request_keeps_the_connection(client: Wire) -> None:
    for status in (401, 200):
        client.send(make_request("/api/x", *([bearer()] if status == 200 else [])))
        assert (await read_answer(client)).status == status


# --- Expect: 100-continue

EXPECT = "Expect: 100-continue"


async def test_the_body_is_asked_for_once_the_request_is_allowed(
    service: Service, client: Wire
) -> None:
    service.script = echo
    client.send(make_request("/api/x", bearer(), EXPECT, "Content-Length: 4", method="POST"))

    assert (await read_answer(client)).status == 100
    client.send(b"body")

    assert (await read_answer(client)).body == b"/api/x body"
    assert not service.requests[0].has(b"expect")


@pytest.mark.parametrize("lines", [(), (bearer(b"a.b.c"),)])
async def test_the_body_of_a_refused_request_is_never_asked_for(
    service: Service, client: Wire, lines: tuple[bytes, ...]
) -> None:
    client.send(make_request("/api/x", *lines, EXPECT, "Content-Length: 4", method="POST"))

    assert (await read_answer(client)).status == 401
    await client.wait_end()
    assert b"100 Continue" not in client.received
    assert service.received == b""


async def test_a_body_that_has_arrived_is_not_asked_for(service: Service, client: Wire) -> None:
    client.send(make_request("/open/", EXPECT, method="POST", body=b"body"))

    assert (await read_answer(client)).status == 200
    assert service.requests[0].body == b"body"


async def test_other_expectations_are_ignored(service: Service, client: Wire) -> None:
    """Expect: y 100-continue."""
    client.send(make_request("/open/", "Expect: y 100-continue", method="POST", body=b"body"))

    assert (await read_answer(client)).status == 200
    assert not service.requests[0].has(b"expect")


async def test_an_expectation_in_http_1_0_is_ignored(service: Service, client: Wire) -> None:
    """9110.7: a client of HTTP/1.0 does not know interim answers."""
    head = make_request("/open/", EXPECT, "Content-Length: 4", method="POST", version="1.0")
    client.send(head)
    peer = await service.connection()
    await peer.wait_for(lambda: b"\r\n\r\n" in peer.received)
    assert not client.received
    client.send(b"body")

    assert (await client.read_until(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"


# --- keys that are not at hand


async def test_a_token_with_an_unknown_key_id_is_refused_after_asking(
    service: Service, gateway: RunningGateway
) -> None:
    """8725.8: the key id is nothing but a name."""
    token = mint(make_private("ES256"), "ES256", {"iss": ISSUER}, kid="../../etc/passwd")

    answer = await gateway.ask(make_request("/api/x", bearer(token)))

    assert answer.status == 401
    assert b'"key_unknown"' in answer.body
    assert service.received == b""


async def test_an_issuer_without_keys_is_503_and_not_the_clients_fault(
    service: Service, start_gateway: StartGateway
) -> None:
    """Fail closed, and do not send people back to log in."""
    gateway = await start_gateway(
        issuers={
            "main": {
                "issuer": "https://login.example.com/",
                "jwks_url": "http://127.0.0.1:1/keys",
                "audiences": ["orders-api"],
                "algorithms": ["ES256"],
            }
        }
    )

    answer = await gateway.ask(make_request("/api/x", bearer()))

    assert answer.status == 503
    assert b'"keys_unavailable"' in answer.body
    assert int(answer.one(b"retry-after")) > 0
    assert service.received == b""


# --- Authorization (MCP.1: a token is not passed through)

FORWARDED = [
    ("/open/", bearer(), False, []),
    ("/open/", b"Authorization: Basic YTpi", False, [b"Basic YTpi"]),
    ("/open/", b"Authorization: Basic YTpi, Bearer abc", False, []),
    ("/open/", b"Authorization: Basic YTpi,\tbEARER abc", False, []),
    ("/open/", b"Authorization: bEaReR x", False, []),
    ("/api/x", bearer(), False, []),
    ("/api/x", bearer(), True, [bearer().partition(b": ")[2]]),
]


@pytest.mark.parametrize("case", FORWARDED)
async def test_the_authorization_field_is_removed_unless_it_is_meant_for_the_upstream(
    service: Service, start_gateway: StartGateway, case: tuple[str, bytes, bool, list[bytes]]
) -> None:
    target, line, forward_token, expected = case
    gateway = await start_gateway(identity={"forward_token": forward_token})

    assert (await gateway.ask(make_request(target, line))).status == 200

    assert service.requests[0].all(b"authorization") == expected


async def test_every_request_gets_an_id_of_the_gateway(
    service: Service, gateway: RunningGateway
) -> None:
    for _ in range(2):
        await gateway.ask(make_request("/open/", "X-Request-Id: forged", "x-request-id: again"))
    refused = await gateway.ask(make_request("/api/x"))

    ids = [request.one(b"x-request-id") for request in service.requests]
    ids.append(refused.one(b"x-request-id"))
    assert len(set(ids)) == 3
    assert not any(b"forged" in name or b"again" in name for name in ids)
    assert b'"instance": "' + ids[2] + b'"' in refused.body


def never() -> Script:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    return script


async def test_requests_in_flight_are_counted(service: Service, gateway: RunningGateway) -> None:
    service.script = never()
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()

    assert gateway.metric("http_server_active_requests") == 1


async def test_each_server_gets_its_own_name(tmp_path: Path) -> None:
    routes = [
        {
            "name": "all",
            "match": {"path_prefix": "/"},
            "upstream": "main",
            "public": True,
            "rewrite": {"host": "upstream"},
        }
    ]
    async with running_service() as first, running_service() as second:
        path = write_config(tmp_path, [first.url, second.url], {"routes": routes})
        async with running_gateway(load(path)) as gateway:
            for _ in range(2):
                await gateway.ask(make_request("/x"))

        for service in (first, second):
            (request,) = service.requests
            assert request.one(b"host") == "{}:{}".format(*service.address).encode()
