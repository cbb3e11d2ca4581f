"""A client that knows a URL, and nothing else, finds the issuer and gets in."""

import itertools
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from aiohttp import ClientSession

from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, origin_of, serving
from gateway.issuer.signing_keys import SigningAlgorithm
from tests.proxy.conftest import StartGateway
from tests.proxy.discovering_client import DiscoveringClient, Misled
from tests.proxy.gateways import load, write_config
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.listener.test_listener import authority, tls_listen
from tests.proxy.resources import WELL_KNOWN, route
from tests.proxy.service import Service

__all__ = ["authority"]  # a fixture


class World(NamedTuple):
    """A gateway before two services of one issuer; *orders* and *other* are their URLs."""

    session: ClientSession
    trusted: ssl.SSLContext
    origin: str
    issuer: str

    @property
    def orders(self) -> str:
        return f"{self.origin}/orders"

    @property
    def other(self) -> str:
        return f"{self.origin}/other"

    def client(self, name: str) -> DiscoveringClient:
        return DiscoveringClient(self.session, name, self.trusted)


def sections(origin: str, issuer: str) -> dict[str, Any]:
    """Return what is configured once it is known where everybody is."""
    orders, other = f"{origin}/orders", f"{origin}/other"
    reading = route("read", "/orders", scopes=["orders:read"], audiences=[orders])
    reading["match"]["methods"] = ["GET", "HEAD"]
    return {
        "issuers": {
            "main": {
                "issuer": issuer,
                "discovery": True,
                "audiences": [orders, other],
                "profile": "rfc9068",
            }
        },
        "resources": {"orders": {"resource": orders}, "other": {"resource": other}},
        "routes": [
            reading,
            route("write", "/orders", scopes=["orders:write"], audiences=[orders]),
            route("other", "/other", audiences=[other]),
        ],
    }


@pytest.fixture(params=["http", "https"])
async def world(
    request: pytest.FixtureRequest,
    service: Service,
    start_gateway: StartGateway,
    authority: trustme.CA,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """Start everybody on a free port; only then can the gateway be told its own URL."""
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    is_tls = request.param == "https"
    listen: dict[str, Any] = {"listen": tls_listen(authority, tmp_path)} if is_tls else {}
    ids = map(str, itertools.count())
    terms = IssuerTerms(SigningAlgorithm.ES256, "default", time.time, ids.__next__)
    async with AsyncExitStack() as stack:
        bound = bind_loopback("127.0.0.1", 0)
        issuer = origin_of(bound)
        await stack.enter_async_context(serving(Endpoints(issuer, terms).application(), bound))
        gateway = await start_gateway(**listen, routes=HOSTILE_ROUTES)
        origin = f"{request.param}://127.0.0.1:{gateway.address[1]}"
        changes = listen | sections(origin, issuer)
        settings = load(write_config(tmp_path, [service.url], changes))
        assert await gateway.gateway.reload(settings) is None
        session = await stack.enter_async_context(ClientSession())
        yield World(session, trusted, origin, issuer)


async def test_a_challenge_is_all_that_a_client_needs(world: World, service: Service) -> None:
    """9728.1, 9728.2, 9728.4, MCP.1: from 401 to 200 by what it is told on the way."""
    reached = await world.client("alice").request("GET", world.orders)

    assert (reached.status, reached.body) == (200, "hello")
    assert reached.asked == [
        world.orders,
        f"{world.origin}{WELL_KNOWN}/orders",
        f"{world.issuer}/.well-known/oauth-authorization-server",
        f"{world.issuer}/token",
        world.orders,
    ]
    assert [one.one(b"x-gateway-client") for one in service.requests] == [b"alice-client"]
    assert service.requests[0].one(b"x-gateway-scopes") == b"orders:read"
    assert not service.requests[0].has(b"authorization")


async def test_a_url_is_all_that_a_client_needs(world: World) -> None:
    """9728.1: its metadata is where RFC 9728 §3.1 puts it; 9728.3: and names all scopes."""
    reached = await world.client("bob").request("POST", world.orders, knows_challenge=False)

    assert (reached.status, reached.body) == (200, "hello")
    assert f"{world.origin}{WELL_KNOWN}/orders" in reached.asked


async def test_a_client_that_needs_more_scope_asks_for_what_it_is_told(
    world: World, service: Service
) -> None:
    """6750.6, MCP.1."""
    client = world.client("bob")
    assert (await client.request("GET", world.orders)).status == 200

    reached = await client.request("POST", world.orders)

    assert reached.status == 200
    assert service.requests[1].one(b"x-gateway-scopes") == b"orders:write"


async def test_a_token_for_one_resource_is_no_use_at_another(
    world: World, service: Service
) -> None:
    """9700.3, MCP.1: whoever got it at one cannot act with it at the other."""
    client = world.client("alice")
    await client.request("GET", world.orders)
    assert client.token is not None

    headers = {"Authorization": f"Bearer {client.token}"}
    async with world.session.get(world.other, headers=headers, ssl=world.trusted) as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["reason"]) == (401, "audience_mismatch")
    assert len(service.requests) == 1
    assert (await world.client("alice").request("GET", world.other)).status == 200


async def test_a_client_believes_no_metadata_of_another_resource(
    world: World, service: Service
) -> None:
    """9728.2: the identifier is compared as a whole, so it must be what clients are given."""
    with pytest.raises(Misled, match="another resource"):
        await world.client("alice").request("GET", f"{world.orders}?page=2")

    assert service.connections == []
