"""Pass an answer on from the server to the client."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.http.writing.status_line import STATUS_LINES
from gateway.proxy.port import Port
from gateway.proxy.streams.events import Events
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.write_buffer import LARGE_BYTES, Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.pool import Pool

if TYPE_CHECKING:  # it imports this
    from gateway.proxy.concurrency.entrance import Entrance


class Client(Protocol):
    """The connection a request came on."""

    peer: str
    peer_bytes: bytes
    proto: bytes  # that it speaks: http or https
    bound: BoundConnections | None  # to services, where it logged in
    is_trusted: bool  # what the peer says of whom it speaks for is believed

    @property
    def write(self) -> Callable[[Piece], object]:
        """Return what sends bytes to the client."""

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say who asked, and through whom."""

    def bind(self, pool: Pool) -> BoundConnections:
        """Have connections of *pool* that serve it be its own from now on."""

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk."""

    def hold(self) -> None:
        """Read no more until ``go_on``: the other side cannot take it."""

    def go_on(self) -> None:
        """Read again."""

    def has_more(self) -> bool:
        """Return whether something has come that is not part of the request being answered."""

    def exchange_done(self, close: bool, now: float) -> None:
        """Take that the answer is out; *close* says that the connection ends with it."""

    def takes_no_more(self) -> bool:
        """Return whether it has enough to read: its server is to wait."""

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""

    def end_writing(self) -> bool:
        """Send the end of the tunnel's server side; return False if that cannot be said."""

    def abort(self) -> None:
        """Cut the connection, so that no truncated answer looks complete."""


class Answering:
    """The half of an exchange that carries the answer."""

    __slots__ = (
        "_answer_started",
        "_chunked_out",
        "_close",
        "_head",
        "client",
        "entrance",
        "events",
        "is_head",
        "is_over",
        "limit_fields",
        "out",
        "port",
        "request",
        "sent_at",
        "sent_bytes",
        "server",
        "status",
        "trace",
        "tunnel",
        "upload",
        "upstream_seconds",
        "waited",
        "wants_upgrade",
    )

    port: Port
    client: Client
    request: Request
    entrance: "Entrance | None"  # of which it holds places
    events: Events | None  # of an event stream, once a first piece was sent on
    is_head: bool
    is_over: bool
    limit_fields: bytes  # for our answer as for the service's; each begins with a line end
    out: list[bytes]
    server: ServerConnection | None
    sent_at: float
    sent_bytes: int
    status: int
    trace: Trace | None
    tunnel: Tunnel | None
    upload: Upload | None
    upstream_seconds: float | None
    waited: bool  # for somebody else than a service that was to begin its answer
    wants_upgrade: bool
    _answer_started: bool
    _chunked_out: bool
    _close: bool
    _head: bytes

    def request_complete(self) -> bool:
        """Return whether all of the request was read, and sent on."""
        return self.upload is None or self.upload.complete

    def is_answering(self) -> bool:
        """Return whether a part of the answer was sent on."""
        return self._answer_started

    def answer_interim(self, status: int, fields: bytes) -> None:
        """Pass on a 1xx answer; HTTP/1.0 does not know them (RFC 9110 §15.2)."""
        if self.request.is_http11:
            self.client.write(b"%b%b\r\n\r\n" % (STATUS_LINES[status], fields))

    def answer_head(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Take the final head, and frame the body for this client."""
        self.upstream_seconds = seconds = monotonic() - self.sent_at
        self.status = status
        if self.port.edits_answers:
            fields = self._edit(fields)
        server = self.server
        if server is not None:
            server.home.counts.times.observe(self.request.method, status, seconds)
        framing = self.limit_fields
        upload = self.upload
        if not self.request.keep_alive or (self.port.is_draining and self._is_last()):
            self._close = True
        elif upload is not None and not upload.complete:
            self._close = True  # an early answer: the rest of the body is not read
        if length is None and has_body:
            if self.request.is_http11:
                self._chunked_out = True
                framing += b"\r\nTransfer-Encoding: chunked"
            else:
                self._close = True
        if self._close:
            framing += b"\r\nConnection: close"
        self._head = b"%b%b%b\r\n\r\n" % (STATUS_LINES[status], fields, framing)

    def _edit(self, fields: bytes) -> bytes:
        """Return the *fields* of an answer as the route wants them."""
        raise NotImplementedError

    def _is_last(self) -> bool:
        """Return whether the gateway takes leave of the client with this answer.

        Not before all that the client had sent is answered: it could not know.
        """
        return self.port.is_draining and not self.client.has_more()

    def answer_flush(self) -> None:
        """Send what was taken in so far of an answer that goes on."""
        if self._head:
            self._answer_goes_on(self._head)
        if self.events is not None:
            self._follow(self.events)
        before = self.sent_bytes
        self._flush()
        if self.sent_bytes - before >= LARGE_BYTES:
            self.port.outbox.flush()
        if self.events is not None and self.events.is_leaving and self.events.is_between():
            self._end_answer()

    def _follow(self, events: Events) -> None:
        """Know where an event ends in what is sent next; of the last one, send no more."""
        data = b"".join(self.out)
        if events.is_leaving:
            data = data[: events.first_end(data)]
        events.follow(data)
        self.out[:] = (data,)

    def _end_answer(self) -> None:
        """End an answer in the middle of it."""
        raise NotImplementedError

    def _answer_goes_on(self, head: bytes) -> None:
        """Take that the answer with *head*, not yet sent, did not come in one piece."""
        raise NotImplementedError

    def _flush(self) -> None:
        out = self.out
        head = self._head
        if head:
            self._head = b""
            self._answer_started = True
        elif not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self.sent_bytes += len(data)
        write = self.client.write  # by way of a local: half the price of `client.write(…)`
        if not self._chunked_out:
            write(head + data if head else data)
            return
        if head:
            write(head)
        if data:
            self.client.write_chunk(data)

    def answer_end(self) -> None:
        """End the exchange."""
        self.server = None
        self._flush()
        if self._chunked_out:
            self.client.write(b"0\r\n\r\n")
        self._end(self._close)

    def _end(self, close: bool) -> None:
        raise NotImplementedError

    def server_blocked(self) -> None:
        """Slow down the client."""
        self.client.hold()

    def server_ready(self) -> None:
        """Let the client go on."""
        self.client.go_on()

    def client_blocked(self) -> None:
        """Slow down the server."""
        server = self.server if self.tunnel is None else self.tunnel.server
        if server is not None:
            server.hold()

    def client_ready(self) -> None:
        """Let the server go on."""
        server = self.server if self.tunnel is None else self.tunnel.server
        if server is not None:
            server.go_on()
