"""A real browser opens sockets with a token: as a subprotocol, and by a one-time ticket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from gateway.http.reading.handshake import accept_value
from tests.end_to_end.conftest import program
from tests.end_to_end.test_demo_in_a_browser import CHROMIUM_ARGUMENTS
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import RunningGateway, good_token, load, running_gateway, write_config
from tests.proxy.messages import make_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: hello\n\n"
FRAME = b"\x81\x05hello"  # RFC 6455 §5.7: a text message in one frame

CONFIG: dict[str, Any] = {
    "tickets": {},
    "routes": [
        {"name": "page", "match": {"path": "/page"}, "upstream": "main", "public": True},
        {
            "name": "chat",
            "match": {"path_prefix": "/chat/"},
            "upstream": "main",
            "require": {"scopes": ["api:read"]},
            "upgrades": ["websocket"],
            "token_from": ["authorization", "subprotocol", "ticket"],
        },
        {
            "name": "events",
            "match": {"path_prefix": "/events/"},
            "upstream": "main",
            "require": {"scopes": ["api:read"]},
            "token_from": ["ticket"],
        },
    ],
}

OPEN = """([url, protocols]) => new Promise(done => {
    const socket = protocols.length ? new WebSocket(url, protocols) : new WebSocket(url);
    socket.onmessage = event => done(`${socket.protocol}: ${event.data}`);
    socket.onclose = () => done("closed");
})"""

TICKET = """async ([url, token]) => {
    const headers = {Authorization: "Bearer " + token};
    const got = await fetch(url, {method: "POST", headers, body: "{}"});
    return (await got.json()).ticket;
}"""

LISTEN = """url => new Promise(done => {
    const events = new EventSource(url);
    events.onmessage = event => { events.close(); done(event.data); };
    events.onerror = () => { events.close(); done("refused"); };
})"""


async def speak(service: Service, wire: Wire) -> None:
    """Serve a page, a socket that selects no subprotocol, or an event."""
    while True:
        request = await service.read_request(wire)
        if request.target.startswith(b"/chat/"):
            accept = accept_value(request.one(b"Sec-WebSocket-Key"))
            wire.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Accept: %b\r\n\r\n%b" % (accept, FRAME)
            )
            return
        if request.target.startswith(b"/events/"):
            wire.send(EVENTS)
            return
        wire.send(make_answer(b"<!doctype html><title>page</title>"))


@asynccontextmanager
async def visiting(directory: Path) -> AsyncIterator[tuple[Page, RunningGateway, Service]]:
    """Yield a page of the gateway in Chromium."""
    async with running_service() as service, async_playwright() as playwright:
        service.script = speak
        path = write_config(directory, [service.url], CONFIG)
        async with running_gateway(load(path)) as gateway:
            browser = await playwright.chromium.launch(
                executable_path=program("chromium-headless-shell"), args=list(CHROMIUM_ARGUMENTS)
            )
            page = await browser.new_page()
            page.set_default_timeout(LIMIT_SECONDS * 1000)
            await page.goto(url_of(gateway, "/page"))
            yield page, gateway, service
            await browser.close()


def url_of(gateway: RunningGateway, target: str, scheme: str = "http") -> str:
    host, port = gateway.address
    return f"{scheme}://{host}:{port}{target}"


async def test_a_page_opens_a_websocket_with_its_token_as_a_subprotocol(tmp_path: Path) -> None:
    """6455.1: Chromium fails a handshake that selects none of the subprotocols it offered."""
    token = good_token().decode()
    async with visiting(tmp_path) as (page, gateway, service):
        url = url_of(gateway, "/chat/x", "ws")

        opened = await page.evaluate(OPEN, [url, ["bearer", f"bearer.{token}"]])
        beside = await page.evaluate(OPEN, [url, ["chat", f"bearer.{token}", "bearer"]])
        unselected = await page.evaluate(OPEN, [url, [f"bearer.{token}"]])
        refused = await page.evaluate(OPEN, [url, ["bearer", "bearer.x"]])

        assert (opened, beside) == ("bearer: hello", "bearer: hello")
        assert (unselected, refused) == ("closed", "closed")
        offered = [
            one.all(b"Sec-WebSocket-Protocol")
            for one in service.requests
            if one.target == b"/chat/x"
        ]
        assert offered == [[b"bearer"], [b"chat, bearer"], []]
        assert token.encode() not in service.received


async def test_a_page_opens_a_websocket_and_an_eventsource_by_ticket(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (page, gateway, service):
        asked = [url_of(gateway, "/gateway/ticket"), good_token().decode()]
        first, second = await page.evaluate(TICKET, asked), await page.evaluate(TICKET, asked)

        opened = await page.evaluate(OPEN, [url_of(gateway, f"/chat/x?ticket={first}", "ws"), []])
        heard = await page.evaluate(LISTEN, url_of(gateway, f"/events/x?a=1&ticket={second}"))
        again = await page.evaluate(LISTEN, url_of(gateway, f"/events/x?ticket={second}"))

        assert (opened, heard, again) == (": hello", "hello", "refused")
        targets = [one.target for one in service.requests]
        assert [one for one in targets if one[:6] in {b"/chat/", b"/event"}] == [
            b"/chat/x",
            b"/events/x?a=1",
        ]
        for text in (first, second, good_token().decode()):
            assert text.encode() not in service.received
