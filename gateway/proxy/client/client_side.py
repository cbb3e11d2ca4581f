"""The half of a client's connection that exchanges use."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from gateway.http.reading.forwarding import is_trusted
from gateway.http.reading.request import Request
from gateway.http.writing.request_head import render_forwarding
from gateway.proxy.client.backlog import Backlog
from gateway.proxy.client.request_reader import RequestReader
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.port import Port
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.transport.pace import Pace
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.connection import NEVER
from gateway.proxy.upstream.pool import Pool

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


class ClientSide:
    """Writes to the client in order, and reads from it no faster than the server takes it.

    *_current* is the exchange being answered; those in *_queue* were pipelined behind it, and
    *_unread* is what came behind those. It stays bytes until they are answered, since requests
    take twenty times the memory. *_is_ending* says that there is no time left for either.
    """

    __slots__ = (
        "_advancing",
        "_backlog",
        "_closing",
        "_current",
        "_eof",
        "_forwarding",
        "_forwarding_host",
        "_held",
        "_idle_seconds",
        "_is_ending",
        "_paused",
        "_port",
        "_queue",
        "_reader",
        "_tunnel",
        "_unread",
        "_write_blocked",
        "bound",
        "deadline",
        "is_trusted",
        "peer",
        "peer_bytes",
        "proto",
        "transport",
        "write",
    )

    _advancing: bool
    _backlog: Backlog | None  # from when it had first to wait for the client to read
    _closing: bool
    _current: Exchange | None
    _eof: bool
    _forwarding: bytes
    _forwarding_host: bytes
    _held: bool
    _idle_seconds: float
    _is_ending: bool
    _paused: bool
    _port: Port
    _queue: deque[Exchange]
    _reader: RequestReader
    _tunnel: Tunnel | None
    _unread: memoryview
    _write_blocked: bool
    bound: BoundConnections | None
    deadline: float
    is_trusted: bool
    peer: str
    peer_bytes: bytes
    proto: bytes
    transport: asyncio.Transport
    write: Callable[[Piece], object]

    def use(self, port: Port) -> None:
        """Go on under *port*; the request that is being answered keeps its own.

        Those behind it may wait for hours: by then a former policy, and its keys, are history.
        """
        self._port = port
        self._idle_seconds = port.timeouts.idle_seconds
        self.is_trusted = is_trusted(self.peer, port.trusted_proxies)
        self._forwarding = self._forwarding_host = b""
        self._reader.use(port.names, port.limits)
        for exchange in self._queue:
            exchange.use(port)

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say who asked, and through whom, as whole lines."""
        port = self._port
        host = request.fields.host
        if request.is_plain and host == self._forwarding_host:
            return self._forwarding
        lines = render_forwarding(request, self.peer, self.is_trusted, self.proto, port.via)
        if request.is_plain:
            self._forwarding_host = host
            self._forwarding = lines
        return lines

    def bind(self, pool: Pool) -> BoundConnections:
        """Have connections of *pool* that serve it be its own from now on."""
        bound = self.bound = self.bound or BoundConnections()
        bound.begin(pool)
        return bound

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self.write((b"%x\r\n" % len(data), data, b"\r\n"))

    def takes_no_more(self) -> bool:
        """Return whether it has enough to read: its server is to wait."""
        return self._write_blocked

    def hold(self) -> None:
        """Read no more until ``go_on``."""
        self._held = True
        if not self._write_blocked and self._tunnel is None:
            self.deadline = NEVER
        self._update_reading()

    def go_on(self) -> None:
        """Read again."""
        self._held = False
        self._update_reading()
        self._await_body()

    def _update_reading(self) -> None:
        paused = (self._held or bool(self._queue) or bool(self._unread)) and not self._closing
        if paused == self._paused or self.transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._wait_for_others()
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
            self._await_body()

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""
        self._tunnel = tunnel
        if not self._write_blocked:
            self.deadline = monotonic() + self._port.timeouts.tunnel_seconds

    def end_writing(self) -> bool:
        """Send the end of the tunnel's server side; return False where TLS has no such thing."""
        self._port.outbox.flush()
        if not self.transport.can_write_eof():
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    def _await_body(self) -> None:
        """Hold the client to the pace of its body, while nobody else is waited for."""
        upload = self._reader.upload
        if upload is None:
            return
        pace = upload.pace
        if pace is not None and pace.is_running and self.deadline != NEVER:
            return
        if self._write_blocked or self._held or self._queue or self._unread or self._closing:
            return
        if not upload.is_awaited():
            return
        if pace is None:
            seconds = self._port.timeouts.body_seconds
            pace = upload.pace = Pace(seconds, upload.received_bytes)
        now = monotonic()
        pace.start(now, upload.received_bytes, self._body_rate())
        self.deadline = now + pace.look_seconds

    def _wait_for_others(self) -> None:
        """Hold nothing against a client that cannot send its body now."""
        upload = self._reader.upload
        if upload is not None and upload.pace is not None:
            upload.pace.stop(monotonic())

    def _body_rate(self) -> int | None:
        exchange = self._current
        return self._port.limits.body_rate if exchange is None else exchange.body_rate()

    def abort(self) -> None:
        """Cut the connection with a reset: to HTTP/1.0 a mere close is the end of a body."""
        self._closing = True
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):  # it is closed already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()
