"""The metadata of a resource is there for everybody, and no service sees who asks for it."""

import json
import ssl
from pathlib import Path

import pytest
import trustme

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, load, make_token, write_config
from tests.proxy.handshakes import UPGRADE
from tests.proxy.hostile import answers_until_end, pour, reason
from tests.proxy.listener.test_listener import authority, connect_tls, tls_listen
from tests.proxy.messages import Message, make_chunked, make_request, read_answer
from tests.proxy.recording.test_record import Log, log
from tests.proxy.resources import (
    DOCUMENT,
    HOST,
    METADATA,
    RESOURCES,
    ROUTES,
    SECTIONS,
    WELL_KNOWN,
    route,
)
from tests.proxy.service import Service

__all__ = ["authority", "log"]  # fixtures

PATH = f"{WELL_KNOWN}/api"
ASK = make_request(PATH, host=HOST)
PROTECTED = make_request("/api/orders", host=HOST)


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(**SECTIONS)


def assert_published(answer: Message) -> None:
    assert answer.status == 200
    assert answer.one(b"content-type") == b"application/json"
    assert json.loads(answer.body) == DOCUMENT


async def test_metadata_is_there_without_a_token(service: Service, gateway: RunningGateway) -> None:
    """9728.1, 9728.2, 9728.3: the identifier as it was configured, and nothing that is empty."""
    assert_published(await gateway.ask(ASK))
    assert service.connections == []


async def test_metadata_answers_head(gateway: RunningGateway) -> None:
    """9728.1, 9110.10: the connection goes on behind it."""
    wire = await gateway.connect()
    wire.send(make_request(PATH, host=HOST, method="HEAD") + ASK)

    head = await read_answer(wire, is_head=True)

    assert head.status == 200
    whole = await read_answer(wire)
    assert_published(whole)
    changing = {b"x-request-id", b"date"}
    assert [one for one in head.fields if one[0].lower() not in changing] == [
        one for one in whole.fields if one[0].lower() not in changing
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_metadata_can_only_be_read(
    method: str, service: Service, gateway: RunningGateway
) -> None:
    """9728.1, 9110.13: other methods are 405, and no route is tried for them."""
    wire = await gateway.connect()
    wire.send(make_request(PATH, bearer(), host=HOST, method=method, body=b"12345") + ASK)

    refused = await read_answer(wire)

    assert (refused.status, reason(refused)) == (405, "method_not_allowed")
    assert refused.one(b"allow") == b"GET, HEAD"
    assert not refused.has(b"www-authenticate")
    assert_published(await read_answer(wire))
    assert service.connections == []


@pytest.mark.parametrize(
    "lines",
    [
        [bearer()],
        [bearer(make_token(exp=1))],
        [b"Authorization: Bearer x"],
        [bearer(), bearer()],
        [b"Authorization: Basic eDp5"],
    ],
)
async def test_credentials_with_a_request_for_metadata_are_ignored(
    lines: list[bytes], gateway: RunningGateway
) -> None:
    """9728.1."""
    assert_published(await gateway.ask(make_request(PATH, *lines, host=HOST)))


@pytest.mark.parametrize(
    "request_bytes",
    [
        make_request(f"{PATH}?resource=x&access_token=y", host=HOST),
        make_request(PATH, host=f"{HOST}:8443"),
        make_request(PATH, host="API.Example.com."),
        make_request(f"http://{HOST}{PATH}", host="elsewhere.example.com"),
        make_request(PATH, "Range: bytes=0-3", 'If-None-Match: "a"', host=HOST),
        make_request(PATH, "MCP-Protocol-Version: 2026-07-28", "Origin: https://x.y", host=HOST),
    ],
    ids=["query", "port", "case", "absolute", "range", "browser"],
)
async def test_how_it_is_asked_for_makes_no_difference(
    request_bytes: bytes, gateway: RunningGateway
) -> None:
    """9728.1."""
    assert_published(await gateway.ask(request_bytes))


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (PATH, "other.example.com"),
        (PATH, f"x.{HOST}"),
        (WELL_KNOWN, HOST),
        (f"{PATH}/", HOST),
        (f"{PATH}/orders", HOST),
        ("/.well-known/oauth%2Dprotected-resource/api", HOST),
        ("/.Well-Known/oauth-protected-resource/api", HOST),
    ],
)
async def test_metadata_has_no_other_path(target: str, host: str, gateway: RunningGateway) -> None:
    answer = await gateway.ask(make_request(target, host=host))

    assert (answer.status, reason(answer)) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("request_bytes", "stays"),
    [
        (make_request(PATH, host=HOST, body=b"12345"), True),
        (make_request(PATH, host=HOST, body=b"x" * 65536), True),
        (make_request(PATH, host=HOST, body=b"x" * 65537), False),
        (
            make_request(PATH, "Transfer-Encoding: chunked", host=HOST) + make_chunked(b"a", b"bc"),
            False,
        ),
    ],
    ids=["short", "long", "too long", "chunked"],
)
async def test_the_body_of_a_request_for_metadata_is_ignored(
    request_bytes: bytes, stays: bool, service: Service, gateway: RunningGateway
) -> None:
    """It is dropped, as behind a refusal, and never read as the next request (RFC 9112 §9.3)."""
    wire = await gateway.connect()
    wire.send(request_bytes)
    assert_published(await read_answer(wire))

    await pour(wire, ASK + make_request("/x", "Connection: close"))

    rest = await answers_until_end(wire)
    assert [answer.status for answer in rest] == ([200, 404] if stays else [])
    assert service.connections == []


