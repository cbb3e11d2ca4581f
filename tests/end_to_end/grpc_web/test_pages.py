"""Pages in a real browser call a service of gRPC, with the libraries that pages use.

The page has another origin than the gateway. It is called by HTTP/1.1 in the clear, and by HTTP/2
with TLS.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import grpc
import pytest
from aiohttp import web
from google.protobuf.wrappers_pb2 import StringValue
from playwright.async_api import Page

from tests.certificates import write_pair
from tests.end_to_end.browser.driver import call, person, running_browser
from tests.end_to_end.browser.names import CERTIFICATE, running_names
from tests.end_to_end.conftest import install_modules
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import (
    EXPIRED,
    RunningGateway,
    good_token,
    load,
    make_token,
    running_gateway,
    write_config,
)

__all__ = ["pytest_asyncio_loop_factories"]

FOLDER = Path(__file__).parent
LIBRARIES = ["connect-web", "grpc-web", "grpc-web-text"]
STREAMING = ["connect-web", "grpc-web-text"]  # the other form cannot stream in that library
LARGE = "ä" * 200_000

MODULES = {
    "@bufbuild/protobuf": "@bufbuild/protobuf/dist/esm/index.js",
    "@bufbuild/protobuf/wire": "@bufbuild/protobuf/dist/esm/wire/index.js",
    "@bufbuild/protobuf/wkt": "@bufbuild/protobuf/dist/esm/wkt/index.js",
    "@bufbuild/protobuf/codegenv2": "@bufbuild/protobuf/dist/esm/codegenv2/index.js",
    "@connectrpc/connect": "@connectrpc/connect/dist/esm/index.js",
    "@connectrpc/connect/protocol": "@connectrpc/connect/dist/esm/protocol/index.js",
    "@connectrpc/connect/protocol-connect": (
        "@connectrpc/connect/dist/esm/protocol-connect/index.js"
    ),
    "@connectrpc/connect/protocol-grpc-web": (
        "@connectrpc/connect/dist/esm/protocol-grpc-web/index.js"
    ),
    "@connectrpc/connect-web": "@connectrpc/connect-web/dist/esm/index.js",
    "grpc-web": "grpc-web/index.esm.js",
}
IMPORTS = ",".join(f'"{name}":"/modules/{path}"' for name, path in MODULES.items())
PAGE = f"""<!doctype html><title>shop</title><link rel="icon" href="data:,">
<script type="importmap">{{"imports":{{{IMPORTS}}}}}</script>
<script type="module" src="/page.mjs"></script>"""


class Orders:
    """The service; *cancelled* gets an entry when a client has left a stream."""

    def __init__(self) -> None:
        self.cancelled: queue.Queue[str] = queue.Queue()
        self.metadata: dict[str, Any] = {}

    def handler(self) -> grpc.GenericRpcHandler:
        read, write = StringValue.FromString, StringValue.SerializeToString
        methods = {
            "Get": grpc.unary_unary_rpc_method_handler(self.get, read, write),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch, read, write),
        }
        return grpc.method_handlers_generic_handler("shop.Orders", methods)

    async def wait_cancelled(self) -> str:
        return await asyncio.to_thread(self.cancelled.get, timeout=LIMIT_SECONDS)

    def get(self, request: StringValue, context: grpc.ServicerContext) -> StringValue:
        self.metadata = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-count", "7"),))
        if request.value == "missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no order: ä%")
        return StringValue(value=request.value)

    def watch(self, request: StringValue, context: grpc.ServicerContext) -> Iterator[StringValue]:
        left = threading.Event()
        context.add_callback(left.set)
        for number in range(3):
            yield StringValue(value=f"{request.value} {number}")
            if request.value == "long":
                left.wait(LIMIT_SECONDS)
                self.cancelled.put("left")
                return
        if request.value == "late failure":
            context.abort(grpc.StatusCode.DATA_LOSS, "lost")


@dataclass(frozen=True, slots=True)
class World:
    """A page of another origin, a gateway, and the service behind it."""

    page: Page
    origin: str
    gateway: RunningGateway
    orders: Orders

    async def ask(self, name: str, text: str, library: str, token: str | None) -> dict[str, Any]:
        found: dict[str, Any] = await call(
            self.page, "call", library, self.origin, name, text, token
        )
        return found


@pytest.fixture
def orders() -> Iterator[tuple[Orders, int]]:
    service = Orders()
    server = grpc.server(
        ThreadPoolExecutor(8),
        handlers=[service.handler()],
        options=[("grpc.max_receive_message_length", 1 << 24)],
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, port
    server.stop(None).wait(LIMIT_SECONDS)


async def show(_request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def script(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(FOLDER / "page.mjs", headers={"Content-Type": "text/javascript"})


async def start_pages(stack: AsyncExitStack) -> str:
    """Serve the page and its modules; return their origin."""
    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/page.mjs", script)])
    app.router.add_static("/modules", FOLDER / "node_modules")
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
async def world(
    request: pytest.FixtureRequest, orders: tuple[Orders, int], tmp_path: Path
) -> AsyncIterator[World]:
    install_modules(FOLDER)
    service, port = orders
    has_tls = request.param == "HTTP/2"
    changes: dict[str, Any] = {}
    if has_tls:
        write_pair(tmp_path, CERTIFICATE)
        tls = {"certificate": "server.pem", "key": "server.key"}
        changes["listen"] = {"address": "127.0.0.1:0", "tls": tls}
    async with AsyncExitStack() as stack:
        page_origin = await start_pages(stack)
        route = {
            "name": "orders",
            "match": {"path_prefix": "/shop.Orders/", "methods": ["POST"]},
            "upstream": "main",
            "require": {"scopes": ["api:read"]},
            "cors": {"origins": [page_origin], "expose": ["X-Count"]},
        }
        path = write_config(
            tmp_path,
            [f"http://127.0.0.1:{port}"],
            {"upstream": {"protocol": "h2c", "grpc_web": True}, "routes": [route], **changes},
        )
        gateway = await stack.enter_async_context(running_gateway(load(path)))
        names = await stack.enter_async_context(running_names())
        browser = await stack.enter_async_context(running_browser(names))
        context = await stack.enter_async_context(person(browser))
        page = await context.new_page()
        await page.goto(page_origin)
        await page.wait_for_function("() => window.call !== undefined")
        scheme = "https" if has_tls else "http"
        origin = "{}://{}:{}".format(scheme, *gateway.address)
        yield World(page, origin, gateway, service)


TOKEN = good_token().decode()


async def test_a_page_calls_methods_and_learns_why_a_call_failed(world: World) -> None:
    for library in LIBRARIES:
        got = await world.ask("get", "order 7", library, TOKEN)
        assert (got["messages"], got["code"]) == (["order 7"], 0), got
        assert "authorization" not in world.orders.metadata

        large = await world.ask("get", LARGE, library, TOKEN)
        assert (large["messages"] == [LARGE], large["code"]) == (True, 0)

        missing = await world.ask("get", "missing", library, TOKEN)
        assert (missing["messages"], missing["code"]) == ([], 5)
        assert missing["details"] == "no order: ä%"
        assert missing["more"]["x-count"] == "7"

        refused = await world.ask("get", "order 7", library, None)
        assert (refused["messages"], refused["code"]) == ([], 16)
        assert refused["details"] == "token_missing: An access token is required"

        weak = await world.ask("get", "order 7", library, make_token("other").decode())
        assert (weak["messages"], weak["code"]) == ([], 7)
        assert weak["details"] == "scope_missing: This needs the scopes: api:read"

    by_http2 = world.gateway.metric("gateway_http2_connections_total")
    assert (by_http2 > 0) is world.origin.startswith("https")


async def test_a_page_reads_streams_to_their_end_whatever_that_is(world: World) -> None:
    for library in STREAMING:
        got = await world.ask("watch", "order", library, TOKEN)
        assert (got["messages"], got["code"]) == (["order 0", "order 1", "order 2"], 0)

        failed = await world.ask("watch", "late failure", library, TOKEN)
        assert len(failed["messages"]) == 3
        assert (failed["code"], failed["details"]) == (15, "lost")

        await call(world.page, "begin", library, world.origin, "long", TOKEN)
        left = await call(world.page, "cancel")
        assert left["messages"] == ["long 0"]
        assert await world.orders.wait_cancelled() == "left"


@pytest.mark.parametrize("library", STREAMING)
async def test_the_stream_of_a_page_ends_with_its_token(world: World, library: str) -> None:
    token = make_token(exp=int(time()) + 600).decode()
    await call(world.page, "begin", library, world.origin, "long", token)

    world.gateway.pass_time(EXPIRED)
    expired = await call(world.page, "finish")

    assert (expired["messages"], expired["code"]) == (["long 0"], 16)
    assert expired["details"] == "token_expired: The access token has expired"
    assert await world.orders.wait_cancelled() == "left"
