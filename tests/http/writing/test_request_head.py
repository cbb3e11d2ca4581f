"""The head that a service gets: verified identity, nothing forged, nothing of this connection."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.field_collector import FieldCollector
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import RequestNames, without_named
from gateway.http.reading.request import Request
from gateway.http.reading.usual_names import USUAL_IN_REQUESTS
from gateway.http.writing.request_head import render_request_trailers
from gateway.settings.values.configuration import Limits
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ROUTES, RunningGateway, bearer, load, make_token, write_config
from tests.proxy.messages import make_chunked, make_request, read_answer
from tests.proxy.service import Service

LIMITS = Limits(
    head_bytes=8192, head_fields=100, target_bytes=100, body_bytes=None, connections=10
)  # fmt: skip

IDENTITY = {
    b"X-Gateway-Subject": b"alice",
    b"X-Gateway-Issuer": b"https://login.example.com/",
    b"X-Gateway-Client": b"shop",
    b"X-Gateway-Scopes": b"api:read",
    b"X-Gateway-Token-Id": b"token-1",
}

FORGED = [
    "X-Gateway-Subject: forged",
    "x-gateway-subject: forged",
    "X_Gateway_Subject: forged",
    "X-Gateway_Subject: forged",
    "X.Gateway.Subject: forged",
    "X~Gateway!Subject: forged",
    "X-GATEWAY-SCOPES: forged",
    "x_gateway_token_id: forged",
]


async def test_a_service_learns_who_is_calling(service: Service, gateway: RunningGateway) -> None:
    await gateway.ask(make_request("/api/x", bearer()))

    request = service.requests[0]
    assert {name: request.all(name) for name in IDENTITY} == {
        name: [value] for name, value in IDENTITY.items()
    }


@pytest.mark.parametrize("line", FORGED)
@pytest.mark.parametrize("target", ["/open/x", "/maybe/x", "/api/x"])
async def test_a_forged_identity_never_arrives(
    service: Service, gateway: RunningGateway, target: str, line: str
) -> None:
    """9700.1, CVE-2025-64484, CVE-2026-39858, CVE-2026-44087: on public routes too."""
    lines = [line] if target != "/api/x" else [line, bearer()]

    assert (await gateway.ask(make_request(target, *lines))).status == 200

    assert b"forged" not in service.received
    expected = [b"alice"] if target == "/api/x" else []
    assert service.requests[0].all(b"x-gateway-subject") == expected


@pytest.mark.parametrize("missing", ["sub", "client_id", "jti"])
async def test_a_claim_that_is_not_there_leaves_no_room_for_a_forged_one(
    service: Service, gateway: RunningGateway, missing: str
) -> None:
    """CVE-2026-30851."""
    token = make_token("api:read", **{missing: None})

    await gateway.ask(make_request("/api/x", bearer(token), *FORGED))

    assert b"forged" not in service.received


@pytest.mark.parametrize(
    "named",
    [
        "close, X-Gateway-Subject",
        "X-Gateway-Subject",
        "x-forwarded-for, X-Request-Id, via, forwarded, host",
        "X-Gateway-Subject, X-Gateway-Scopes, X-Gateway-Issuer, X-Forwarded-Proto",
    ],
)
async def test_the_connection_field_cannot_name_what_the_gateway_adds(
    service: Service, gateway: RunningGateway, named: str
) -> None:
    """9110.1, CVE-2024-45410, CVE-2022-31813."""
    await gateway.ask(make_request("/api/x", bearer(), f"Connection: {named}"))

    request = service.requests[0]
    for name, value in IDENTITY.items():
        assert request.one(name) == value
    for name in (b"x-forwarded-for", b"x-request-id", b"via", b"forwarded", b"host"):
        assert request.one(name)


async def test_fields_of_the_clients_connection_are_not_passed_on(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.1, 9110.2, 9110.12."""
    hop_by_hop = ["Keep-Alive: 5", "Proxy-Connection: close", "TE: trailers", "Trailer: X",
                  "Proxy-Authorization: Basic x", "Proxy-Authenticate: Basic",
                  "HTTP2-Settings: AAA", "Connection: X-One", "connection: x-two",
                  "X-One: 1", "X-Two: 2", "X-Three: 3"]  # fmt: skip
    await gateway.ask(make_request("/open/", *hop_by_hop))

    names = {name.lower() for name, _ in service.requests[0].fields}
    assert names == {
        *(b"host", b"x-three", b"x-request-id", b"via", b"forwarded"),
        *(b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-User",
        "X-Envoy-Original-Path",
        "X-Real-IP",
        "X-HTTP-Method-Override",
        "X_Anything",
    ],
)
async def test_what_claims_another_url_or_origin_is_not_passed_on(
    service: Service, gateway: RunningGateway, name: str
) -> None:
    """CVE-2026-40575, CVE-2023-27487, CVE-2025-29927."""
    await gateway.ask(make_request("/open/", f"{name}: canary", f"{name.lower()}: canary"))

    assert len(service.requests) == 1
    assert b"canary" not in service.received


