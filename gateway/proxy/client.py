"""A client's connection: requests in, answers out, in the order they were asked for."""

import asyncio
from collections import deque
from time import monotonic
from typing import Final, cast

import httptools

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.proxy.exchange import Exchange
from gateway.proxy.names import AUTHORIZATION, HOST
from gateway.proxy.port import Port
from gateway.proxy.refusal import render_refusal
from gateway.proxy.request import Request
from gateway.proxy.server import NEVER

# After a refusal with the body still coming: how long what comes is read and thrown away, so
# that the client gets to read the answer before the connection is reset (RFC 9112 §9.6).
_LINGER_SECONDS: Final = 2.0

# Chunk framing and trailers may cost so many bytes for each byte of body, and so many more in
# all: one-byte chunks are legal, 4 KiB of extension on each are an attack (CVE-2023-39326).
_FRAMING_RATIO: Final = 16

_HTTP_VERSIONS: Final = frozenset(("1.1", "1.0"))


class _StopParsing(Exception):  # noqa: N818 - not an error: the way out of a parser callback
    """What follows in the input is not read as requests any more."""


class ClientConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client.

    *_reading* is the request whose head is not complete, *_upload* the exchange whose body
    is not, *_current* the one being answered; those in *_queue* were pipelined behind it.
    """

    __slots__ = (
        "_advancing",
        "_body_left",
        "_closing",
        "_connections",
        "_current",
        "_eof",
        "_feed_bytes",
        "_framing_bytes",
        "_head_bytes",
        "_held",
        "_input_over",
        "_parser",
        "_paused",
        "_port",
        "_queue",
        "_reading",
        "_tls",
        "_tunnel",
        "_upgrading",
        "_upload",
        "_write_blocked",
        "deadline",
        "peer",
        "transport",
    )

    def __init__(self, port: Port, connections: "set[ClientConnection]") -> None:
        self._port = port
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._reading: Request | None = None
        self._upload: Exchange | None = None
        self._current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._upgrading: Exchange | None = None
        self._body_left = 0
        self._head_bytes = 0
        self._feed_bytes = 0
        self._framing_bytes = 0
        self._held = False
        self._paused = False
        self._write_blocked = False
        self._input_over = False
        self._closing = False
        self._tunnel = False
        self._advancing = False
        self._eof = False
        self.peer = ""

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it where there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        port = self._port
        self._tls = transport.get_extra_info("sslcontext") is not None
        peername = transport.get_extra_info("peername")
        self.peer = peername[0].removeprefix("::ffff:") if peername else ""
        self._connections.add(self)
        self.deadline = monotonic() + port.timeouts.head_seconds
        port.metrics.connections_open += 1
        port.metrics.connections_total += 1
        if len(self._connections) > port.limits.connections:
            port.metrics.connections_refused += 1
            self._input_over = True
            deny = Deny(Reason.OVERLOADED, "too many connections")
            request_id = port.next_request_id()
            self.write(
                render_refusal(deny, request_id, port.clock(), is_head=False, close=True)
            )
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        """Give up what is under way."""
        self._closing = True
        self.deadline = NEVER
        self._connections.discard(self)
        self._port.metrics.connections_open -= 1
        self._abandon()

    def _abandon(self) -> None:
        queue = tuple(self._queue)
        self._queue.clear()
        current, self._current = self._current, None
        if current is not None:
            current.client_lost()
        for exchange in queue:
            exchange.client_lost()

    def eof_received(self) -> bool:
        """Answer what was asked, then close; a request cut short is given up."""
        if self._closing or self._tls or self._reading is not None or self._upload is not None:
            return False
        if self._tunnel and self._current is not None:
            self._current.client_ended()
            return True
        self._eof = self._current is not None
        return self._eof

    def pause_writing(self) -> None:
        """Slow down the server."""
        self._write_blocked = True
        self.deadline = monotonic() + self._port.timeouts.body_seconds
        if self._current is not None and self._current.server is not None:
            self._current.server.hold()

    def resume_writing(self) -> None:
        """Let the server go on, or begin with the next request."""
        self._write_blocked = False
        self.deadline = NEVER
        if self._current is not None:
            if self._current.server is not None:
                self._current.server.go_on()
            self._await_body()
        elif not self._closing:
            self._await_request()
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Read requests, a piece of one, or bytes of a tunnel."""
        if self._tunnel:
            self.deadline = monotonic() + self._port.timeouts.tunnel_seconds
            if self._current is not None:
                self._current.tunnel_from_client(data)
            return
        if self._closing or self._input_over:
            return
        if self._upgrading is not None:
            self._early_bytes()
            return
        if self._body_left:
            data = self._read_known_length(data)
            if not data:
                return
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        self._feed_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if upgrade.args[0] < len(data):
                self._early_bytes()
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _StopParsing):
                raise
        except httptools.HttpParserError as error:
            self._malformed(Reason.REQUEST_MALFORMED, str(error).lower())
        if self._upload is not None:
            self._after_body_piece(self._upload)
        elif self._reading is not None and not self._input_over:
            self._after_head_piece()

    def _after_head_piece(self) -> None:
        """Bound the size of a head that is not complete, and the time it takes."""
        if self._head_bytes == 0 and self._current is None:
            self.deadline = monotonic() + self._port.timeouts.head_seconds
        self._head_bytes += self._feed_bytes
        request = self._reading
        limits = self._port.limits
        if request is not None and self._head_bytes > limits.head_bytes:
            if len(request.target) > limits.target_bytes:
                self._malformed(Reason.TARGET_TOO_LONG, "the target is too long")
            else:
                self._malformed(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def _after_body_piece(self, upload: Exchange) -> None:
        """Pass on what has come, and bound what its framing costs."""
        if upload.request.is_chunked:
            self._framing_bytes += self._feed_bytes
            allowed = self._port.limits.head_bytes + _FRAMING_RATIO * upload.received_bytes
            if self._framing_bytes - upload.received_bytes > allowed:
                self._malformed(Reason.REQUEST_MALFORMED, "more chunk framing than body")
                return
        else:
            self._body_left = (upload.request.content_length or 0) - upload.received_bytes
        upload.flush_body()
        self._await_body()

    def _read_known_length(self, data: bytes) -> bytes:
        """Pass on a piece of a body whose length is known; return what comes after it.

        Nothing in it needs parsing; the parser is replaced, since it still waits for it.
        """
        upload = self._upload
        rest = b""
        if len(data) > self._body_left:
            data, rest = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(data)
        if upload is not None:
            upload.body(data)
            if self._body_left:
                upload.flush_body()
                self._await_body()
        if not self._body_left:
            self._parser = httptools.HttpRequestParser(self)
            if not self._closing:
                self.on_message_complete()
        return b"" if self._closing else rest

    # --- from the parser

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        request = self._reading
        if request is None:
            if self._closing or self._input_over:
                raise _StopParsing
            self._reading = request = Request()
        request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers are dropped, never merged (RFC 9110 §6.5.1)."""
        request = self._reading
        if request is None:
            return
        kind = self._port.names[name]
        if kind.__class__ is bytes:
            request.lines += (kind, value)
        elif kind == HOST and not request.host and value[-1:] > b" ":
            request.host = value
        elif kind == AUTHORIZATION and value[-1:] > b" ":
            request.authorization += (value,)
        else:
            request.add_special(cast(int, kind), value)

    def on_headers_complete(self) -> None:
        """Begin with the request, or queue it behind those before it."""
        request = self._reading
        if request is None:
            raise _StopParsing
        parser = self._parser
        request.method = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            request.is_http11 = False
            if version not in _HTTP_VERSIONS:
                request.find(Reason.REQUEST_MALFORMED, "not HTTP/1.0 or HTTP/1.1")
        # HTTP/1.0 connections are closed: some old proxies pass `keep-alive` on blindly.
        request.keep_alive = request.is_http11 and parser.should_keep_alive()
        request.wants_upgrade = parser.should_upgrade()
        self._check_head_size(request)
        self._reading = None
        exchange = Exchange(self._port, self, request)
        self._head_bytes = self._framing_bytes = 0
        if request.has_body and not request.wants_upgrade:
            self._upload = exchange
        else:
            exchange.request_complete = True
            if request.wants_upgrade:
                self._upgrading = exchange
        if request.fault is not None:
            self._input_over = True
        self._enqueue(exchange)

    def _check_head_size(self, request: Request) -> None:
        limits = self._port.limits
        if len(request.lines) // 2 + request.special_fields > limits.head_fields:
            request.find(Reason.HEADERS_TOO_LARGE, f"more than {limits.head_fields} fields")
        if self._head_bytes + self._feed_bytes > limits.head_bytes:
            # The last piece may hold more than the head, so count what was understood.
            size = len(request.target) + sum(map(len, request.lines))
            size += sum(map(len, request.authorization))
            if size > limits.head_bytes:
                request.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self._upload is None or self._closing:
            raise _StopParsing
        self._upload.body(data)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.request_complete = True
            upload.flush_body()
            if upload is self._current:
                self.deadline = NEVER

    # --- faults of the client

    def _malformed(self, reason: Reason, detail: str) -> None:
        """Refuse what cannot be read, in its turn, and read no further."""
        self._input_over = True
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.fail(Deny(reason, detail))
            return
        request, self._reading = self._reading or Request(), None
        request.find(reason, detail)
        self._enqueue(Exchange(self._port, self, request))

    def _early_bytes(self) -> None:
        """Refuse bytes sent before the upgrade was answered (CVE-2025-64763)."""
        self._input_over = True
        if self._upgrading is not None:
            self._upgrading.fail(Deny(Reason.REQUEST_MALFORMED, "bytes before the upgrade"))

    # --- the order of answers

    def _enqueue(self, exchange: Exchange) -> None:
        if self._current is None and not self._queue and not self._write_blocked:
            self._current = exchange
            self.deadline = NEVER
            exchange.begin()
            return
        self._queue.append(exchange)
        self._update_reading()

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

    def exchange_done(self, exchange: Exchange, *, close: bool) -> None:
        """Go on with the next request, or end the connection."""
        if exchange is not self._current:
            return
        self._current = None
        if close or (self._eof and not self._queue):
            self._close()
        elif self._queue:
            self._advance()
        else:
            self._await_request()

    def _await_request(self) -> None:
        timeouts = self._port.timeouts
        if self._write_blocked:
            return
        partial = self._reading is not None
        self.deadline = monotonic() + (timeouts.head_seconds if partial else timeouts.idle_seconds)

    def _await_body(self) -> None:
        if self._upload is not None and not self._held and not self._write_blocked:
            self.deadline = monotonic() + self._port.timeouts.body_seconds

    # --- towards the client

    def write(self, data: bytes) -> None:
        """Send *data*."""
        self.transport.write(data)

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

    def begin_tunnel(self) -> None:
        """Pass on all further bytes as they are."""
        self._tunnel = True
        self._upgrading = None
        self.deadline = monotonic() + self._port.timeouts.tunnel_seconds

    def close_write(self) -> None:
        """Send the end of the tunnel's server side."""
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def close_when_idle(self) -> None:
        """Close now if nothing is under way; otherwise the answer says that it will be."""
        if self._current is None and self._reading is None:
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._closing = True
        self.transport.abort()

    def _close(self) -> None:
        """Close behind the last answer; linger where the client may still be sending."""
        linger = self._input_over or self._upload is not None or self._reading is not None
        self._closing = True
        self._upload = None
        self._abandon()
        if linger and self.transport.can_write_eof():
            self.deadline = monotonic() + _LINGER_SECONDS
            self._update_reading()
            self.transport.write_eof()
        else:
            self.deadline = monotonic() + self._port.timeouts.body_seconds
            self.transport.close()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self._closing:
            self.transport.abort()
        elif self._current is not None:
            self._current.expire()
        elif self._reading is not None:
            self._malformed(Reason.REQUEST_TIMEOUT, "the head did not arrive in time")
        else:
            self._close()
