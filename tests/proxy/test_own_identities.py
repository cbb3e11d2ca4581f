"""Services receive the identity headers of their route and of the issuer, and no forgeries."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import AUDIENCE, ISSUER, RunningGateway, bearer, make_token
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_head
from tests.proxy.service import Service
from tests.proxy.wire import Wire

PARTNER = "https://partner.example.com/"


def route(name: str, **more: Any) -> Mapping[str, Any]:
    return {"name": name, "match": {"path_prefix": f"/{name}/"}, "upstream": "main", **more}


def issuer(iss: str, **more: Any) -> dict[str, Any]:
    source = {"jwks_file": "keys.json", "audiences": [AUDIENCE], "algorithms": ["ES256"]}
    return {"issuer": iss, **source, **more}


SECTIONS: dict[str, Any] = {
    "issuers": {
        "main": issuer(ISSUER),
        "partner": issuer(PARTNER, identity={"headers": {"X-Gateway-Client": "azp | cid"}}),
    },
    "identity": {"headers": {"X-User": "sub", "X-Gateway-Client": "client_id"}},
    "routes": [
        route("public", public=True),
        route("api", require={}),
        route(
            "own",
            require={},
            upgrades=["websocket"],
            identity={"headers": {"X_User": "{tid}/{oid | sub}", "X-Gateway-Client": False}},
        ),
        route("loose", require={}, mode="report", identity={"headers": {"X-Mail": "email"}}),
    ],
}
NAMES = (b"x-user", b"x_user", b"x-gateway-client", b"x-mail")


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(**SECTIONS)


def received(service: Service) -> dict[bytes, list[bytes]]:
    """Return the identity headers of the one request that the service got."""
    (request,) = service.requests
    return {name: request.all(name) for name in NAMES if request.has(name)}


@pytest.mark.parametrize(
    ("target", "claims", "fields"),
    [
        ("/api/", {}, {b"x-user": [b"alice"], b"x-gateway-client": [b"web"]}),
        (
            "/api/",
            {"iss": PARTNER, "cid": "their client"},
            {b"x-user": [b"alice"], b"x-gateway-client": [b"their client"]},
        ),
        ("/api/", {"iss": PARTNER}, {b"x-user": [b"alice"]}),
        ("/own/", {"tid": "t/1", "oid": "o"}, {b"x_user": [b"t%2F1/o"]}),
        ("/own/", {"tid": "t", "iss": PARTNER, "azp": "a"}, {b"x_user": [b"t/alice"]}),
        ("/own/", {}, {}),
    ],
)
async def test_a_service_receives_the_headers_of_its_route_and_of_the_issuer(
    target: str,
    claims: dict[str, Any],
    fields: dict[bytes, list[bytes]],
    service: Service,
    gateway: RunningGateway,
) -> None:
    token = make_token(client_id="web", **claims)

    answer = await gateway.ask(make_request(target, bearer(token)))

    assert answer.status == 200
    assert received(service) == fields


SPELLINGS = ["X-User", "x_user", "X.User", "HTTP_X_USER", "X-Mail", "x_mail", "X-Gateway-Client"]


@pytest.mark.parametrize("underscore_names", ["drop", "keep"])
@pytest.mark.parametrize("target", ["/public/", "/api/", "/own/", "/loose/"])
async def test_the_headers_of_one_route_cannot_be_forged_on_any_other(
    target: str, underscore_names: str, service: Service, start_gateway: StartGateway
) -> None:
    """9700.1, CVE-2025-64484: the service behind may read them, whatever the route sends."""
    gateway = await start_gateway(**SECTIONS, underscore_names=underscore_names)
    forged = [f"{name}: mallory" for name in SPELLINGS]

    answer = await gateway.ask(make_request(target, bearer(make_token()), *forged))

    assert answer.status == 200
    assert b"mallory" not in service.received


async def test_what_is_only_reported_sends_no_identity_of_the_route(
    service: Service, gateway: RunningGateway
) -> None:
    token = make_token(aud="other", email="alice@example.com")

    answer = await gateway.ask(make_request("/loose/", bearer(token)))

    assert answer.status == 200
    assert received(service) == {}


async def test_a_websocket_begins_with_the_headers_of_its_route(
    service: Service, gateway: RunningGateway
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)
        await wire.wait_end()

    service.script = switch
    client = await gateway.connect()
    client.send(make_request("/own/", bearer(make_token(tid="t")), *UPGRADE))

    assert (await read_head(client)).status == 101
    assert received(service) == {b"x_user": [b"t/alice"]}
    client.reset()
    await (await service.connection()).wait_end()
