"""One stream of HTTP/2: a request in, its response out, as its exchange sees it."""

from time import monotonic
from typing import Final, Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.field_collector import Section
from gateway.http.writing.h2_head import render_h2_head, render_h2_trailers
from gateway.http.writing.request_head import Peer
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.exchange.grpc_call import GrpcCall
from gateway.proxy.port import Port
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.framing import (
    CONNECT_ERROR,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    ClientSink,
    Framing,
)
from gateway.proxy.transport.pace import Pace
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.pool import Pool

# If more of a response than this waits for the client to have room, its upstream waits.
_UNSENT_BYTES: Final = 16 * 1024


class StreamOwner(Protocol):
    """The connection of the stream."""

    framing: Framing[ClientSink]
    write_blocked: bool

    def send_soon(self) -> None:
        """Send what the streams have written, once for this turn of the event loop."""

    def hold_back(self, stream: "Stream") -> None:
        """Call ``check_room`` of *stream* whenever something was sent."""

    def body_passed(self, size: int) -> None:
        """Note that a piece of a body of *size* bytes is on its way to the client."""

    def response_ended(self, stream: "Stream", now: float) -> None:
        """Note that the exchange of *stream* is over."""


class Stream:
    """The client of one exchange: it frames the response, and gives credit for the request.

    *is_malformed* says that the stream is to be reset instead of answered. *is_closed* says that
    nothing can be sent on it any more, *has_ended* that the client sends no more.

    If the request *wants_tunnel*, a response of 2xx would say that there is one (RFC 8441 §5); a
    service that declines with one is no response to it.
    """

    __slots__ = (
        "_begun",
        "_ended",
        "_given_bytes",
        "_held",
        "_is_blocked",
        "_length",
        "_owed",
        "_owner",
        "_pace",
        "_read_rate",
        "_wants_tunnel",
        "bound",
        "exchange",
        "has_ended",
        "id",
        "is_closed",
        "is_malformed",
        "peer",
        "tunnel",
    )

    def __init__(
        self, owner: StreamOwner, stream_id: int, peer: Peer, wants_tunnel: bool = False
    ) -> None:
        self._owner = owner
        self.id = stream_id
        self.peer = peer
        self._wants_tunnel = wants_tunnel
        self.bound: BoundConnections | None = None
        self.exchange: Exchange | None = None
        self.tunnel: Tunnel | None = None
        self.is_closed = self.is_malformed = self.has_ended = False
        self._begun = self._ended = False  # the response
        self._length: int | None = None  # of the response, if it was announced
        self._held = False  # the request's body, because its service takes no more
        self._owed = 0  # bytes of it that the service took, and credit is still due for
        self._is_blocked = False  # the response, because the client has no room
        self._given_bytes = 0
        self._pace: Pace | None = None
        self._read_rate: int | None = None  # of the response, once its exchange is over

    # --- the request

    def data_received(self, data: bytes) -> None:
        """Pass on a piece of the body, or drop it."""
        size = len(data)
        if self.tunnel is not None:
            self.tunnel.from_client(data)
            self.consumed(size)
            return
        exchange = self.exchange
        upload = None if exchange is None else exchange.upload
        if upload is None or upload.is_dropped:
            self._give_credit(size)
            if exchange is not None and self._wants_tunnel:
                # A tunnel whose first bytes are missing is another one (CVE-2025-64763).
                exchange.fail(Deny(Reason.REQUEST_MALFORMED, "bytes before the upgrade"))
            return
        upload.add(data)
        if upload.is_too_large and exchange is not None:
            exchange.fail(Deny(Reason.BODY_TOO_LARGE, "the body is over the limit"))

    def pass_on(self) -> None:
        """Send what has come of the body to the service."""
        exchange = self.exchange
        if exchange is not None and exchange.upload is not None:
            exchange.upload.flush()

    def ended(self, trailers: Section = ()) -> None:
        """Note that the client has sent all of the request, its body with *trailers*."""
        self.has_ended = True
        if self.tunnel is not None:
            self.tunnel.client_ended()
            return
        exchange = self.exchange
        if exchange is None or exchange.upload is None:
            return
        upload = exchange.upload
        if upload.length is not None and upload.received_bytes != upload.length:
            # RFC 9113 §8.1.1. The library has looked as well; a lie here would be smuggling.
            exchange.fail(Deny(Reason.REQUEST_MALFORMED, "not as much body as Content-Length says"))
            return
        upload.trailers = trailers
        upload.complete = True

    def consumed(self, size: int) -> None:
        """Give credit for *size* bytes of the body, which the service took, or which are dropped.

        Not while the service takes no more: it has only room for those in its connection's buffer.
        """
        if self._held:
            self._owed += size
        else:
            self._give_credit(size)

    def _give_credit(self, size: int) -> None:
        if size:
            self._owner.framing.give_credit(self.id, size)
            self._owner.send_soon()

    def pause_reading(self) -> None:
        """Give no credit until ``resume_reading``."""
        self._held = True
        upload = None if self.exchange is None else self.exchange.upload
        if upload is not None and upload.pace is not None:
            upload.pace.stop(monotonic())  # the client has to wait, so it is not slow

    def resume_reading(self) -> None:
        """Give credit again, also what is due."""
        self._held = False
        owed, self._owed = self._owed, 0
        self._give_credit(owed)

    # --- the response

    def interim(self, status: int, fields: bytes) -> None:
        """Send an interim response."""
        if not (self.is_closed or self._begun):
            self._owner.framing.interim(self.id, render_h2_head(status, fields))
            self._owner.send_soon()

    def whole(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send a response that has come whole."""
        self._ended = True
        if self._wants_tunnel and status < 300:
            self.reset(CONNECT_ERROR)
        if self.is_closed:
            return
        self._begun = True
        owner, framing = self._owner, self._owner.framing
        framing.begin(self.id, render_h2_head(status, fields), not data)
        if data:
            self._given_bytes += len(data)
            framing.send(self.id, data, True)
            owner.body_passed(len(data))
        owner.send_soon()

    def begin(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send the head, and the first piece of the body."""
        if self._wants_tunnel and status < 300:
            self.reset(CONNECT_ERROR)
        if self.is_closed:
            return
        self._begun = True
        self._length = length
        self._owner.framing.begin(self.id, render_h2_head(status, fields), False)
        self._owner.send_soon()
        if data:
            self.body(data)

    def body(self, data: bytes) -> None:
        """Send a piece of the body, once the client has room for it."""
        if self.is_closed:
            return
        owner, framing = self._owner, self._owner.framing
        framing.send(self.id, data, False)
        self._given_bytes += len(data)
        owner.body_passed(len(data))
        owner.send_soon()
        if not self._is_blocked and framing.unsent_bytes(self.id) > _UNSENT_BYTES:
            self._is_blocked = True
            owner.hold_back(self)
            if self.exchange is not None:
                self.exchange.client_blocked()

    def check_room(self) -> bool:
        """Let the upstream continue if the client has room again; return whether it has."""
        if self._owner.write_blocked:
            return False
        if not self.is_closed and self._owner.framing.unsent_bytes(self.id) > _UNSENT_BYTES:
            return False
        self._is_blocked = False
        if self._pace is not None:
            self._pace.stop(monotonic())
        if self.exchange is not None:
            self.exchange.client_ready()
        return True

    def end(self, trailers: bytes = b"") -> None:
        """End the response, with *trailers* if there are any (RFC 9113 §8.1)."""
        self._ended = True
        if self.is_closed:
            return
        if trailers:
            self._owner.framing.end_with(self.id, render_h2_trailers(trailers))
        else:
            self._owner.framing.send(self.id, b"", True)
        self._owner.send_soon()

    def end_early(self) -> None:
        """End a response before its upstream does."""
        if self._length is None:
            self.end()
        else:
            self.cut()

    def respond(
        self, status: int, fields: bytes, body: bytes, must_close: bool = False, more: bytes = b""
    ) -> None:
        """Send a whole response of the gateway's own; reset a malformed stream instead."""
        if self.is_malformed:
            self.reset(PROTOCOL_ERROR)
            self._ended = True
        else:
            self.whole(status, fields + more, len(body), True, body)

    def cut(self) -> None:
        """Reset the stream, so that no truncated response looks complete."""
        self.reset(INTERNAL_ERROR)

    def reset(self, error_code: int) -> None:
        """Reset the stream, unless it is closed."""
        if not self.is_closed:
            self.is_closed = True
            self._owner.framing.reset(self.id, error_code)
            self._owner.send_soon()

    def takes_no_more(self) -> bool:
        """Return whether too much waits to be sent."""
        return self._is_blocked or self._owner.write_blocked

    def is_sent(self) -> bool:
        """Return whether the whole response was handed to the kernel."""
        return self._ended and not self._owner.framing.unsent_bytes(self.id)

    def bind(self, pool: Pool) -> BoundConnections:
        """Reserve a connection of *pool* for this request alone.

        A login on a connection is of its client; on one of HTTP/2, others could be as well.
        """
        bound = self.bound = self.bound or BoundConnections()
        bound.begin(pool)
        return bound

    def exchange_done(self, now: float) -> None:
        """Continue without the exchange; reset the stream if its response is incomplete."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self._read_rate = exchange.read_rate()
        self.tunnel = None
        self._held = False
        self.resume_reading()
        if self.bound is not None:
            self.bound.close()
        if not self._ended:
            self.cut()
        self._owner.response_ended(self, now)

    def refuse_rest(self) -> None:
        """Have the client send no more of a request whose response is sent (RFC 9113 §8.1)."""
        if not self.has_ended:
            self.reset(NO_ERROR)

    # --- tunnels

    def begin_tunnel(self, tunnel: Tunnel, protocol: bytes, fields: bytes) -> None:
        """Accept the extended CONNECT, and pass all further bytes on as they are (RFC 8441 §5)."""
        self.tunnel = tunnel
        if self.is_closed:
            return
        headers = render_h2_head(200, fields)
        headers = [one for one in headers if one[0] != b"sec-websocket-accept"]
        self._begun = True
        self._owner.framing.begin(self.id, headers, False)
        self._owner.send_soon()
        if self.has_ended:
            tunnel.client_ended()

    def write(self, piece: Piece) -> None:
        """Send bytes of the tunnel."""
        self.body(piece if isinstance(piece, bytes) else b"".join(piece))

    def end_writing(self) -> bool:
        """End the stream towards the client."""
        if not self._ended:
            self.end()
        return True

    # --- timeouts

    def check(self, now: float, port: Port) -> None:
        """Give up what takes too long."""
        exchange = self.exchange
        if not self._owner.write_blocked and not self._reads_fast_enough(now, port):
            if exchange is None:
                self.cut()
            else:
                exchange.expire_unread()
            return
        if exchange is None or exchange.is_over:
            return
        if self.tunnel is not None:
            if self.tunnel.active_at + port.timeouts.tunnel_seconds < now:
                exchange.expire()
            return
        if isinstance(exchange, GrpcCall):
            exchange.check(now)
            return
        upload = exchange.upload
        if upload is not None and not self._sends_fast_enough(exchange, upload, now, port):
            exchange.expire()
            return
        exchange.check_total(now)

    def _sends_fast_enough(
        self, exchange: Exchange, upload: Upload, now: float, port: Port
    ) -> bool:
        """Return whether the client sends its body at the minimum rate, if it may."""
        if upload.complete or self._held or not upload.is_awaited():
            return True
        pace = upload.pace
        if pace is None:
            pace = upload.pace = Pace(port.timeouts.body_seconds, upload.received_bytes)
        if not pace.is_running:
            pace.start(now, upload.received_bytes, exchange.body_rate())
            return True
        return pace.is_fast_enough(now, upload.received_bytes, exchange.body_rate())

    def _reads_fast_enough(self, now: float, port: Port) -> bool:
        """Return whether the client makes room for its response at the minimum rate."""
        unsent = 0 if self.is_closed else self._owner.framing.unsent_bytes(self.id)
        pace = self._pace
        if not unsent:
            if pace is not None:
                pace.stop(now)
            return True
        count = self._given_bytes - unsent
        exchange = self.exchange
        rate = self._read_rate if exchange is None else exchange.read_rate()
        if pace is None:
            pace = self._pace = Pace(port.timeouts.body_seconds, count)
        if not pace.is_running:
            pace.start(now, count, rate)
            return True
        return pace.is_fast_enough(now, count, rate)
