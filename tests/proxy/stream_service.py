"""A service of HTTP/2 by another implementation, hyper-h2, which records and answers as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from tests.hanging import LIMIT_SECONDS

Fields = dict[bytes, bytes]


@dataclass(slots=True, eq=False)
class Call:
    """One request that came, on a stream of a connection."""

    connection: "StreamServer"
    stream: int
    head: Fields
    body: bytearray = field(default_factory=bytearray)
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    is_ended: bool = False
    is_reset: bool = False

    def respond(
        self, status: int = 200, body: bytes = b"ok", trailers: Fields | None = None
    ) -> None:
        """Send a whole response."""
        server = self.connection
        head = [
            (b":status", b"%d" % status),
            (b"content-type", self.head.get(b"content-type", b"text/plain")),
        ]
        is_last = not body and trailers is None
        server.h2.send_headers(self.stream, head, end_stream=is_last)
        if body:
            server.h2.send_data(self.stream, body, end_stream=trailers is None)
        if trailers is not None:
            server.h2.send_headers(self.stream, list(trailers.items()), end_stream=True)
        server.flush()

    def refuse(self, code: ErrorCodes = ErrorCodes.REFUSED_STREAM) -> None:
        """Reset the stream."""
        self.connection.h2.reset_stream(self.stream, code)
        self.connection.flush()


class StreamServer(asyncio.Protocol):
    """One connection, on the service's side; *most_open* is the most streams that were open."""

    def __init__(self, service: "StreamService") -> None:
        self.service = service
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.calls: dict[int, Call] = {}
        self.most_open = 0
        self.is_closed = self.got_goaway = False
        self._early = b""  # what came before SETTINGS were sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.service.connections.append(self)
        if self.service.is_silent:
            return
        self.begin()

    def begin(self) -> None:
        """Send SETTINGS."""
        most = {SettingCodes.MAX_CONCURRENT_STREAMS: self.service.most_streams}
        self.h2.local_settings = Settings(client=False, initial_values=most)
        self.h2.initiate_connection()
        self.flush()
        self.data_received(self._early)

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.service.is_silent:
            self._early += data
            return
        try:
            events = self.h2.receive_data(data)
        except ProtocolError as error:
            self.service.faults.append(error)
            self.transport.close()
            return
        for event in events:
            self._take(event)
        self.flush()
        self.service.changed.set()

    def _take(self, event: object) -> None:
        if isinstance(event, RequestReceived):
            assert event.stream_id is not None
            head = {bytes(name): bytes(value) for name, value in event.headers or ()}
            call = Call(self, event.stream_id, head)
            self.calls[call.stream] = call
            self.service.calls.append(call)
            self.most_open = max(self.most_open, self.h2.open_inbound_streams)
        elif isinstance(event, DataReceived):
            assert event.stream_id is not None
            self.calls[event.stream_id].body += event.data or b""
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, TrailersReceived):
            assert event.stream_id is not None
            fields = event.headers or ()
            self.calls[event.stream_id].trailers = tuple((bytes(n), bytes(v)) for n, v in fields)
        elif isinstance(event, StreamEnded):
            assert event.stream_id is not None
            self.calls[event.stream_id].is_ended = True
            self.service.answer(self.calls[event.stream_id])
        elif isinstance(event, StreamReset):
            assert event.stream_id is not None
            self.calls[event.stream_id].is_reset = True
        elif isinstance(event, ConnectionTerminated):
            self.got_goaway = True

    def go_away(self, last: int) -> None:
        """Say that no stream above *last* was, or will be, served.

        By hand, because hyper-h2 does not answer streams after that.
        """
        self.transport.write(GoAwayFrame(0, last_stream_id=last).serialize())

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        self.service.changed.set()


def answer_at_once(call: Call) -> None:
    call.respond()


def hold(call: Call) -> None:
    """Leave the request without a response, for now."""


class StreamService:
    """Records *connections* and *calls*; each call gets ``answer`` when its request is complete."""

    def __init__(self, most_streams: int) -> None:
        self.most_streams = most_streams
        self.is_silent = False  # sends nothing at all
        self.connections: list[StreamServer] = []
        self.calls: list[Call] = []
        self.answer: Callable[[Call], None] = answer_at_once
        self.faults: list[Exception] = []
        self.changed = asyncio.Event()
        self.url = ""

    @property
    def open(self) -> list[StreamServer]:
        """Return the connections that are open."""
        return [one for one in self.connections if not one.is_closed]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that came makes *condition* true."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running_streams(
    most_streams: int = 100, tls: ssl.SSLContext | None = None
) -> AsyncIterator[StreamService]:
    """Yield a service on a port of its own."""
    service = StreamService(most_streams)
    listener = await asyncio.get_running_loop().create_server(
        lambda: StreamServer(service), "127.0.0.1", 0, ssl=tls
    )
    scheme = "http" if tls is None else "https"
    service.url = "{}://{}:{}".format(scheme, *listener.sockets[0].getsockname())
    yield service
    listener.close()
    for one in service.connections:
        one.transport.abort()
    assert service.faults == []