async def test_unknown_fields_are_passed_on_in_order(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.4."""
    lines = ["X-A: 1", "Accept: */*", "X-B: two words", "x-a: 3", "Cookie: a=1", "X-Empty:"]

    await gateway.ask(make_request("/open/", *lines))

    fields = service.requests[0].fields[1:7]
    assert [b"%b: %b" % field for field in fields] == [
        (line + " " if line.endswith(":") else line).encode() for line in lines
    ]


async def test_the_authority_of_an_absolute_form_replaces_the_host(
    service: Service, gateway: RunningGateway
) -> None:
    """9112.5."""
    await gateway.ask(make_request("http://real.test:81/open/x?a=1", host="other.test"))

    request = service.requests[0]
    assert (request.target, request.one(b"host")) == (b"/open/x?a=1", b"real.test:81")
    assert request.one(b"x-forwarded-host") == b"real.test:81"


async def test_an_absolute_form_does_not_get_around_a_rule(
    service: Service, gateway: RunningGateway
) -> None:
    for target in ("http://evil.test/api/x", "http://a@evil.test/open/x", "ftp://a.test/open/x"):
        assert (await gateway.ask(make_request(target))).status in (400, 401)

    assert service.received == b""


async def test_names_of_the_configuration_replace_the_default_ones(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(identity={"headers": {"X-User": "sub"}})

    await gateway.ask(
        make_request("/api/x", bearer(), "X-User: forged", "x_user: forged", "X.USER: forged")
    )

    assert service.requests[0].all(b"x-user") == [b"alice"]
    assert not service.requests[0].has(b"x-gateway-subject")
    assert b"forged" not in service.received


@pytest.mark.parametrize("subject", ["a\r\nX-Admin: 1", "a\nb", "ü", "a\x7fb", " a ", "a%0d%0a"])
async def test_no_claim_can_end_its_line(
    service: Service, gateway: RunningGateway, subject: str
) -> None:
    """9112.16, CVE-2026-31908, CVE-2023-27493."""
    answer = await gateway.ask(make_request("/api/x", bearer(make_token(sub=subject))))

    if answer.status == 200:
        value = service.requests[0].one(b"x-gateway-subject")
        assert value.isascii()
        assert value.decode().isprintable()
        assert not service.requests[0].has(b"x-admin")
    else:
        assert (answer.status, service.received) == (401, b"")


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize("line", FORGED)
@pytest.mark.parametrize("target", ["/open/x", "/api/x"])
async def test_no_identity_arrives_as_a_trailer(
    service: Service, gateway: RunningGateway, target: str, line: str
) -> None:
    """9110.16: services that merge trailers into the head would believe it."""
    head = make_request(target, bearer(), CHUNKED, method="POST")
    body = make_chunked(b"x", trailers=(line.encode(), b"X-Sum: 7"))

    assert (await gateway.ask(head + body)).status == 200

    assert b"forged" not in service.received
    assert service.requests[0].trailers == ((b"X-Sum", b"7"),)


@given(
    trailers=st.lists(
        st.tuples(
            st.sampled_from(sorted({*USUAL_IN_REQUESTS, b"X-Sum", b"x_sum", b"Grpc-Status"}))
            | st.sampled_from([line.partition(":")[0].encode() for line in FORGED]),
            st.sampled_from([b"", b"1"]),
        ),
        max_size=6,
    ),
    connection=st.sampled_from([b"", b"close, x-sum"]),
)
def test_a_trailer_that_arrives_would_have_arrived_as_a_field_of_the_head(
    trailers: list[tuple[bytes, bytes]], connection: bytes
) -> None:
    """9110.16: with its name and value; so no trailer says more than a head could."""
    names = RequestNames(frozenset([b"x-gateway-subject"]))
    fields = Fields()
    fields.connection = connection
    collector = FieldCollector(names, LIMITS)
    collector.fields = Fields()
    for name, value in trailers:
        collector.on_header(name, value)
    head = b"".join(without_named(collector.fields.lines, connection))

    rendered = render_request_trailers(tuple(trailers), Request("POST", b"/", fields), names, None)

    arrived = rendered.split(b"\r\n")[1:]
    assert not Counter(arrived) - Counter(head.split(b"\r\n")[1:])
    kept = [name for name, _ in trailers if name == b"Grpc-Status"]
    assert [line.partition(b":")[0] for line in arrived].count(b"Grpc-Status") == len(kept)


async def test_what_a_route_removes_or_sets_is_no_trailer_either(
    service: Service, start_gateway: StartGateway
) -> None:
    rewrite = {"request_headers": {"remove": ["X-Debug"], "set": {"X-Area": "1"}}}
    gateway = await start_gateway(routes=[dict(ROUTES[0]) | {"rewrite": rewrite}])
    trailers = (b"x-debug: 1", b"X-Area: 2", b"X-Sum: 7")

    await gateway.ask(
        make_request("/open/", CHUNKED, method="POST") + make_chunked(b"x", trailers=trailers)
    )

    assert service.requests[0].trailers == ((b"X-Sum", b"7"),)


async def test_a_name_that_a_reload_makes_the_gateways_own_is_no_trailer(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """From the reload on, the upstream may trust it."""
    gateway = await start_gateway()
    client = await gateway.connect()
    client.send(make_request("/open/", CHUNKED, method="POST") + b"1\r\nx\r\n")
    peer = await service.connection()
    await peer.wait_for(lambda: b"1\r\nx\r\n" in peer.received)

    later = load(write_config(tmp_path, [service.url], {"identity": {"headers": {"X-Sum": "sub"}}}))
    assert await gateway.gateway.reload(later) is None
    client.send(b"0\r\nX-Sum: 7\r\nX-Other: 8\r\n\r\n")

    assert (await read_answer(client)).status == 200
    assert service.requests[0].trailers == ((b"X-Other", b"8"),)
