"""Real services of HTTP/2 behind the gateway: in the clear with prior knowledge, and by ALPN."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
import uvloop

from gateway.proxy.upstream.h2_connection import _LINGER_SECONDS
from tests.certificates import AUTHORITY
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.http2_services.real import LARGE, Ports, nghttpd, nginx, node, write_documents
from tests.proxy.messages import make_request, read_answer, read_head

T = TypeVar("T")

SERVICES = {"nghttpd": nghttpd, "node": node, "nginx": nginx}
ECHOING = ["nghttpd", "node"]
UPLOAD = bytes(range(256)) * 4000


@dataclass(frozen=True, slots=True)
class RealWorld:
    """A gateway before each of the services."""

    runner: asyncio.Runner
    gateways: dict[str, RunningGateway]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def origin(self, name: str) -> str:
        return f"http://127.0.0.1:{self.gateways[name].address[1]}"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ports]]:
    with ExitStack() as stack:
        started = {}
        for name, run in SERVICES.items():
            folder = tmp_path_factory.mktemp(name)
            write_documents(folder)
            started[name] = stack.enter_context(run(folder))
        yield started


@pytest.fixture(scope="module", params=["plain", "TLS"])
def world(
    request: pytest.FixtureRequest,
    services: dict[str, Ports],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealWorld]:
    stack = AsyncExitStack()

    async def start(name: str) -> RunningGateway:
        folder, ports = tmp_path_factory.mktemp("gateway"), services[name]
        AUTHORITY.cert_pem.write_to_path(folder / "authority.pem")
        upstream: dict[str, Any] = {"protocol": "h2c"}
        servers = [f"http://127.0.0.1:{ports.plain}"]
        if request.param == "TLS":
            upstream = {"protocol": "h2", "tls": {"ca": "authority.pem"}}
            servers = [f"https://127.0.0.1:{ports.secure}"]
        changes = {"upstream": upstream, "routes": HOSTILE_ROUTES}
        settings = load(write_config(folder, servers, changes))
        return await stack.enter_async_context(running_gateway(settings))

    async def stop() -> None:
        await stack.aclose()
        # Some of them do not say that they have seen the end of a connection with TLS.
        await asyncio.sleep(_LINGER_SECONDS + 0.1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield RealWorld(runner, {name: runner.run(start(name)) for name in SERVICES})
        runner.run(stop())


@asynccontextmanager
async def speaking_http2() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(http1=False, http2=True, timeout=LIMIT_SECONDS) as made:
        yield made


@pytest.mark.parametrize("name", ["node", "nginx"])
def test_many_requests_at_once_get_their_own_responses(name: str, world: RealWorld) -> None:
    numbers = range(150)

    async def run() -> list[httpx.Response]:
        async with speaking_http2() as client:
            url = world.origin(name)
            asked = (client.get(f"{url}/public/small/{number}") for number in numbers)
            return await asyncio.gather(*asked)

    answers = world.run(run())

    assert [one.text for one in answers] == [f"GET /public/small/{number} " for number in numbers]
    assert {one.headers["x-version"] for one in answers} <= {"2.0", "HTTP/2.0"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_large_response_comes_whole(name: str, world: RealWorld) -> None:
    async def run() -> list[httpx.Response]:
        async with speaking_http2() as client:
            url = f"{world.origin(name)}/public/large"
            return await asyncio.gather(*(client.get(url) for _ in range(3)))

    assert [one.content == LARGE for one in world.run(run())] == [True] * 3


@pytest.mark.parametrize("name", ECHOING)
def test_large_bodies_come_back(name: str, world: RealWorld) -> None:
    async def run() -> list[httpx.Response]:
        async with speaking_http2() as client:
            url = f"{world.origin(name)}/public/echo"
            return await asyncio.gather(*(client.post(url, content=UPLOAD) for _ in range(5)))

    bodies = [one.content.removeprefix(b"POST /public/echo ") for one in world.run(run())]
    assert bodies == [UPLOAD] * 5


@pytest.mark.parametrize("name", ECHOING)
def test_a_body_comes_back_with_trailers(name: str, world: RealWorld) -> None:
    """RFC 9113 §8.1"""

    async def run() -> None:
        client = Http2Client(await world.gateways[name].connect())
        client.begin()
        fields = request_fields(b"/public/echo", (b"te", b"trailers"), method=b"POST")
        stream = await client.fetch(fields, b"hello")
        assert stream.status == 200
        assert stream.body.removeprefix(b"POST /public/echo ") == b"hello"
        assert stream.trailers == [(b"x-sum", b"9")]
        client.wire.close()

    world.run(run())


@pytest.mark.parametrize("name", SERVICES)
def test_a_response_to_head_has_no_body(name: str, world: RealWorld) -> None:
    async def run() -> bytes:
        wire = await world.gateways[name].connect()
        for _ in range(2):
            wire.send(make_request("/public/large", method="HEAD"))
            assert (await read_answer(wire, is_head=True)).status == 200
        wire.close()
        return wire.unread

    assert world.run(run()) == b""


@pytest.mark.parametrize("name", ["nghttpd", "nginx"])
def test_a_missing_document_is_not_found(name: str, world: RealWorld) -> None:
    async def run() -> int:
        async with speaking_http2() as client:
            return (await client.get(f"{world.origin(name)}/public/nothing")).status_code

    assert world.run(run()) == 404


@pytest.mark.parametrize("name", SERVICES)
def test_clients_that_leave_in_a_response_do_no_harm(name: str, world: RealWorld) -> None:
    """RFC 9113 §5.4.2: what they asked for is cancelled, and the connection goes on."""

    async def run() -> bytes:
        for _ in range(10):
            wire = await world.gateways[name].connect(receive_bytes=4096)
            wire.send(make_request("/public/large"))
            await read_head(wire)
            wire.reset()
        async with speaking_http2() as client:
            return (await client.get(f"{world.origin(name)}/public/large")).content

    assert world.run(run()) == LARGE
