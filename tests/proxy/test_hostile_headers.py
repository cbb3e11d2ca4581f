"""Header fields that made other gateways lie to their services, or services believe a lie."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.hostile import HOSTILE_ROUTES, reason
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
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("target", ["/public/", "/api/"])
async def test_no_spelling_of_an_identity_header_passes(
    alias: str, target: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-64484 oauth2-proxy, CVE-2026-39858 Traefik, CVE-2026-44087 APISIX.

    9700.1: on public routes as well.
    """
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
