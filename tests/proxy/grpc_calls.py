"""Calls of gRPC as frames, and how they ended."""

from collections.abc import Callable
from urllib.parse import unquote

from tests.proxy.gateways import RunningGateway, good_token
from tests.proxy.h2.frames import Field, request_fields
from tests.proxy.h2.wire import Http2Client, Stream
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

CALL: tuple[Field, ...] = ((b"content-type", b"application/grpc+proto"), (b"te", b"trailers"))
TOKEN: Field = (b"authorization", b"Bearer " + good_token())
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"


def message(content: bytes) -> bytes:
    """Return one message of gRPC: not compressed, its length, its bytes."""
    return b"\0" + len(content).to_bytes(4, "big") + content


def call(path: bytes = b"/api/pkg.Svc/Do", *fields: Field) -> list[Field]:
    """Return the head of a call."""
    return request_fields(path, *CALL, *fields, method=b"POST")


def chunk(content: bytes) -> bytes:
    """Return *content* as a chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(content), content)


REPLY = HEAD + chunk(message(b"yes")) + b"0\r\ngrpc-status: 0\r\n\r\n"


def streaming(*pieces: bytes) -> Script:
    """Return a script that answers as soon as a head has come, and then is silent."""

    async def script(service: Service, wire: Wire) -> None:
        await wire.read_until(b"\r\n\r\n")
        wire.send(b"".join(pieces))

    return script


async def speak(gateway: RunningGateway) -> Http2Client:
    """Return a client that has begun."""
    client = Http2Client(await gateway.connect())
    client.begin()
    return client


async def see(client: Http2Client, holds: Callable[[], bool]) -> None:
    """Wait until frames that came make *holds* true."""

    def is_seen() -> bool:
        client.read()
        return holds()

    await client.wire.wait_for(is_seen)


def status_of(stream: Stream) -> tuple[int, str]:
    """Return the status of the call and its message, from its trailers or its only head."""
    fields = stream.trailers or stream.final
    named = dict(fields)
    assert [name for name, _ in fields].count(b"grpc-status") == 1
    return int(named[b"grpc-status"]), unquote(named.get(b"grpc-message", b"").decode("ascii"))


def is_trailers_only(stream: Stream) -> bool:
    """Return whether all that came is one head."""
    return len(stream.heads) == 1 and stream.is_ended and not stream.data_sizes