async def test_a_body_that_waits_to_be_asked_for_is_not_asked_for(
    gateway: RunningGateway,
) -> None:
    """9110.7: nobody would read it, so the connection ends."""
    wire = await gateway.connect()
    lines = ("Expect: 100-continue", "Content-Length: 5")
    wire.send(make_request(PATH, *lines, host=HOST))

    [answer] = await answers_until_end(wire)

    assert_published(answer)
    assert answer.one(b"connection") == b"close"


async def test_metadata_is_sent_in_the_order_of_the_requests(
    service: Service, gateway: RunningGateway
) -> None:
    """Between other requests of a pipeline."""
    wire = await gateway.connect()
    allowed = make_request("/api/orders", bearer(), host=HOST)
    wire.send(ASK + PROTECTED + allowed + ASK + allowed + ASK)

    answers = [await read_answer(wire) for _ in range(6)]

    assert [answer.status for answer in answers] == [200, 401, 200, 200, 200, 200]
    for index in (0, 3, 5):
        assert_published(answers[index])
    assert [request.target for request in service.requests] == [b"/api/orders"] * 2
    ids = [answer.one(b"x-request-id") for answer in answers if answer.has(b"x-request-id")]
    assert len(set(ids)) == len(ids) >= 4


async def test_metadata_is_sent_however_the_request_is_cut(gateway: RunningGateway) -> None:
    wire = await gateway.connect()

    await pour(wire, ASK + ASK, bytewise=True)

    for _ in range(2):
        assert_published(await read_answer(wire))


async def test_a_client_of_http_1_0_can_read_it_too(gateway: RunningGateway) -> None:
    wire = await gateway.connect()
    wire.send(make_request(PATH, host=HOST, version="1.0"))

    [answer] = await answers_until_end(wire)

    assert_published(answer)
    assert answer.one(b"connection") == b"close"


