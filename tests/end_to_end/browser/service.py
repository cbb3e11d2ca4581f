"""The application behind the proxy: a page, an API, events and a WebSocket; all recorded."""

import base64
import hashlib
import json
from pathlib import Path

from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from tests.proxy.messages import Message, make_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire

PAGE = (Path(__file__).parent / "page.html").read_bytes()

_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3

# A service that tries to take over the session, by each name that one of the proxies uses.
STOLEN = (
    b"Set-Cookie: __Host-session=stolen; Path=/; Secure; HttpOnly",
    b"Set-Cookie: mod_auth_openidc_session=stolen; Path=/; Secure; HttpOnly",
    b"Set-Cookie: own=1; Path=/; Secure",
)


async def application(service: Service, wire: Wire) -> None:
    """Serve requests on one connection."""
    while True:
        request = await service.read_request(wire)
        last = request.target.partition(b"?")[0].rpartition(b"/")[2]
        if last == b"events":
            await _stream(wire)
        elif last == b"socket":
            await _echo(request, wire)
        elif last == b"":
            wire.send(make_answer(PAGE, b"Content-Type: text/html"))
        elif last == b"steal":
            wire.send(make_answer(b"{}", *STOLEN, b"Content-Type: application/json"))
        else:
            wire.send(make_answer(_seen(request), b"Content-Type: application/json"))


def _seen(request: Message) -> bytes:
    """Return the names of the fields that came, and who it is for; never a token."""
    fields = {name.decode().lower(): value.decode("latin-1") for name, value in request.fields}
    subject = fields.get("x-gateway-subject") or fields.get("oidc_claim_sub")
    told = {"subject": subject, "method": request.method.decode(), "fields": sorted(fields)}
    return json.dumps(told).encode()


async def _stream(wire: Wire) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    wire.send(b"data: hello\n\n")
    await wire.wait_lost()


async def _echo(request: Message, wire: Wire) -> None:
    key = request.one(b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SUFFIX).digest())
    wire.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    frames = Protocol(Side.SERVER, state=State.OPEN)
    while True:
        await wire.wait_for(lambda: bool(wire.unread) or wire.has_ended)
        if not (data := await wire.read(len(wire.unread))):
            wire.close()
            return
        frames.receive_data(data)
        for event in frames.events_received():
            if getattr(event, "opcode", None) is Opcode.TEXT:
                frames.send_text(event.data)  # type: ignore[union-attr]
        for piece in frames.data_to_send():
            wire.send(piece)
