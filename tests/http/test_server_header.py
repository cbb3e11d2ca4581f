"""No server of ours says what software it is made of, whatever it is asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.http.server_header import hide_software
from gateway.issuer.echo import echo_application
from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, serving
from gateway.issuer.signing_keys import SigningAlgorithm
from tests.proxy.gateways import load, running_gateway, write_config

REQUESTS = {
    "a request": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "no such path": b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no such method": b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "an error of ours": b"GET /bug HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "an expectation": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: magic\r\n"
    b"Content-Length: 0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "a broken field": b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


async def answer_to(address: tuple[str, int], request: bytes) -> bytes:
    """Return the head that *request* is answered with."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head


def assert_nameless(head: bytes) -> None:
    assert head.startswith(b"HTTP/1."), head
    assert b"\r\nserver:" not in head.lower(), head
    assert b"python" not in head.lower(), head
    assert b"aiohttp" not in head.lower(), head


async def fail(_: web.Request) -> web.Response:
    raise ValueError


@asynccontextmanager
async def an_application(_: Path) -> AsyncIterator[tuple[str, int]]:
    application = web.Application()
    application.router.add_get("/", fail_not)
    application.router.add_get("/bug", fail)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    hide_software(runner)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][:2]
    await runner.cleanup()


async def fail_not(_: web.Request) -> web.Response:
    return web.Response(text="well", headers={"Server": "Apache/1.3"})


@asynccontextmanager
async def the_admin_port(directory: Path) -> AsyncIterator[tuple[str, int]]:
    settings = load(write_config(directory, ["http://127.0.0.1:1"], {}))
    async with running_gateway(settings) as running:
        address = running.gateway.admin_address
        assert address is not None
        yield address


@asynccontextmanager
async def the_data_port(directory: Path) -> AsyncIterator[tuple[str, int]]:
    settings = load(write_config(directory, ["http://127.0.0.1:1"], {}))
    async with running_gateway(settings) as running:
        yield running.address


@asynccontextmanager
async def the_issuer(_: Path) -> AsyncIterator[tuple[str, int]]:
    bound = bind_loopback("127.0.0.1", 0)
    terms = IssuerTerms(SigningAlgorithm.ES256, "demo-api", time.time, lambda: "token-1")
    async with serving(Endpoints("http://127.0.0.1", terms).application(), bound):
        yield bound.getsockname()[:2]


@asynccontextmanager
async def the_echo(_: Path) -> AsyncIterator[tuple[str, int]]:
    bound = bind_loopback("127.0.0.1", 0)
    async with serving(echo_application("one"), bound):
        yield bound.getsockname()[:2]


SERVERS = [an_application, the_admin_port, the_data_port, the_issuer, the_echo]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("request_name", REQUESTS)
async def test_no_answer_says_what_it_is_made_by(
    server: Callable[[Path], AbstractAsyncContextManager[tuple[str, int]]],
    request_name: str,
    tmp_path: Path,
) -> None:
    async with server(tmp_path) as address:
        assert_nameless(await answer_to(address, REQUESTS[request_name]))


async def test_a_runner_that_is_not_set_up_is_a_mistake_of_ours() -> None:
    with pytest.raises(RuntimeError, match="not set up"):
        hide_software(web.AppRunner(web.Application()))
