"""A client's connection: requests in, answers out, in the order they were asked for."""

import asyncio
from collections import deque
from functools import partial
from time import monotonic, time
from typing import Final, Protocol, cast

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.faults import EarlyBytes, Fault
from gateway.http.reading.head_parts import PIECE_BYTES
from gateway.http.writing.refusal import render_refusal
from gateway.limits.bucket_key import network_of
from gateway.proxy.client.clients import READ_BYTES, Clients
from gateway.proxy.client.leaving import Leaving
from gateway.proxy.client.request_reader import RequestReader
from gateway.proxy.client.turns import NOTHING
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.port import Port
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.departure import has_left
from gateway.proxy.upstream.connection import NEVER

# As many requests in one piece are read one at a time: they take twenty times the memory of
# bytes. Smaller pieces have no such number.
_SEVERAL: Final = 8
_SEVERAL_BYTES: Final = 256

# Of what a client does not take, so much waits here; then its service, or its next request, waits.
WAITING_BYTES: Final = 16 * 1024


# Of what came and is not decrypted yet, because nothing more is to be read: two records of TLS.
_ENCRYPTED_BYTES: Final = 32 * 1024


class _Encrypted(Protocol):
    """A transport that speaks TLS."""

    def set_read_buffer_limits(self, high: int) -> None:
        """Read from the socket while less than *high* bytes wait to be decrypted."""


