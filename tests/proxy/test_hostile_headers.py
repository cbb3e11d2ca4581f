"""Header fields that made other gateways lie to their services, or services believe a lie."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, reason
from tests.proxy.messages import make_request
from tests.proxy.service import Service

SUBJECT = b"x-gateway-subject"


# Spellings that some service, framework or CGI turns into X-Gateway-Subject.
ALIASES = [
    "X-Gateway-Subject",
    "x-gateway-subject",
    "X_Gateway_Subject",
    "X-Gateway_Subject",
    "x_gateway-subject",
    "X.Gateway.Subject",
    "X-Gateway.Subject",
    "HTTP_X_GATEWAY_SUBJECT",
    "HTTP-X-Gateway-Subject",
    "X~Gateway!Subject",
    "x'gateway|subject",
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


@pytest.mark.parametrize("underscore_names", ["drop", "keep"])
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("target", ["/public/", "/api/"])
async def test_no_spelling_of_an_identity_header_passes(
    alias: str,
    target: str,
    underscore_names: str,
    service: Service,
    start_gateway: StartGateway,
) -> None:
    """CVE-2025-64484 oauth2-proxy, CVE-2026-39858 Traefik, CVE-2026-44087 APISIX.

    9700.1: on public routes as well.
    """
    gateway = await start_gateway(routes=HOSTILE_ROUTES, underscore_names=underscore_names)
    answer = await gateway.ask(make_request(target, bearer(), f"{alias}: mallory"))

    assert answer.status == 200
    assert b"mallory" not in service.received
    (request,) = service.requests
    assert request.all(SUBJECT) == ([b"alice"] if target == "/api/" else [])


async def test_a_claim_that_is_not_there_leaves_no_room_for_the_clients_own(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-30851 Caddy: the header was only replaced where the claim was there."""
    token = make_token(client_id=None, jti=None)
    lines = ("X-Gateway-Client: mallory", "X-Gateway-Token-Id: mallory", "X-Gateway-Scopes: admin")

    answer = await gateway.ask(make_request("/api/", bearer(token), *lines))

    assert answer.status == 200
    (request,) = service.requests
    assert not request.has(b"x-gateway-client")
    assert not request.has(b"x-gateway-token-id")
    assert request.all(b"x-gateway-scopes") == [b"api:read"]


