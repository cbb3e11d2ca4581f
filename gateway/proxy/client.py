"""A client's connection: requests in, answers out, in the order they were asked for."""

import asyncio
import socket
import struct
from collections import deque
from time import monotonic, time
from typing import Final, cast

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.proxy.exchange import Exchange
from gateway.proxy.forwarding import appended, is_trusted, replaced
from gateway.proxy.port import Port
from gateway.proxy.refusal import render_refusal
from gateway.proxy.request import Request
from gateway.proxy.request_reader import EarlyBytes, Fault, RequestReader
from gateway.proxy.server import NEVER
from gateway.proxy.tunnel import Tunnel
from gateway.proxy.upload import Upload

# After a refusal with the body still coming: how long what comes is read and thrown away, so
# that the client gets to read the answer before the connection is reset (RFC 9112 §9.6).
_LINGER_SECONDS: Final = 2.0

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


class ClientConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client.

    *_current* is the exchange being answered; those in *_queue* were pipelined behind it.
    *_last* is the one read last, as long as it may still go wrong.
    """

    __slots__ = (
        "_advancing",
        "_closing",
        "_connections",
        "_current",
        "_eof",
        "_forwarding",
        "_forwarding_host",
        "_held",
        "_idle_seconds",
        "_is_trusted",
        "_last",
        "_paused",
        "_port",
        "_queue",
        "_reader",
        "_tls",
        "_tunnel",
        "_write_blocked",
        "deadline",
        "peer",
        "peer_bytes",
        "transport",
        "write",
    )

    def __init__(self, port: Port, connections: "set[ClientConnection]") -> None:
        self._port = port
        self._connections = connections
        self._reader = RequestReader(self, port.names, port.limits)
        self._current: Exchange | None = None
        self._last: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._tunnel: Tunnel | None = None
        self._held = False
        self._idle_seconds = port.timeouts.idle_seconds
        self._paused = False
        self._write_blocked = False
        self._closing = False
        self._advancing = False
        self._eof = False
        self._forwarding = b""
        self._forwarding_host = b""

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it where there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        port = self._port
        peername = transport.get_extra_info("peername")
        self.peer = peername[0].removeprefix("::ffff:") if peername else ""
        self.peer_bytes = self.peer.encode()
        self._tls = transport.get_extra_info("sslcontext") is not None
        self._is_trusted = is_trusted(self.peer, port.trusted_proxies)
        self._connections.add(self)
        self.deadline = monotonic() + port.timeouts.head_seconds
        port.metrics.connections_open += 1
        port.metrics.connections_total += 1
        if len(self._connections) > port.limits.connections:
            port.metrics.connections_refused += 1
            deny = Deny(Reason.OVERLOADED, "too many connections")
            request_id = b"%b%09x" % (port.id_prefix, next(port.ids))
            self.write(render_refusal(deny, request_id, time(), False, True))
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        """Give up what is under way."""
        self._closing = True
        self.deadline = NEVER
        self._connections.discard(self)
        self._port.metrics.connections_open -= 1
        self._abandon()

    def _abandon(self) -> None:
        exchanges = (self._current, *self._queue)
        self._queue.clear()
        self._current = None
        for exchange in exchanges:
            if exchange is not None:
                exchange.client_lost()

    def eof_received(self) -> bool:
        """Answer what was asked, then close; a request cut short is given up."""
        reader = self._reader
        if self._tunnel is not None:
            self._tunnel.client_ended()
            return not self._tls
        if self._closing or self._tls or reader.in_message:
            return False
        self._eof = self._current is not None
        return self._eof

    def pause_writing(self) -> None:
        """Slow down the server."""
        self._write_blocked = True
        self.deadline = monotonic() + self._port.timeouts.body_seconds
        if self._current is not None:
            self._current.client_blocked()

    def resume_writing(self) -> None:
        """Let the server go on, or begin with the next request."""
        self._write_blocked = False
        if self._closing:
            return
        self.deadline = NEVER
        if self._current is not None:
            self._current.client_ready()
            self._await_body()
        else:
            self._await_request()
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Read requests, a piece of one, or bytes of a tunnel."""
        if self._tunnel is not None:
            self._tunnel.from_client(data)
            return
        if self._closing:
            return
        reader = self._reader
        if reader.feed_repeated(data):
            return
        if reader.is_over and self._last is not None and self._last.wants_upgrade:
            self._refuse_early_bytes()
            return
        try:
            reader.feed(data)
        except Fault as fault:
            self._take_fault(fault)
        except EarlyBytes:
            self._refuse_early_bytes()
        if reader.upload is not None:
            self._await_body()
        elif self._current is None and reader.in_message:
            # Set by the first piece of a head, and not moved by the next ones.
            self.deadline = min(self.deadline, monotonic() + self._port.timeouts.head_seconds)

    # --- from the reader

    def take_request(self, request: Request) -> Upload | None:
        """Begin with a request, or queue it behind those before it."""
        port = self._port
        exchange = Exchange(port, self, request)
        self._last = exchange
        if not request.is_plain and request.has_body():
            fields = request.fields
            length = None if fields.is_chunked else fields.content_length
            exchange.upload = Upload(self, length, port.limits.body_bytes)
        if self._current is None and not self._queue and not self._write_blocked:
            self._current = exchange
            self.deadline = NEVER
            exchange.begin()
        else:
            self._queue.append(exchange)
            self._update_reading()
        return exchange.upload

    def take_body_end(self) -> None:
        """Wait no longer for the client."""
        if not self._write_blocked:
            self.deadline = NEVER

    def _take_fault(self, fault: Fault) -> None:
        """Refuse what cannot be read, in its turn."""
        upload, self._reader.upload = self._reader.upload, None
        deny = Deny(fault.reason, fault.detail)
        if upload is not None:
            self._fail_last(deny)
            return
        request = self._reader.cut_short()
        request.fields.fault = deny
        if not self._closing:
            self.take_request(request)

    def _refuse_early_bytes(self) -> None:
        """Refuse bytes sent before the upgrade was answered (CVE-2025-64763)."""
        self._fail_last(Deny(Reason.REQUEST_MALFORMED, "bytes before the upgrade"))

    def _fail_last(self, deny: Deny) -> None:
        """Fail the request read last, once those in front of it are answered."""
        last = self._last
        if last is not None and last is self._current:
            last.fail(deny)
        elif last is not None:
            last.request.fields.find(deny.reason, deny.detail)

    # --- the order of answers

    def _advance(self) -> None:
        """Begin with the next requests until one has to wait; not by recursion."""
        if self._advancing:
            return
        self._advancing = True
        while self._queue and self._current is None:
            if self._write_blocked or self._closing:
                break
            self._current = exchange = self._queue.popleft()
            self.deadline = NEVER
            exchange.begin()
        self._advancing = False
        self._update_reading()

    def exchange_done(self, close: bool, now: float) -> None:
        """Go on with the next request, or end the connection."""
        self._current = None
        if close or (self._eof and not self._queue):
            self._close()
        elif self._queue:
            self._advance()
        elif self._reader.in_message or self._write_blocked:
            self._await_request()
        else:
            self.deadline = now + self._idle_seconds

    def _await_request(self) -> None:
        timeouts = self._port.timeouts
        partial = self._reader.in_message
        self.deadline = monotonic() + (timeouts.head_seconds if partial else timeouts.idle_seconds)

    def _await_body(self) -> None:
        if self._reader.upload is not None and not self._held and not self._write_blocked:
            self.deadline = monotonic() + self._port.timeouts.body_seconds

    # --- towards the client

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say who asked, and through whom, as whole lines."""
        port = self._port
        fields = request.fields
        host = fields.host
        if request.is_plain:
            if host != self._forwarding_host:
                self._forwarding_host = host
                self._forwarding = b"%bVia: %b\r\n" % (
                    replaced(self.peer, port.proto, host),
                    port.via,
                )
            return self._forwarding
        if self._is_trusted and fields.incoming is not None:
            lines = appended(self.peer, port.proto, host, fields.incoming)
        else:
            lines = replaced(self.peer, port.proto, host)
        via = b"%b, %b" % (fields.via, port.via) if fields.via else port.via
        return b"%bVia: %b\r\n" % (lines, via)

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))

    def hold(self) -> None:
        """Read no more until ``go_on``."""
        self._held = True
        if not self._write_blocked:
            self.deadline = NEVER
        self._update_reading()

    def go_on(self) -> None:
        """Read again."""
        self._held = False
        self._update_reading()
        self._await_body()

    def _update_reading(self) -> None:
        paused = (self._held or bool(self._queue)) and not self._closing
        if paused == self._paused or self.transport.is_closing():
            return
        self._paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""
        self._tunnel = tunnel
        self.deadline = monotonic() + self._port.timeouts.tunnel_seconds

    def end_writing(self) -> None:
        """Send the end of the tunnel's server side."""
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def is_busy(self) -> bool:
        """Return whether a request is under way."""
        return self._current is not None

    # --- endings

    def close_when_idle(self) -> None:
        """Close now if nothing is under way; otherwise the answer says that it will be."""
        if self._current is None and not self._reader.in_message:
            self._close()

    def abort(self) -> None:
        """Cut the connection with a reset: to HTTP/1.0 a mere close is the end of a body."""
        self._closing = True
        raw = self.transport.get_extra_info("socket")
        if raw is not None and not self.transport.is_closing():
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def _close(self) -> None:
        """Close behind the last answer; linger where the client may still be sending."""
        reader = self._reader
        linger = reader.is_over or reader.in_message
        self._closing = True
        reader.is_over = True  # what came behind in the same piece is not read either
        self._abandon()
        if self.transport.is_closing():
            return
        if linger and self._tunnel is None and self.transport.can_write_eof():
            self.deadline = monotonic() + _LINGER_SECONDS
            self._update_reading()
            self.transport.write_eof()
        else:
            self.deadline = monotonic() + self._port.timeouts.body_seconds
            self.transport.close()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self._tunnel is not None and not self._closing:
            self.deadline = self._tunnel.active_at + self._port.timeouts.tunnel_seconds
            if self.deadline > monotonic():
                return
        if self._closing:
            self.transport.abort()
        elif self._current is not None:
            self._current.expire()
        elif self._reader.in_message:
            self._reader.is_over = True
            self._take_fault(Fault(Reason.REQUEST_TIMEOUT, "the head did not arrive in time"))
        else:
            self._close()