class ClientConnection(Leaving, asyncio.BufferedProtocol):
    """Speaks HTTP/1.1 with one client.

    *clients* are all of them, itself included once it is open. It reads into their room, and so
    no more at once than that has.
    """

    # Weakly referenced by those who count the connections in a TLS handshake.
    __slots__ = (
        "__weakref__",
        "_clients",
        "_kept",
        "_network",
        "_room",
        "_tls",
        "_to_read",
        "_view",
    )

    def __init__(self, port: Port, clients: "Clients[ClientConnection]") -> None:
        self._port = port
        self._clients = clients
        self._room = clients.room
        self._view = clients.view
        self._to_read = clients.to_read
        self._current = None
        self._last = None
        self._queue = deque()
        self._unread = NOTHING
        self._tunnel = None
        self.bound = None
        self._held = False
        self._idle_seconds = port.timeouts.idle_seconds
        self._paused = False
        self._write_blocked = False
        self._closing = False
        self._advancing = False
        self._is_ending = False
        self._begun = 0
        self._eof = False
        self._backlog = None
        self._forwarding = b""
        self._forwarding_host = b""

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it where there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(WAITING_BYTES)
        self.write = partial(self._port.outbox.put, self.transport)
        port = self._port.latest()  # a handshake may have outlasted a reload
        # Not before: it holds this in turn, and of a handshake that fails nobody would tell.
        self._reader = RequestReader(self, port.names, port.limits)
        self._kept = self._reader.kept
        peername = transport.get_extra_info("peername")
        self.peer = peername[0].removeprefix("::ffff:") if peername else ""
        self.peer_bytes = self.peer.encode()
        self._tls = transport.get_extra_info("sslcontext") is not None
        if self._tls:
            cast(_Encrypted, transport).set_read_buffer_limits(_ENCRYPTED_BYTES)
        self.proto = b"https" if self._tls else b"http"
        self.use(port)
        self._clients.add(self)
        self._network: bytes | None = network_of(self.peer_bytes)
        of_its_network = self._clients.networks.add(self._network)
        self.deadline = monotonic() + port.timeouts.head_seconds
        if port.is_draining:
            self.close_when_idle()
        port.metrics.connections_open += 1
        port.metrics.connections_total += 1
        per_address = port.limits.connections_per_address
        if self._clients.served > port.limits.connections:
            port.metrics.connections_refused += 1
            self._turn_away(port, "too many connections")
        elif per_address is not None and of_its_network > per_address and not self.is_trusted:
            port.metrics.connections_refused_by_address += 1
            self._turn_away(port, "too many connections from this address")

    def _turn_away(self, port: Port, detail: str) -> None:
        """Refuse the connection; it takes no place from others, however long it lingers."""
        self._leave_network()
        self._clients.turn_away(self)
        request_id = b"%b%09x" % (port.id_prefix, next(port.ids))
        deny = Deny(Reason.OVERLOADED, detail)
        self.write(render_refusal(deny, request_id, time(), False, True))
        self._reader.is_over = True  # so that what it asks does not reset what it is told
        self._close()

    def _leave_network(self) -> None:
        network, self._network = self._network, None
        if network is not None:
            self._clients.networks.discard(network)

    def connection_lost(self, error: Exception | None) -> None:
        """Give up what is under way."""
        self._closing = True
        self.deadline = NEVER
        self._clients.discard(self)
        self._leave_network()
        self._port.metrics.connections_open -= 1
        self._abandon()
        if self.bound is not None:
            self.bound.close()
        self._last = self._tunnel = None
        self._reader.release()

    def eof_received(self) -> bool:
        """Give up what is in flight, or answer it and then close where the port says so.

        A client that closes its connection, and one that closes only its sending half, look the
        same. A request cut short is given up in any case; those in front of it came whole.
        """
        if self._tunnel is not None:
            self._tunnel.client_ended()
            return not self._tls
        is_waiting = self._current is not None or bool(self._queue) or bool(self._unread)
        answers = self._port.answers_half_closed
        reader = self._reader
        if answers and is_waiting and not (self._closing or self._tls or reader.upload is not None):
            self._eof = True
            reader.is_over = reader.is_over or reader.in_message
            return True
        self._port.outbox.flush()  # the last answer, before the transport is closed
        if is_waiting and not self._closing:
            self._client_left()
        return False

    def _client_left(self) -> None:
        """Give up all requests at once: what was answered may take its time to be sent."""
        exchange = self._current
        self._closing = True
        if exchange is not None and exchange.is_answering():
            self.abort()  # a mere close would make what it has look complete
        else:
            self.transport.close()
        self._abandon()

    def pause_writing(self) -> None:
        """Slow down the server."""
        self._write_blocked = True
        self._wait_for_others()
        self._await_taking()
        if self._current is not None:
            self._current.client_blocked()

    def resume_writing(self) -> None:
        """Let the server go on, or begin with the next request."""
        self._write_blocked = False
        if self._closing:
            return
        if self._backlog is not None:
            self._backlog.stop(monotonic())
        if self._tunnel is None:
            self.deadline = NEVER
        if self._current is not None:
            self._current.client_ready()
            self._await_body()
        else:
            self._await_request()
            self._advance()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read into: much room only for what is passed on as it comes."""
        reader = self._reader
        if reader.upload is None:
            return self._to_read
        return self._view[: reader.body_bytes_wanted(READ_BYTES)]

    def buffer_updated(self, size: int) -> None:
        """Read requests, a piece of one, or bytes of a tunnel."""
        if self._tunnel is not None:
            self._tunnel.from_client(self._view[:size].tobytes())
            return
        if self._closing:
            return
        reader = self._reader
        if reader.in_message or reader.is_over or self._unread:
            data = self._view[:size].tobytes()
        else:
            kept = self._kept
            if size == kept.whole_bytes and self._room.startswith(kept.whole):
                self._take_plain(kept.repeat())
                return
            data = self._view[:size].tobytes()
            request = kept.match(data)
            if request is not None:
                self._take_plain(request)
                return
        if (
            self._unread
            or (size > PIECE_BYTES and reader.piece_bytes(size) < size)
            or (
                size > _SEVERAL_BYTES
                and reader.upload is None
                and data.count(b"\r\n\r\n") > _SEVERAL
            )
        ):
            self._unread = memoryview(bytes(self._unread) + data)
            self._advance()
            return
        self._begun = 0
        self._read_piece(data)

    def _read_piece(self, piece: bytes) -> None:
        reader = self._reader
        if reader.is_over and self._last is not None and self._last.wants_upgrade:
            self._refuse_early_bytes()
            return
        try:
            reader.feed(piece)
        except Fault as fault:
            self._take_fault(fault)
        except EarlyBytes:
            self._refuse_early_bytes()
        if reader.upload is not None:
            self._await_body()
        elif self._current is None and reader.in_message:
            # Set by the first piece of a head, and not moved by the next ones.
            self.deadline = min(self.deadline, monotonic() + self._port.timeouts.head_seconds)

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""
        super().begin_tunnel(tunnel)
        self._to_read = self._view

    # --- from the reader

    def _take_fault(self, fault: Fault) -> None:
        """Refuse what cannot be read, in its turn."""
        upload, self._reader.upload = self._reader.upload, None
        deny = Deny(fault.reason, fault.detail)
        if upload is not None:
            self._fail_last(deny)
            if upload.is_dropped and not self._closing:
                self._close()  # it was answered already
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

    def is_busy(self) -> bool:
        """Return whether a request is under way."""
        return self._current is not None

    # --- endings

    def check_exchange(self, now: float) -> None:
        """Give up on an exchange whose client left, or that takes too long; what lasts may last."""
        exchange = self._current
        if exchange is None:
            return
        if (self._paused or self._eof) and self._has_left():
            self._client_left()
            return
        if exchange.lasts():
            return
        if exchange.started_at + exchange.total_seconds() >= now:
            return
        if exchange.request_complete():
            exchange.fail(Deny(Reason.UPSTREAM_TIMEOUT, "the exchange took too long in all"))
        else:
            exchange.fail(Deny(Reason.REQUEST_TIMEOUT, "the exchange took too long in all"))

    def _has_left(self) -> bool:
        """Return whether a client that is not read from has left."""
        may_half_close = self._eof or self._tunnel is not None or self._port.answers_half_closed
        return has_left(self.transport, by_half_close=not may_half_close)

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        now, self.deadline = monotonic(), NEVER
        if self._closing:
            self._expire_closing(now)
        elif self._write_blocked:
            self._expire_unread(now)
        elif self._reader.upload is not None:
            self._expire_body(self._reader.upload, now)
        elif self._current is not None:
            self._expire_tunnel(self._current, now)
        elif self._reader.in_message:
            self._reader.is_over = True
            self._take_fault(Fault(Reason.REQUEST_TIMEOUT, "the head did not arrive in time"))
        else:
            self._close()

    def _expire_unread(self, now: float) -> None:
        """Cut the connection where the client takes too little of what was sent."""
        backlog = self._backlog
        if backlog is not None and backlog.is_taken(now, self._read_rate()):
            self.deadline = now + backlog.look_seconds
        elif self._current is not None:
            self._current.expire_unread()
        else:
            self.abort()

    def _expire_body(self, upload: Upload, now: float) -> None:
        """Give up on a request whose body comes too slowly."""
        pace = upload.pace
        if pace is None or not pace.is_running:
            self._await_body()
        elif pace.holds(now, upload.received_bytes, self._body_rate()):
            self.deadline = now + pace.look_seconds
        elif self._current is not None:
            self._current.expire()
        else:
            self._close()  # the rest of a body that was refused

    def _expire_tunnel(self, exchange: Exchange, now: float) -> None:
        """Cut a tunnel in which nothing passes; an answer is its service's to delay."""
        if self._tunnel is None:
            return
        ends_at = self._tunnel.active_at + self._port.timeouts.tunnel_seconds
        if ends_at > now:
            self.deadline = ends_at
        else:
            exchange.expire()
