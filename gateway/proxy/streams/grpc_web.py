"""Let a client of gRPC-Web speak with a service of gRPC: bodies and trailers, as they come."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.grpc_web import (
    MalformedText,
    MessageBorders,
    TextDecoder,
    WebForm,
    encode_piece,
    has_status,
    trailers_frame,
    web_fields,
)
from gateway.http.writing.request_head import Peer
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import BodyTarget
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.pool import Pool

_CUT_MESSAGE = "the upstream ended its response within a message of gRPC"
_NO_MESSAGE = "the upstream sent something else than messages of gRPC"


class Answered(Protocol):
    """The exchange whose response is written."""

    def response_cut(self, detail: str) -> None:
        """Note that the client gets no end of the response, and why."""


class GrpcWebClient:
    """Writes the gRPC response of *exchange* to *client* in the *form* of gRPC-Web.

    The trailers become the last frame of the body, because pages cannot read trailers. That frame
    must follow a whole message: otherwise it would be read as a part of one, so the response is cut
    instead. A response that is no gRPC passes as it is.
    """

    __slots__ = ("_borders", "_client", "_exchange", "_form", "_is_grpc")

    def __init__(self, client: Client, form: WebForm, exchange: Answered) -> None:
        self._client = client
        self._form = form
        self._exchange: Answered | None = exchange
        self._borders = MessageBorders()
        self._is_grpc = False  # the response, once it has begun

    @property
    def peer(self) -> Peer:
        """Return the other end of the client's connection."""
        return self._client.peer

    @property
    def bound(self) -> BoundConnections | None:
        """Return the connections to upstreams that serve this client alone."""
        return self._client.bound

    def bind(self, pool: Pool) -> BoundConnections:
        """Reserve connections of *pool* that serve this client for it alone from now on."""
        return self._client.bind(pool)

    # --- the response

    def interim(self, status: int, fields: bytes) -> None:
        """Send an interim response."""
        self._client.interim(status, fields)

    def begin(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send the head of the response, and *data*, which is what has come of its body."""
        changed = web_fields(fields, self._form)
        if changed is None:
            self._client.begin(status, fields, length, has_body, data)
            return
        self._is_grpc = True
        self._client.begin(status, changed, None, True, self._convert(data))

    def body(self, data: bytes) -> None:
        """Send a piece of the body."""
        if self._is_grpc:
            data = self._convert(data)
        if data:
            self._client.body(data)

    def _convert(self, data: bytes) -> bytes:
        """Return *data* in the client's form; nothing from what is no message on."""
        self._borders.follow(data)
        if self._borders.is_lost:
            return b""
        return self._encode(data)

    def _encode(self, data: bytes) -> bytes:
        return encode_piece(data) if self._form.wants_text else data

    def end(self, trailers: bytes = b"") -> None:
        """End the response with a frame of *trailers*."""
        if not self._is_grpc:
            self._client.end()  # a page does not read trailers
        elif self._borders.is_between:
            self._client.body(self._encode(trailers_frame(trailers)))
            self._client.end()
        else:
            self._cut_within()

    def _cut_within(self) -> None:
        if self._exchange is not None:
            self._exchange.response_cut(_NO_MESSAGE if self._borders.is_lost else _CUT_MESSAGE)
        self._client.cut()

    def whole(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send a response that has come whole; one with its status in the head stays so."""
        changed = web_fields(fields, self._form)
        if changed is None:
            self._client.whole(status, fields, length, has_body, data)
            return
        is_head_alone = not data and has_status(changed)
        body = b"" if is_head_alone else self._convert(data) + self._encode(trailers_frame(b""))
        if not self._borders.is_between:
            self._cut_within()
            return
        changed += b"\r\nContent-Length: %d" % len(body)
        self._client.whole(status, changed, len(body), True, body)

    def end_early(self) -> None:
        """End a response before its upstream does: cut one of gRPC, which has no status yet."""
        if self._is_grpc:
            self._client.cut()
        else:
            self._client.end_early()

    def respond(
        self, status: int, fields: bytes, body: bytes, must_close: bool = False, more: bytes = b""
    ) -> None:
        """Send a whole response of the gateway's own; a refusal of a call has no body."""
        changed = None if body else web_fields(fields, self._form)
        if changed is not None:
            fields = changed + b"\r\nContent-Length: 0"
        self._client.respond(status, fields, body, must_close, more)

    def cut(self) -> None:
        """Give up the response, so that no truncated one looks complete."""
        self._client.cut()

    def takes_no_more(self) -> bool:
        """Return whether too much waits to be sent: the upstream has to wait."""
        return self._client.takes_no_more()

    def exchange_done(self, now: float) -> None:
        """Continue without the exchange, which is over."""
        self._exchange = None  # it refers to this object: without a cycle both are freed at once
        self._client.exchange_done(now)

    # --- the body of the request

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""
        self._client.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
        self._client.resume_reading()

    # --- tunnels, of which a call is none

    def begin_tunnel(self, tunnel: Tunnel, protocol: bytes, fields: bytes) -> None:
        """Switch to *protocol*."""
        self._client.begin_tunnel(tunnel, protocol, fields)

    @property
    def write(self) -> Callable[[Piece], object]:
        """Return the function that sends bytes of a tunnel."""
        return self._client.write

    def end_writing(self) -> bool:
        """Half-close towards the client; return False if that is impossible."""
        return self._client.end_writing()


class TextBody:
    """Decodes a request body in base64 on its way to *server*, which gets it in chunks.

    What is not base64 makes the request *fail*, once the event loop is free: a body is passed on
    from within the reader of the client's connection. The server gets no end of such a body.
    """

    __slots__ = ("_decoder", "_fail", "_is_malformed", "_server")

    def __init__(self, server: BodyTarget, fail: Callable[[Deny], None]) -> None:
        self._server = server
        self._fail = fail
        self._decoder = TextDecoder()
        self._is_malformed = False

    def expect_nothing(self) -> None:
        """Wait for no response: the body is still to come."""
        self._server.expect_nothing()

    def write(self, data: bytes) -> None:
        """Decode and pass on *data*."""
        if self._is_malformed:
            return
        try:
            decoded = self._decoder.decode(data)
        except MalformedText:
            self._give_up()
            return
        if decoded:
            self._server.write_chunk(decoded)

    def write_chunk(self, data: bytes) -> None:
        """Decode and pass on *data*; chunks need not end where groups of characters do."""
        self.write(data)

    def end_chunks(self, trailers: bytes) -> None:
        """Drop the trailers: a request of gRPC has none."""

    def expect_response(self) -> None:
        """End the body, and wait for the response."""
        if self._is_malformed:
            return
        try:
            self._decoder.end()
        except MalformedText:
            self._give_up()
            return
        self._server.end_chunks(b"")
        self._server.expect_response()

    def _give_up(self) -> None:
        self._is_malformed = True
        deny = Deny(Reason.REQUEST_MALFORMED, "the body of a gRPC-Web text call is not base64")
        asyncio.get_running_loop().call_soon(self._fail, deny)