async def test_a_request_for_metadata_is_not_upgraded(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.8."""
    wire = await gateway.connect()
    wire.send(make_request(PATH, *UPGRADE, host=HOST))

    [answer] = await answers_until_end(wire)

    assert_published(answer)
    assert service.connections == []


async def test_no_route_hides_metadata(service: Service, start_gateway: StartGateway) -> None:
    """9728.1: a service that publishes metadata of its own does not know what the gateway asks."""
    everything = {
        "name": "everything",
        "match": {"path_prefix": "/"},
        "upstream": "main",
        "public": True,
    }
    own = {**everything, "name": "own", "match": {"path": PATH, "hosts": [HOST]}}
    gateway = await start_gateway(**SECTIONS | {"routes": [*ROUTES, everything, own]})

    wire = await gateway.connect()
    for target in (PATH, "/x", PATH):  # also where a route was remembered before
        wire.send(make_request(target, host=HOST))
    answers = [await read_answer(wire) for _ in range(3)]

    assert_published(answers[0])
    assert answers[1].body == b"hello"
    assert_published(answers[2])
    assert [request.target for request in service.requests] == [b"/x"]


async def test_metadata_is_recorded_as_a_request_without_a_route(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(**SECTIONS, access_log="stdout")
    answer = await gateway.ask(make_request(f"{PATH}?a=b", bearer(), host=HOST))
    await gateway.ask(make_request(PATH, host=HOST, method="HEAD"), is_head=True)
    await gateway.ask(make_request(PATH, host=HOST, method="POST", body=b"12345"))

    allowed = gateway.metric("gateway_decisions_total", route="", reason="allow")
    refused = gateway.metric("gateway_decisions_total", route="", reason="method_not_allowed")
    counted = gateway.metric(
        "http_server_request_duration_seconds_count",
        http_route="",
        http_request_method="GET",
        http_response_status_code="200",
    )
    first, second, third = await log.lines(gateway)
    assert (allowed, refused, counted) == (2, 1, 1)
    assert first["id"] == answer.one(b"x-request-id").decode()
    assert (first["host"], first["path"], first["status"]) == (HOST, PATH, 200)
    assert [first[key] for key in ("route", "upstream", "reason", "detail", "upstream_ms")] == (
        [None] * 5
    )
    assert (first["subject"], first["issuer"]) == (None, None)
    assert first["sent_bytes"] == len(answer.body)
    assert (second["status"], second["sent_bytes"]) == (200, 0)
    assert (third["status"], third["reason"]) == (405, "method_not_allowed")


async def test_it_is_served_over_tls(
    start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    """9728.5."""
    gateway = await start_gateway(**SECTIONS, listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    wire = await connect_tls(gateway, context)

    wire.send(ASK + PROTECTED)

    assert_published(await read_answer(wire))
    challenge = (await read_answer(wire)).one(b"www-authenticate")
    assert f'resource_metadata="{METADATA}"'.encode() in challenge


async def test_a_reload_publishes_what_is_configured_then(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    """On connections that are open, too: the next request is decided by the new configuration."""
    wire = await gateway.connect()
    wire.send(ASK)
    assert_published(await read_answer(wire))
    renamed = {"api": {**RESOURCES["api"], "name": "Other orders"}}
    changes = SECTIONS | {"resources": renamed}
    for sections, seen in (
        (changes, {**DOCUMENT, "resource_name": "Other orders"}),
        (SECTIONS | {"resources": {}}, None),
        (SECTIONS, DOCUMENT),
    ):
        settings = load(write_config(tmp_path, [service.url], sections))
        assert await gateway.gateway.reload(settings) is None

        wire.send(ASK + PROTECTED)
        answer, refused = await read_answer(wire), await read_answer(wire)

        assert (json.loads(answer.body) if answer.status == 200 else None) == seen
        assert (b"resource_metadata" in refused.one(b"www-authenticate")) is (seen is not None)


async def test_each_resource_has_a_document_of_its_own(start_gateway: StartGateway) -> None:
    """9728.1: for a bare host the slash behind it is left out."""
    resources = {
        **RESOURCES,
        "all": {"resource": f"https://{HOST}/", "authorization_servers": ["main"]},
        "old": {
            "resource": f"https://{HOST}/api/old/",
            "authorization_servers": ["main"],
            "scopes": ["old"],
            "documentation": "https://docs.example.com/old",
        },
    }
    routes = [*ROUTES, route("old", "/api/old/")]
    gateway = await start_gateway(**SECTIONS | {"resources": resources, "routes": routes})

    found = {
        path: json.loads((await gateway.ask(make_request(path, host=HOST))).body)
        for path in (WELL_KNOWN, PATH, f"{WELL_KNOWN}/api/old/")
    }

    server = DOCUMENT["authorization_servers"]
    assert found == {
        WELL_KNOWN: {
            "resource": f"https://{HOST}/",
            "authorization_servers": server,
            "scopes_supported": ["api:read"],
            "bearer_methods_supported": ["header"],
        },
        PATH: DOCUMENT,
        f"{WELL_KNOWN}/api/old/": {
            "resource": f"https://{HOST}/api/old/",
            "authorization_servers": server,
            "scopes_supported": ["old"],
            "bearer_methods_supported": ["header"],
            "resource_documentation": "https://docs.example.com/old",
        },
    }
