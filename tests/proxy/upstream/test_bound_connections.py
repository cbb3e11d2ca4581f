"""A connection on which a client logged in serves no other, as the service's responses show."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.proxy.upstream.bound_connections import BoundConnections
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, load, write_config
from tests.proxy.messages import Message, make_answer, make_request, read_answer
from tests.proxy.pools import make_pool
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire

REPORTED = {
    "name": "reported",
    "match": {"path_prefix": "/reported/"},
    "upstream": "main",
    "require": {"scopes": ["api:read"]},
    "mode": "report",
}
OPEN = {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True}
GUARDED = {
    "name": "guarded",
    "match": {"path_prefix": "/guarded/"},
    "upstream": "main",
    "require": {"scopes": ["api:read"]},
}
ROUTES = [OPEN, REPORTED, GUARDED]

PATHS = pytest.mark.parametrize("path", ["/open/", "/reported/"])
SCHEMES = pytest.mark.parametrize("scheme", ["NTLM", "Negotiate", "ntlm", "nEGOTIATE"])


class LogsIn:
    """Logs in connections as NTLM does (MS-NTHT §1.3): three requests, then all on it are theirs.

    *connections* says on which one each request came, and *users* who spoke there then.
    """

    def __init__(self, *lines: bytes, ends: Callable[[Wire], None] | None = None) -> None:
        self._lines = lines  # of a challenge, for *scheme*
        self._ends = ends  # once somebody who is logged in asks for `/open/end`
        self.connections: list[Wire] = []
        self.users: list[str] = []

    async def __call__(self, service: Service, wire: Wire) -> None:
        user, challenge = "", b""
        while True:
            request = await service.read_request(wire)
            scheme, _, said = b"".join(request.all(b"authorization")).partition(b" ")
            if said == b"hello":
                challenge = b"nonce-%d" % len(service.requests)
            elif said and challenge and said.startswith(challenge + b" "):
                user = said.rpartition(b" ")[2].decode()
            self.connections.append(wire)
            self.users.append(user)
            if user and self._ends is not None and request.target.endswith(b"/end"):
                self._ends(wire)
                return
            wire.send(self._answer(user, b"%b %b" % (scheme, challenge) if challenge else b""))

    def _answer(self, user: str, challenge: bytes) -> bytes:
        if user:
            return make_answer(user.encode())
        lines = self._lines or (b"WWW-Authenticate: " + (challenge or b"NTLM"),)
        if challenge and self._lines:
            lines = (b"WWW-Authenticate: " + challenge,)
        return make_answer(b"", *lines, status=401)


async def ask(client: Wire, target: str, *lines: str) -> Message:
    client.send(make_request(target, *lines))
    return await read_answer(client)


async def log_in(client: Wire, target: str, scheme: str, user: str) -> Message:
    """Go through the handshake; return the response to its last request."""
    challenged = await ask(client, target, f"Authorization: {scheme} hello")
    assert challenged.status == 401
    nonce = challenged.one(b"www-authenticate").split(b" ")[1].decode()
    return await ask(client, target, f"Authorization: {scheme} {nonce} {user}")


@pytest.fixture
async def other() -> AsyncIterator[Service]:
    """A second server."""
    async with running_service() as started:
        yield started


@PATHS
@SCHEMES
async def test_a_login_applies_to_its_client_and_nobody_else(
    service: Service, start_gateway: StartGateway, path: str, scheme: str
) -> None:
    """RFC 4559 §6: a stranger got the responses meant for whoever had logged in before."""
    service.script = LogsIn()
    gateway = await start_gateway(routes=ROUTES)
    alice, bob, stranger = [await gateway.connect() for _ in range(3)]

    assert (await log_in(alice, path, scheme, "alice")).body == b"alice"
    assert (await log_in(bob, path, scheme, "bob")).body == b"bob"
    for _ in range(5):
        assert (await ask(stranger, path)).status == 401
        assert (await ask(alice, path)).body == b"alice"
        assert (await ask(bob, path)).body == b"bob"


@PATHS
async def test_requests_pipelined_after_a_login_use_its_connection(
    service: Service, start_gateway: StartGateway, path: str
) -> None:
    service.script = LogsIn()
    gateway = await start_gateway(routes=ROUTES)
    alice, stranger = await gateway.connect(), await gateway.connect()
    await log_in(alice, path, "NTLM", "alice")

    alice.send(make_request(path) * 10)
    stranger.send(make_request(path) * 10)

    assert [(await read_answer(alice)).body for _ in range(10)] == [b"alice"] * 10
    assert [(await read_answer(stranger)).status for _ in range(10)] == [401] * 10


async def test_a_login_that_is_pipelined_with_other_requests_does_not_leak(
    service: Service, start_gateway: StartGateway
) -> None:
    """The requests before and after it on one client's connection are that client's."""

    async def at_once(service: Service, wire: Wire) -> None:
        user = b""
        while True:
            request = await service.read_request(wire)
            user = b"".join(request.all(b"authorization"))[5:] or user
            wire.send(make_answer(user or b"nobody"))

    service.script = at_once
    gateway = await start_gateway(routes=ROUTES)
    alice, stranger = await gateway.connect(), await gateway.connect()

    login = make_request("/open/", "Authorization: NTLM alice")
    alice.send(make_request("/open/") + login + make_request("/open/"))
    bodies = [(await read_answer(alice)).body for _ in range(3)]

    assert bodies == [b"nobody", b"alice", b"alice"]
    for _ in range(3):
        assert (await ask(stranger, "/open/")).body == b"nobody"


@pytest.mark.parametrize("balance", ["round_robin", "least_requests"])
async def test_among_several_servers_the_one_with_the_login_is_used(
    service: Service, other: Service, start_gateway: StartGateway, balance: str
) -> None:
    service.script, other.script = LogsIn(), LogsIn()
    gateway = await start_gateway(
        [service.url, other.url], routes=ROUTES, upstream={"balance": balance}
    )
    clients = {name: await gateway.connect() for name in ("alice", "bob", "carol")}

    for name, client in clients.items():
        assert (await log_in(client, "/open/", "Negotiate", name)).body == name.encode()
    for _ in range(5):
        for name, client in clients.items():
            assert (await ask(client, "/open/")).body == name.encode()

    assert service.requests
    assert other.requests


@pytest.mark.parametrize(
    "line",
    [
        b"WWW-Authenticate: NTLM",
        b'WWW-Authenticate: Basic realm="x", Negotiate',
        b'WWW-Authenticate: Basic realm="x"\r\nWWW-Authenticate: Negotiate',
        b'www-authenticate: Digest realm="a, b", nonce="c" , NEGOTIATE',
        b"Proxy-Authenticate: NTLM",
        b"Persistent-Auth: true",
        b"Authentication-Info: Negotiate abc",
    ],
)
async def test_a_response_that_mentions_a_login_is_enough(
    service: Service, start_gateway: StartGateway, line: bytes
) -> None:
    """Also on a route that forwards no credentials of the client."""
    script = service.script = LogsIn(line)
    gateway = await start_gateway(routes=ROUTES)
    clients = [await gateway.connect() for _ in range(2)]

    for _ in range(3):
        for client in clients:
            assert (await ask(client, "/open/")).status == 401

    first, second = script.connections[::2], script.connections[1::2]
    assert len(set(first)) == len(set(second)) == 1
    assert set(first) != set(second)


@pytest.mark.parametrize(
    "line", ["Authorization: Basic YTpi", "Authorization: Digest a=b", "X-Note: NTLM hello"]
)
async def test_other_credentials_share_connections(
    service: Service, start_gateway: StartGateway, line: str
) -> None:
    gateway = await start_gateway(routes=ROUTES)

    for _ in range(5):
        client = await gateway.connect()
        assert (await ask(client, "/open/", line)).status == 200

    assert len(service.connections) == 1


async def test_a_login_that_the_gateway_rejects_reserves_nothing(
    service: Service, start_gateway: StartGateway
) -> None:
    """On a protected route it does not reach the service."""
    gateway = await start_gateway(routes=ROUTES)
    client = await gateway.connect()

    assert (await ask(client, "/guarded/", "Authorization: NTLM hello")).status == 401
    assert service.received == b""


async def test_the_connection_is_closed_when_its_client_leaves(
    service: Service, start_gateway: StartGateway
) -> None:
    script = service.script = LogsIn()
    gateway = await start_gateway(routes=ROUTES)
    alice = await gateway.connect()
    await log_in(alice, "/open/", "NTLM", "alice")

    alice.close()

    await script.connections[-1].wait_end()
    assert (await gateway.ask(make_request("/open/"))).status == 401


async def test_the_connection_is_closed_when_its_client_leaves_in_the_middle(
    service: Service, start_gateway: StartGateway
) -> None:
    never = asyncio.Event()

    async def stall(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await never.wait()

    service.script = stall
    gateway = await start_gateway(routes=ROUTES)
    alice = await gateway.connect()
    alice.send(make_request("/open/", "Authorization: NTLM hello"))
    await service.request()

    alice.reset()

    await service.connections[0].wait_end()
    never.set()


async def test_a_reserved_connection_that_ended_is_replaced_by_a_fresh_one(
    service: Service, start_gateway: StartGateway
) -> None:
    """A safe request is retried, and the client has to log in again."""
    service.script = LogsIn(ends=Wire.close)
    gateway = await start_gateway(routes=ROUTES, upstream={"retries": {"methods": ["GET"]}})
    alice, bob = await gateway.connect(), await gateway.connect()
    await log_in(alice, "/open/", "NTLM", "alice")
    await log_in(bob, "/open/", "NTLM", "bob")

    assert (await ask(alice, "/open/end")).status == 401
    assert (await ask(bob, "/open/")).body == b"bob"
    assert (await log_in(alice, "/open/", "NTLM", "alice")).body == b"alice"


async def test_a_reserved_connection_counts_and_gives_way_to_waiting_requests(
    service: Service, start_gateway: StartGateway
) -> None:
    """Otherwise a few clients that log in could lock out all others."""
    open_now, most = 0, 0
    logs_in = LogsIn()

    async def counted(service: Service, wire: Wire) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            await logs_in(service, wire)
        finally:
            open_now -= 1

    service.script = counted
    gateway = await start_gateway(
        routes=ROUTES, upstream={"max_connections": 2, "queue": {"timeout": "1m"}}
    )
    logged_in = [await gateway.connect() for _ in range(2)]
    for client in logged_in:
        assert (await log_in(client, "/open/", "NTLM", "alice")).body == b"alice"

    for _ in range(4):
        assert (await gateway.ask(make_request("/open/"))).status == 401

    assert most <= 2


async def test_a_reload_closes_the_connections_of_a_login(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    script = service.script = LogsIn()
    gateway = await start_gateway(routes=ROUTES)
    alice = await gateway.connect()
    await log_in(alice, "/open/", "NTLM", "alice")

    settings = load(write_config(tmp_path, [service.url], {"routes": ROUTES}))
    assert await gateway.gateway.reload(settings) is None

    await script.connections[-1].wait_end()
    assert (await ask(alice, "/open/")).status == 401
    assert (await gateway.ask(make_request("/open/"))).status == 401
    assert (await log_in(alice, "/open/", "NTLM", "alice")).body == b"alice"


async def test_an_idle_reserved_connection_is_closed_in_time(
    service: Service, start_gateway: StartGateway
) -> None:
    script = service.script = LogsIn()
    gateway = await start_gateway(
        routes=ROUTES, upstream={"idle_timeout": "1m"}, timeouts={"idle": "10m"}
    )
    alice = await gateway.connect()
    await log_in(alice, "/open/", "NTLM", "alice")

    gateway.expire(120)

    await script.connections[-1].wait_end()

    assert (await ask(alice, "/open/")).status == 401


async def test_a_reserved_connection_to_an_ejected_server_is_not_used(service: Service) -> None:
    pool = make_pool(service.url)
    bound = BoundConnections()
    bound.begin(pool)
    server = await pool.connect()
    bound.adopt(pool, server)
    server.give_back()
    (member,) = pool._members.all
    assert member.pool.in_flight == 0
    assert pool.take() is None
    assert bound.take(pool) is server
    server.give_back()

    member.pool.is_used = False

    assert bound.take(pool) is None
    assert not server.is_open
    pool.close()


async def test_a_client_that_never_logs_in_has_no_reserved_connection(
    service: Service, gateway: RunningGateway
) -> None:
    """What is not used costs nothing."""
    client = await gateway.connect()
    assert (await ask(client, "/open/")).status == 200

    side = gateway.only_client()
    assert side.bound is None


async def test_a_client_that_stays_keeps_nothing_of_former_configurations(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """Each reload left it a former pool with its servers, for as long as it stayed."""
    service.script = LogsIn()
    gateway = await start_gateway(routes=ROUTES)
    alice = await gateway.connect()

    for _ in range(5):
        await log_in(alice, "/open/", "NTLM", "alice")
        settings = load(write_config(tmp_path, [service.url], {"routes": ROUTES}))
        assert await gateway.gateway.reload(settings) is None
    await log_in(alice, "/open/", "NTLM", "alice")

    side = gateway.only_client()
    assert side.bound is not None
    assert len(side.bound._idle) == 1
