"""What a rehearsal says of a call of gRPC is what its caller receives, and its service."""

import re
import time
from base64 import b64encode

import pytest

from gateway.decision.verdict import Needed
from gateway.http.rehearsal import REQUEST_ID, H2Head, Rehearsal
from tests.proxy.exchange.test_grpc_web_call import TEXT, WEB, start_web, web
from tests.proxy.exchange.test_grpc_web_call import call as web_call
from tests.proxy.gateways import RunningGateway
from tests.proxy.grpc_calls import REPLY, TOKEN, call, message, speak
from tests.proxy.h2.frames import Field
from tests.proxy.service import Service, serve

__all__ = ["start_web", "web"]  # fixtures


def rehearse(gateway: RunningGateway, asked: list[Field] | bytes) -> bytes:
    """Return what would be written of a call over HTTP/2, or of gRPC-Web over HTTP/1.1."""
    serving, fetched = gateway.gateway.data._serving, gateway.gateway.fetched
    rehearsal = Rehearsal(serving.settings, "127.0.0.1", serving.port.pseudonym)
    request = (
        rehearsal.read(asked.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        if isinstance(asked, bytes)
        else rehearsal.read_h2(H2Head(tuple(asked), has_body=True))
    )
    keys, lists = fetched.keyring.keys, fetched.revocations.lists
    explanation = rehearsal.explain(request, keys, time.time(), lists)
    assert not isinstance(explanation.verdict, Needed)
    return rehearsal.render(request, explanation.verdict, time.time())


def plain(written: bytes) -> list[bytes]:
    """Return the lines of *written* without what differs between two requests, names in lower case.

    Fields of HTTP/2 are in lower case, and their order is that of the head.
    """
    written = re.sub(rb"[0-9a-f]{14}-[0-9a-f]{9}", REQUEST_ID, written)
    lines = written.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
    parts = (line.partition(b": ") for line in lines)
    return [name.lower() + colon + value for name, colon, value in parts if name.lower() != b"date"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (b"/api/pkg.Svc/Do", ()),
        (b"/api/pkg.Svc/Do", ((b"authorization", b"Bearer x.y.z"),)),
        (b"/admin/pkg.Svc/Do", (TOKEN,)),
        (b"/pkg.Svc/Do", (TOKEN,)),
        (b"/api/../Do", (TOKEN,)),
        (b"/api/pkg.Svc/Do", (TOKEN, (b"grpc-timeout", b"soon"))),
    ],
    ids=["no token", "bad token", "scope", "no route", "path", "timeout"],
)
async def test_a_refused_call_receives_what_the_rehearsal_writes(
    gateway: RunningGateway, service: Service, path: bytes, fields: tuple[Field, ...]
) -> None:
    asked = call(path, *fields)
    client = await speak(gateway)

    stream = await client.fetch(asked, message(b"hello"))

    received = b"".join(b"\r\n%b: %b" % one for one in stream.message.fields)
    assert plain(rehearse(gateway, asked)) == plain(received)
    assert stream.message.status == 200
    assert service.received == b""


async def test_the_service_of_a_call_receives_what_the_rehearsal_writes(
    gateway: RunningGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    asked = call(b"/api/pkg.Svc/Do", TOKEN)
    client = await speak(gateway)

    await client.fetch(asked, message(b"hello"))

    head = service.received.partition(b"\r\n\r\n")[0]
    assert plain(rehearse(gateway, asked)) == plain(head)


@pytest.mark.parametrize("kind", [WEB, TEXT])
@pytest.mark.parametrize("target", ["/admin/a.B/C", "/none", "/api/../a"])
async def test_a_refused_call_of_grpc_web_receives_what_the_rehearsal_writes(
    web: RunningGateway, kind: str, target: str
) -> None:
    asked = web_call(message(b"hello"), target=target, kind=kind)

    answer = await web.ask(asked)

    received = b"".join(b"\r\n%b: %b" % one for one in answer.fields)
    assert plain(rehearse(web, asked)) == plain(received)
    assert answer.status == 200


@pytest.mark.parametrize("kind", [WEB, TEXT])
async def test_the_service_of_a_call_of_grpc_web_receives_what_the_rehearsal_writes(
    web: RunningGateway, service: Service, kind: str
) -> None:
    service.script = serve(REPLY)
    content = message(b"hello")
    asked = web_call(b64encode(content) if kind == TEXT else content, kind=kind)

    await web.ask(asked)

    head = service.received.partition(b"\r\n\r\n")[0]
    assert plain(rehearse(web, asked)) == plain(head)
