"""A connection to a server of an upstream: requests out, responses in."""

import asyncio
from functools import partial
from time import monotonic
from typing import Final, Protocol, cast

from gateway.decision.reason import Reason
from gateway.proxy.transport.socket_state import (
    acknowledged_bytes,
    acknowledged_wire_bytes,
    read_leftover,
    unacknowledged_bytes,
)
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.write_buffer import LARGE_BYTES
from gateway.proxy.upstream.lease import LeaseOwner, Requester, TunnelPeer
from gateway.proxy.upstream.response_reader import DONE, FAULT, MORE, ResponseReader

NEVER: Final = float("inf")

# As much as a transport reads at once.
_LEFTOVER_BYTES: Final = 256 * 1024

_UNASKED: Final = "the upstream sent bytes before the request"

# A client's chunks are read 16 KiB at a time. If they are sent at once, the transport notices in
# time that the server takes no more.
_LARGE_CHUNK_BYTES: Final = 8 * 1024


class ConnectionOwner(LeaseOwner, Protocol):
    """The pool that a connection belongs to, and goes back to after each response."""

    @property
    def is_distrusted(self) -> bool:
        """Return whether the server once sent a body with a response that has none."""

    def distrust(self) -> None:
        """Note that the server sent a body with a response that has none."""

    def put(self, server: "ServerConnection") -> None:
        """Take back a connection that can carry another request."""

    def forget(self, server: "ServerConnection") -> None:
        """Drop a connection that is gone."""


class ServerConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one server, for one request at a time: it is its own lease.

    The sweep over all connections calls ``expire`` once *deadline* has passed: a timer for each
    request would cost more than the request.
    """

    __slots__ = (
        "_blocked", "_bytes_before", "_client_sends", "_flushes", "_held", "_reader", "_requester",
        "_response_seconds", "_stall_seconds", "_taken_bytes", "_tunnel", "_write",
        "_written_bytes", "deadline", "is_open", "owner", "transport",
    )  # fmt: skip

    def __init__(self, owner: ConnectionOwner) -> None:
        self.owner = owner
        self.deadline = NEVER
        self.is_open = False
        self._requester: Requester | None = None
        self._response_seconds = NEVER
        self._blocked = False
        self._client_sends = False  # a body, which the server may wait for before it responds
        self._held = False
        self._reader = ResponseReader()
        self._stall_seconds = NEVER
        self._taken_bytes = 0  # acknowledged by the server's kernel, at the last look
        self._tunnel: TunnelPeer | None = None
        self._written_bytes = 0
        self._bytes_before = 0  # the request that was sent last
        self._flushes = -1  # of the write buffer, before the last request head was put there

    def lease(self) -> "ServerConnection":
        """Return itself: it carries one request at a time."""
        return self

    # --- towards the server

    def send(self, requester: Requester, head: bytes, now: float, response_seconds: float) -> None:
        """Send the head of a request; its body follows through ``write``.

        The response must begin within *response_seconds* after the end of the request.
        """
        self._requester = requester
        self._reader.begin(requester)
        self._response_seconds = response_seconds
        self.deadline = now + response_seconds
        self._bytes_before = before = self._written_bytes
        self._written_bytes = before + len(head)
        self._flushes = self.owner.write_buffer.flushes
        write = self._write  # by way of a local: half the price of `self._write(…)`
        write(head)

    def write(self, data: bytes) -> None:
        """Send bytes of a body or a tunnel."""
        self._written_bytes += len(data)
        self._write(data)
        if len(data) >= LARGE_BYTES:
            self.owner.write_buffer.flush()

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self._written_bytes += len(data)
        self._write((b"%x\r\n" % len(data), data, b"\r\n"))
        if len(data) >= _LARGE_CHUNK_BYTES:
            self.owner.write_buffer.flush()

    def end_chunks(self, trailers: bytes) -> None:
        """Send the last chunk, and the trailers (RFC 9112 §7.1.2)."""
        end = b"0%b\r\n\r\n" % trailers
        self._written_bytes += len(end)
        self._write(end)

    def expect_nothing(self) -> None:
        """Set no deadline: the client still sends its request."""
        self._client_sends = True
        self.deadline = NEVER

    def expect_response(self) -> None:
        """Set a deadline for the response, or for the rest of it: the request is complete."""
        self._client_sends = False
        self._set_deadline()

    def allow_pauses(self, seconds: float) -> None:
        """Allow pauses of *seconds* in the response that has begun."""
        self._stall_seconds = seconds
        self._set_deadline()

    def _set_deadline(self) -> None:
        """Set a deadline if it is the server that keeps everybody waiting."""
        if self._held or (self._client_sends and not self._blocked):
            self.deadline = NEVER
        elif self._reader.head_done:
            self.deadline = monotonic() + self._stall_seconds
        else:
            seconds = self.owner.body_seconds if self._blocked else self._response_seconds
            self.deadline = monotonic() + seconds

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``: the client cannot take more."""
        self._held = True
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self.deadline = NEVER

    def resume_reading(self) -> None:
        """Resume reading."""
        self._held = False
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if self._tunnel is None:
            self._set_deadline()

    def end_writing(self) -> bool:
        """Half-close towards the server; return False if the connection cannot (TLS)."""
        self.owner.write_buffer.flush()
        if not self.transport.can_write_eof():
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    def give_back(self) -> None:
        """Give it back unused."""
        self.owner.put(self)

    def close(self) -> None:
        """Leave the exchange and close; what is not yet sent is dropped."""
        requester, self._requester = self._requester, None
        if requester is not None:
            self.owner.abandon(requester.sent_at)
        self._tunnel = None
        self.is_open = False
        self.owner.forget(self)
        self.transport.abort()

    def finish(self) -> None:
        """Leave the tunnel, and close after everything was sent."""
        self._tunnel = None
        self.is_open = False
        self.owner.write_buffer.flush()
        self.deadline = monotonic() + self.owner.body_seconds
        self.transport.close()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self._requester is None:
            self.close()
        elif self._takes_more():
            self._set_deadline()
        elif self._reader.head_done:
            detail = "the upstream stopped in the middle of its response"
            self._fail(Reason.UPSTREAM_TIMEOUT, detail)
        else:
            self._fail(Reason.UPSTREAM_TIMEOUT, "the upstream did not respond in time")

    def _takes_more(self) -> bool:
        """Return whether the server still reads the request: more of it than at the last look.

        Our kernel buffers MiB for it, and the transport can write again only once a third of that
        is free, for which a slow server may need minutes. At the end of a request most of it may
        still be in that buffer.
        """
        before = self._taken_bytes
        self._note_taken()
        is_more = self._taken_bytes > before
        return is_more and (self._blocked or unacknowledged_bytes(self.transport) > 0)

    def _note_taken(self) -> None:
        # If the kernel does not count, only a transport that can write again shows progress.
        self._taken_bytes = acknowledged_wire_bytes(self.transport) or 0

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self._write = partial(self.owner.write_buffer.put, self.transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Read a response, a piece of one, or bytes of a tunnel."""
        requester = self._requester
        if requester is None:
            self._take_unasked(data)
            return
        if self._flushes == self.owner.write_buffer.flushes:
            # The request has not left yet, so this cannot be its response.
            self._fail(Reason.UPSTREAM_UNREACHABLE, _UNASKED, unsent=True)
            return
        try:
            outcome = self._reader.feed(data)
            if outcome == DONE:  # first, because most responses come in one piece
                self._conclude(requester)
            elif outcome == MORE:
                if self._reader.head_done and self._requester is requester:
                    # Before the flush, which may put us on hold; then there is no deadline.
                    self._set_deadline()
                    requester.response_continued()
            elif outcome == FAULT:
                self._fail(Reason.UPSTREAM_INVALID, self._reader.fault)
            else:
                self._switch(requester)
        except Exception as error:  # ours: it is no failure of the server, so there is no retry
            report_unexpected_error("a request failed", error)
            requester.give_up()

    def _take_unasked(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.from_server(data)
        else:
            # No request is in flight: the next one must not get this as its response. Some
            # servers say why they close an idle connection (408); everything else that comes
            # after a bodiless response is taken for its body.
            if self._reader.is_bodiless and not data.startswith(b"HTTP/1."):
                self.owner.distrust()
            self.close()

    def _switch(self, requester: Requester) -> None:
        self._requester = None
        self.deadline = NEVER
        reader = self._reader
        self._tunnel = requester.protocol_switched(
            reader.upgrade, reader.switch_lines(), reader.rest
        )
        if self._tunnel is None:
            self.close()

    def eof_received(self) -> bool:
        """End a response that lasts until the connection closes; fail any other."""
        requester = self._requester
        if self._tunnel is not None:
            self._tunnel.server_ended()
            return self.transport.can_write_eof() and not self.transport.is_closing()
        if requester is None:
            self.close()
            return False
        if self._reader.ends_with_connection():
            self._conclude(requester)
        elif self._reader.has_begun:
            self._fail(Reason.UPSTREAM_INVALID, "the upstream cut its response short")
        else:
            detail = "the upstream closed the connection"
            self._fail(Reason.UPSTREAM_UNREACHABLE, detail, self._is_unsent())
        return False

    def _is_unsent(self) -> bool:
        """Return whether the server, which has closed the connection, got nothing of the request.

        If its kernel acknowledged no byte, it cannot have acted on it. A FIN acknowledges all that
        came before it; a reset does not, so after a reset this tells nothing.
        """
        if self._flushes == self.owner.write_buffer.flushes:
            return True
        acknowledged = acknowledged_bytes(self.transport)
        return acknowledged is not None and acknowledged <= self._bytes_before

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the request in flight, if any."""
        self.is_open = False
        self.owner.forget(self)
        self._read_leftover()
        if self._tunnel is not None:
            self._tunnel.server_lost()
        elif self._requester is not None and self._reader.has_begun:
            self._fail(Reason.UPSTREAM_INVALID, "the upstream cut its response short")
        elif self._requester is not None:
            unsent = self._flushes == self.owner.write_buffer.flushes
            self._fail(Reason.UPSTREAM_UNREACHABLE, "the upstream reset the connection", unsent)
        self._tunnel = None
        self._reader.release()

    def _read_leftover(self) -> None:
        """Read a whole response that the server sent before it reset the connection.

        A server that does not want the rest of a request responds and closes, and its kernel
        resets the connection when more of the request comes (RFC 9112 §9.6). A transport that
        fails to write no longer reads.
        """
        requester = self._requester
        if requester is None or self._held or self._flushes == self.owner.write_buffer.flushes:
            return
        data = read_leftover(self.transport, _LEFTOVER_BYTES)
        if not data:
            return
        self._blocked = True  # the connection is gone, whatever the response says about it
        try:
            if self._reader.feed(data) == DONE:
                self._conclude(requester)
        except Exception as error:
            report_unexpected_error("a request failed", error)
            requester.give_up()

    def pause_writing(self) -> None:
        """Slow down the client, and set a deadline for a server that reads nothing."""
        self._blocked = True
        if self._tunnel is not None:
            self._tunnel.server_blocked()
        elif self._requester is not None:
            self._note_taken()
            self.deadline = NEVER if self._held else monotonic() + self.owner.body_seconds
            self._requester.server_blocked()

    def resume_writing(self) -> None:
        """Let the client continue."""
        self._blocked = False
        if self._tunnel is not None:
            self._tunnel.server_ready()
        elif self._requester is not None:
            self.deadline = NEVER
            if self._requester.request_complete():
                self.expect_response()
            self._requester.server_ready()

    # --- endings

    def _conclude(self, requester: Requester) -> None:
        """End the response, and give the connection back if it can carry another request."""
        self._requester = None
        reader = self._reader
        if not (reader.is_reusable and requester.request_complete() and not self._blocked):
            if reader.is_bodiless and reader.has_excess:
                self.owner.distrust()
            self.close()
            self._unblock(requester)
        elif reader.is_bodiless:
            self._put_later()
        else:
            self.owner.put(self)
        requester.response_ended()

    def _put_later(self) -> None:
        """Give the connection back unless a body comes where there is none.

        Servers send one by mistake, and the next request would get it as its response. What has
        come by the next look at the socket is noticed here. A server that did so before gets no
        second chance: what comes later cannot be told from a response.
        """
        if self.owner.is_distrusted:
            self.close()
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._put_if_open)  # sockets are read between the two

    def _put_if_open(self) -> None:
        if self.is_open:
            self.owner.put(self)

    def _unblock(self, requester: Requester) -> None:
        """Let the client continue: nothing more will be sent that the server has to take."""
        if self._blocked:
            self._blocked = False
            requester.server_ready()

    def _fail(self, reason: Reason, detail: str, unsent: bool = False) -> None:
        requester, self._requester = self._requester, None
        if requester is None:
            self.close()
            return
        # A server may close a kept connection at any time: that does not count against it if the
        # request can simply be sent again.
        was_kept = self._bytes_before > 0 and reason is Reason.UPSTREAM_UNREACHABLE
        stale = was_kept and (unsent or requester.is_repeatable())
        if unsent or stale:
            self.owner.abandon(requester.sent_at)
        else:
            self.owner.fail(requester.sent_at)
        self.close()
        self._unblock(requester)
        requester.server_failed(reason, detail, unsent=unsent, stale=stale)
