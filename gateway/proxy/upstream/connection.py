"""A connection to a server of an upstream: requests out, answers in."""

import asyncio
from functools import partial
from time import monotonic
from typing import Final, cast

from gateway.decision.reason import Reason
from gateway.proxy.transport.acknowledged import (
    acknowledged_bytes,
    acknowledged_wire_bytes,
    unacknowledged_bytes,
)
from gateway.proxy.transport.departure import left_behind
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.transport.write_buffer import LARGE_BYTES
from gateway.proxy.upstream.response_reader import DONE, FAULT, MORE, AnswerReader
from gateway.proxy.upstream.roles import Far, Home, Waiting

NEVER: Final = float("inf")

# As much as is read at once of a connection that stands.
_LAST_BYTES: Final = 256 * 1024

_UNASKED: Final = "the service sent what nobody had asked for"
# A client's chunks are read 16 KiB at a time. Sent at once, they say when the server takes no more.
_LARGE_CHUNK_BYTES: Final = 8 * 1024


class ServerConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one server, for one exchange at a time."""

    __slots__ = (
        "_answer_seconds", "_asker", "_blocked", "_bytes_before", "_client_sends", "_flushes",
        "_held", "_reader", "_stall_seconds", "_taken_bytes", "_tunnel", "_write", "_written_bytes",
        "deadline", "home", "is_open", "transport",
    )  # fmt: skip

    def __init__(self, home: Home) -> None:
        self.home = home
        self.deadline = NEVER
        self.is_open = False
        self._asker: Waiting | None = None
        self._answer_seconds = NEVER
        self._blocked = False
        self._client_sends = False  # a body, which the service may wait for in its answer
        self._held = False
        self._reader = AnswerReader()
        self._stall_seconds = NEVER
        self._taken_bytes = 0  # what its kernel had acknowledged at the last look
        self._tunnel: Far | None = None
        self._written_bytes = 0
        self._bytes_before = 0
        self._flushes = -1  # those of the outbox before the head that was put there last

    # --- towards the server

    def send(self, asker: Waiting, head: bytes, now: float, answer_seconds: float) -> None:
        """Send the head of *asker*'s request; body bytes follow through ``write``.

        The answer must begin within *answer_seconds* of the end of the request.
        """
        self._asker = asker
        self._reader.begin(asker)
        self._answer_seconds = answer_seconds
        self.deadline = now + answer_seconds
        self._bytes_before = before = self._written_bytes
        self._written_bytes = before + len(head)
        self._flushes = self.home.outbox.flushes
        write = self._write
        write(head)

    def write(self, data: bytes) -> None:
        """Send bytes of a body or a tunnel."""
        self._written_bytes += len(data)
        self._write(data)
        if len(data) >= LARGE_BYTES:
            self.home.outbox.flush()

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self._written_bytes += len(data)
        self._write((b"%x\r\n" % len(data), data, b"\r\n"))
        if len(data) >= _LARGE_CHUNK_BYTES:
            self.home.outbox.flush()

    def expect_nothing(self) -> None:
        """Wait for the client first: the request is not complete."""
        self._client_sends = True
        self.deadline = NEVER

    def expect_answer(self) -> None:
        """Wait for the answer from now on, or for the rest of it."""
        self._client_sends = False
        self._await_answer()

    def allow_pauses(self, seconds: float) -> None:
        """Wait so long for each further piece of the answer that has begun."""
        self._stall_seconds = seconds
        self._await_answer()

    def _await_answer(self) -> None:
        """Wait for the service where nobody else is waited for."""
        if self._held or (self._client_sends and not self._blocked):
            self.deadline = NEVER
        elif self._reader.head_done:
            self.deadline = monotonic() + self._stall_seconds
        else:
            seconds = self.home.body_seconds if self._blocked else self._answer_seconds
            self.deadline = monotonic() + seconds

    def hold(self) -> None:
        """Read no more until ``go_on``: the client cannot take it."""
        self._held = True
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self.deadline = NEVER

    def go_on(self) -> None:
        """Read again."""
        self._held = False
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if self._tunnel is None:
            self._await_answer()

    def end_writing(self) -> bool:
        """Tell the server that no more bytes will come; return False where TLS cannot say it."""
        self.home.outbox.flush()
        if not self.transport.can_write_eof():
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    def close(self) -> None:
        """Leave the exchange and close; what is not yet sent is dropped."""
        asker, self._asker = self._asker, None
        if asker is not None:
            self.home.abandon(asker.sent_at)
        self._tunnel = None
        self.is_open = False
        self.home.forget(self)
        self.transport.abort()

    def finish(self) -> None:
        """Leave the tunnel, and close behind what is not yet sent."""
        self._tunnel = None
        self.is_open = False
        self.home.outbox.flush()
        self.deadline = monotonic() + self.home.body_seconds
        self.transport.close()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self._asker is None:
            self.close()
        elif self._takes_more():
            self._await_answer()
        elif self._reader.head_done:
            self._fail(Reason.UPSTREAM_TIMEOUT, "the service stopped in the middle of its answer")
        else:
            self._fail(Reason.UPSTREAM_TIMEOUT, "the service did not answer in time")

    def _takes_more(self) -> bool:
        """Return whether the service has not got all that was sent, but more than before.

        Our kernel holds MiB for it. It asks for more once a third of that is gone, which a slow
        service may need minutes for; and at the end of a request most of it may still be there.
        """
        before = self._taken_bytes
        self._note_taken()
        is_more = self._taken_bytes > before
        return is_more and (self._blocked or unacknowledged_bytes(self.transport) > 0)

    def _note_taken(self) -> None:
        # Where the kernel does not count, a transport with room again is all that can be seen.
        self._taken_bytes = acknowledged_wire_bytes(self.transport) or 0

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self._write = partial(self.home.outbox.put, self.transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Read an answer, a piece of one, or bytes of a tunnel."""
        asker = self._asker
        if asker is None:
            self._take_unasked(data)
            return
        if self._flushes == self.home.outbox.flushes:
            # The request has not left yet, so this is no answer to it.
            self._fail(Reason.UPSTREAM_UNREACHABLE, _UNASKED, unsent=True)
            return
        try:
            outcome = self._reader.feed(data)
            if outcome == DONE:
                self._conclude(asker)
            elif outcome == MORE:
                if self._reader.head_done and self._asker is asker:
                    # Before the flush: it may put us on hold, and then no time limit runs.
                    self._await_answer()
                    asker.response_continued()
            elif outcome == FAULT:
                self._fail(Reason.UPSTREAM_INVALID, self._reader.fault)
            else:
                self._switch(asker)
        except Exception as bug:  # of ours: the service has not failed, and is not asked again
            report_bug("a bug ended a request", bug)
            asker.give_up()

    def _take_unasked(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.from_server(data)
        else:
            # Nobody asked: the next request must not get this for an answer. Some services say
            # why they close an idle connection (408); that is no body of the answer before.
            if self._reader.is_bodiless and not data.startswith(b"HTTP/1."):
                self.home.distrust()
            self.close()

    def _switch(self, asker: Waiting) -> None:
        self._asker = None
        self.deadline = NEVER
        reader = self._reader
        self._tunnel = asker.protocol_switched(reader.upgrade, reader.switch_lines(), reader.rest)
        if self._tunnel is None:
            self.close()

    def eof_received(self) -> bool:
        """End an answer that lasts until the connection closes; anything else is cut short."""
        asker = self._asker
        if self._tunnel is not None:
            self._tunnel.server_ended()
            return self.transport.can_write_eof() and not self.transport.is_closing()
        if asker is None:
            self.close()
            return False
        if self._reader.ends_with_connection():
            self._conclude(asker)
        elif self._reader.has_begun:
            self._fail(Reason.UPSTREAM_INVALID, "the service cut its answer short")
        else:
            detail = "the service closed the connection"
            self._fail(Reason.UPSTREAM_UNREACHABLE, detail, self._is_unsent())
        return False

    def _is_unsent(self) -> bool:
        """Return whether the service, which has closed the connection, got nothing of the request.

        Where its kernel acknowledged no byte, it cannot have acted on it. Its FIN acknowledges
        all that came before. A reset does not, so behind one this says nothing.
        """
        if self._flushes == self.home.outbox.flushes:
            return True
        acknowledged = acknowledged_bytes(self.transport)
        return acknowledged is not None and acknowledged <= self._bytes_before

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the exchange under way, if any."""
        self.is_open = False
        self.home.forget(self)
        self._read_last()
        if self._tunnel is not None:
            self._tunnel.server_lost()
        elif self._asker is not None and self._reader.has_begun:
            self._fail(Reason.UPSTREAM_INVALID, "the service cut its answer short")
        elif self._asker is not None:
            unsent = self._flushes == self.home.outbox.flushes
            self._fail(Reason.UPSTREAM_UNREACHABLE, "the service reset the connection", unsent)
        self._tunnel = None
        self._reader.release()

    def _read_last(self) -> None:
        """Take a whole answer that a service sent before it reset the connection.

        One that does not want the rest of a request answers and closes, and its kernel resets
        what still comes (RFC 9112 §9.6). A transport that fails to write does not read any more.
        """
        asker = self._asker
        if asker is None or self._held or self._flushes == self.home.outbox.flushes:
            return
        data = left_behind(self.transport, _LAST_BYTES)
        if not data:
            return
        self._blocked = True  # whatever the answer says of the connection, it is gone
        try:
            if self._reader.feed(data) == DONE:
                self._conclude(asker)
        except Exception as bug:
            report_bug("a bug ended a request", bug)
            asker.give_up()

    def pause_writing(self) -> None:
        """Slow down the client; a server that takes nothing is not waited for for ever."""
        self._blocked = True
        if self._tunnel is not None:
            self._tunnel.server_blocked()
        elif self._asker is not None:
            self._note_taken()
            self.deadline = NEVER if self._held else monotonic() + self.home.body_seconds
            self._asker.server_blocked()

    def resume_writing(self) -> None:
        """Let the client go on."""
        self._blocked = False
        if self._tunnel is not None:
            self._tunnel.server_ready()
        elif self._asker is not None:
            self.deadline = NEVER
            if self._asker.request_complete():
                self.expect_answer()
            self._asker.server_ready()

    # --- endings

    def _conclude(self, asker: Waiting) -> None:
        """End the exchange, and serve again if nothing is left over on the connection."""
        self._asker = None
        reader = self._reader
        if not (reader.is_reusable and asker.request_complete() and not self._blocked):
            if reader.is_bodiless and reader.has_excess:
                self.home.distrust()
            self.close()
            self._let_go(asker)
        elif reader.is_bodiless:
            self._look_again()
        else:
            self.home.put(self)
        asker.response_ended()

    def _look_again(self) -> None:
        """Serve again once it was looked whether a body comes where there is none.

        Services send one by mistake, and the next request would get it for an answer. What has
        come until the socket is looked at again is seen here. A server that did so before is not
        given the chance: what comes later cannot be told from an answer.
        """
        if self.home.is_distrusted:
            self.close()
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._put_if_open)  # sockets are looked at between the two

    def _put_if_open(self) -> None:
        if self.is_open:
            self.home.put(self)

    def _let_go(self, asker: Waiting) -> None:
        """Hold nobody up for what the server did not take: nothing will be sent any more."""
        if self._blocked:
            self._blocked = False
            asker.server_ready()

    def _fail(self, reason: Reason, detail: str, unsent: bool = False) -> None:
        asker, self._asker = self._asker, None
        if asker is None:
            self.close()
            return
        # A service may close a connection that it keeps at any time: that is no failure of its
        # own where the request can simply be sent again.
        was_kept = self._bytes_before > 0 and reason is Reason.UPSTREAM_UNREACHABLE
        stale = was_kept and (unsent or asker.is_repeatable())
        if unsent or stale:
            self.home.abandon(asker.sent_at)
        else:
            self.home.fail(asker.sent_at)
        self.close()
        self._let_go(asker)
        asker.server_failed(reason, detail, unsent=unsent, stale=stale)