@pytest.mark.parametrize(
    "subject",
    [
        "a\r\nX-Gateway-Scopes: admin",
        "a\nX-Admin: 1",
        "a\rX-Admin: 1",
        "a\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n",
        "a\x00b",
        "zoë",
        "a\x1b[31m",
        "a\u2028b",
        "a\x7fb\x85c",
        " a ",
        "%0d%0aX-Admin: 1",
    ],
)
async def test_no_claim_ends_a_line_or_leaves_ascii(
    subject: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-31908 APISIX, CVE-2023-27493 Envoy, 9112.16."""
    answer = await gateway.ask(make_request("/api/", bearer(make_token(sub=subject))))

    assert answer.status == 200
    (request,) = service.requests
    value = request.one(SUBJECT)
    assert all(0x20 <= byte < 0x7F for byte in value)
    assert not request.has(b"x-admin")
    assert request.one(b"x-gateway-scopes") == b"api:read"
    assert service.received.count(b"HTTP/1.1\r\n") == 1


@pytest.mark.parametrize(
    "name", ["X-Gateway-Subject-", "X-Gateway-Subject.", "X-Gateway-Subject2", "X-Gateway-Any"]
)
async def test_a_name_with_the_gateways_prefix_reaches_no_service(
    name: str, service: Service, gateway: RunningGateway
) -> None:
    """Another configuration, or another gateway, may have emitted it."""
    await gateway.ask(make_request("/public/", f"{name}: root"))

    assert not service.requests[0].has(name.encode())


async def test_an_identity_header_stands_once_whatever_was_sent(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-31838 Istio, CVE-2021-32777 Envoy: values were joined with the client's."""
    lines = ["X-Gateway-Subject: mallory", "X-Gateway-Subject: mallory, alice"] * 3

    await gateway.ask(make_request("/api/", bearer(), *lines))

    assert service.requests[0].all(SUBJECT) == [b"alice"]


@pytest.mark.parametrize(
    "lines",
    [
        [bearer(), bearer()],
        [bearer(), b"authorization: Bearer x"],
        [b"Authorization: Basic YTpi", bearer()],
        [bearer() + b", Bearer x"],
        [b"Authorization: Basic YTpi, Bearer x"],
        [b"Authorization:", bearer()],
    ],
)
async def test_more_than_one_credential_is_refused(
    lines: list[bytes], service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-26308 Istio, 6750.2, 6750.3."""
    answer = await gateway.ask(make_request("/api/", *lines))

    assert reason(answer) == Reason.TOKEN_REPEATED.code
    assert service.received == b""


@pytest.mark.parametrize("name", ["X_A", "_", "A_b_C", "Content_Length", "Transfer_Encoding"])
async def test_names_with_an_underscore_are_dropped(
    name: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-64484: `-` and `_` are one character to CGI, WSGI and their kin."""
    await gateway.ask(make_request("/public/", f"{name}: 7", "X-Kept: 3"))

    (request,) = service.requests
    assert not request.has(name.encode())
    assert request.one(b"x-kept") == b"3"


@pytest.mark.parametrize(
    "name",
    [
        "-X-Gateway-Subject",
        "X--Gateway-Subject",
        "~X-Gateway-Subject",
        "XGatewaySubject",
        "X-Gateways",
    ],
)
async def test_a_name_that_cannot_be_mistaken_for_the_gateways_is_passed_on(
    name: str, service: Service, gateway: RunningGateway
) -> None:
    """As CGI writes it (RFC 3875, 4.1.18) it is another variable than the gateway's own."""
    await gateway.ask(make_request("/api/", bearer(), f"{name}: other"))

    (request,) = service.requests
    assert request.one(name.encode()) == b"other"
    variables = [
        field.upper().translate(bytes.maketrans(b"-.~", b"___")) for field, _ in request.fields
    ]
    assert variables.count(b"X_GATEWAY_SUBJECT") == 1
    assert request.one(SUBJECT) == b"alice"


@pytest.mark.parametrize(
    "line",
    [
        b"X-Gateway-Subject : mallory",
        b" X-Gateway-Subject: mallory",
        b"X-Gateway-Subject\t: mallory",
        b"X-Gateway-Subject\x00: mallory",
        b"X-Gateway-Subject\xa0: mallory",
        b"X-Gateway-Sub\xc5\xbfect: mallory",
        b"X Gateway Subject: mallory",
        b"X-Gateway-Subject;: mallory",
        b"(X-Gateway-Subject): mallory",
        b"X-Gateway-Subject\x0b: mallory",
    ],
)
async def test_a_name_that_is_no_token_is_refused(
    line: bytes, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 5.1, RFC 9112 5.1: somebody trims it, and reads an identity."""
    answer = await gateway.ask(make_request("/public/", "X-First: 1", line))

    assert reason(answer) == Reason.REQUEST_MALFORMED.code
    assert answer.one(b"connection") == b"close"
    assert service.received == b""


@pytest.mark.parametrize("name", ["X_A", "_", "A_b_C", "Content_Length", "X_Gateway_Subject"])
@pytest.mark.parametrize("target", ["/public/", "/api/"])
async def test_names_with_an_underscore_are_refused_if_so_configured(
    name: str, target: str, service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2025-64484: and the connection closes, as behind every malformed request."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, underscore_names="reject")
    client = await gateway.connect()

    client.send(make_request(target, bearer(), f"{name}: 7") + make_request(target, bearer()))
    answers = await answers_until_end(client)

    assert [reason(answer) for answer in answers] == [Reason.REQUEST_MALFORMED.code]
    assert answers[0].one(b"connection") == b"close"
    assert service.received == b""


async def test_names_with_an_underscore_are_kept_if_so_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    """All but those that a service may take for what frames, routes or identifies a request."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, underscore_names="keep")
    kept = ["X_A", "api_key", "_", "X_Gateways"]
    dropped = [
        "X_Gateway_Subject", "X_Gateway_Subjects", "Content_Length", "Transfer_Encoding",
        "X_Forwarded_For", "x_Real_ip",
        "X_HTTP_Method_Override", "X_Original_URL", "X_Request_Id", "Keep_Alive", "HTTP_HOST",
        "HTTP_AUTHORIZATION", "Proxy_Authorization", "X_Forwarded-Anything", "HTTP2_Settings",
    ]  # fmt: skip

    await gateway.ask(
        make_request("/api/", bearer(), *(f"{name}: mallory7" for name in kept + dropped))
    )

    (request,) = service.requests
    seen = [name.decode() for name, value in request.fields if value == b"mallory7"]
    assert seen == kept
    assert request.one(SUBJECT) == b"alice"


async def test_connection_names_a_kept_name_as_it_is_written(
    service: Service, start_gateway: StartGateway
) -> None:
    """9110.1: nor does a spelling with underscores take away what the gateway sets."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, underscore_names="keep")
    lines = ("Connection: X_Hop, X_Gateway_Subject, x_request_id", "X_Hop: 1", "X-Hop: 2")

    await gateway.ask(make_request("/api/", bearer(), *lines))

    (request,) = service.requests
    assert not request.has(b"x_hop")
    assert request.one(b"x-hop") == b"2"
    assert request.one(SUBJECT) == b"alice"
    assert request.has(b"x-request-id")


async def test_a_proxy_for_the_services_own_requests_is_not_the_clients_to_name(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2016-5385 httpoxy: `Proxy` is HTTP_PROXY to CGI, and to the client libraries in it."""
    await gateway.ask(make_request("/public/", "Proxy: http://evil.example.com"))

    assert b"evil" not in service.received
