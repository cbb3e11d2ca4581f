"""One stream of an HTTP/2 connection to a server: it carries one request and its response."""

import asyncio
from time import monotonic, time
from typing import Final, Protocol

from gateway.decision.reason import Reason
from gateway.http.reading.field_collector import Section
from gateway.http.reading.h2_response import H2ResponseReader
from gateway.http.writing.h2_head import render_h2_request, render_h2_trailers
from gateway.http.writing.http_date import http_date
from gateway.proxy.transport.framing import (
    CANCEL,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Framing,
    ServiceSink,
)
from gateway.proxy.upstream.lease import LeaseOwner, Requester

NEVER: Final = float("inf")

# If more of a request than this waits for the server to have room, its client waits.
_UNSENT_BYTES: Final = 64 * 1024

# Credit is given in pieces of at least this size, and when the stream is closed: a small response
# takes one call.
_CREDIT_BYTES: Final = 32 * 1024

# 1xx responses before the final one; without a limit, a flood of them would never end.
_MAX_INTERIM: Final = 16

_BODILESS: Final = frozenset((204, 304))

_CUT: Final = "the upstream cut its response short"
_UNASKED_BODY: Final = "a body where there is none"


class StreamConnection(Protocol):
    """The connection that the stream is of."""

    framing: Framing[ServiceSink]
    heads: H2ResponseReader
    is_open: bool
    scheme: bytes
    transport: asyncio.Transport
    write_blocked: bool

    @property
    def owner(self) -> LeaseOwner:
        """Return the pool of the connection."""

    def opened(self, stream: "H2ServerStream") -> None:
        """Note that *stream* has an id now."""

    def hold_back(self, stream: "H2ServerStream") -> None:
        """Call ``unblock`` of *stream* once it has room."""

    def body_passed(self, size: int) -> None:
        """Note that a piece of a body of *size* bytes is on its way to the server."""

    def given_up(self) -> None:
        """Note that a stream was reset, on which more of a response may be on its way."""

    def allow_retry(self) -> bool:
        """Return whether the end of the connection allows one more retry without a budget."""

    def send_soon(self) -> None:
        """Send what the streams have written, once for this turn of the event loop."""

    def free_place(self) -> None:
        """Note that a lease is over that never became a stream."""

    def ask(self) -> None:
        """Ask the server whether it is still there: it did not respond in time."""


class H2ServerStream:
    """The lease of one request over HTTP/2; it takes a place of its *connection* from the start.

    *deadline* is when ``expire`` is due, by the monotonic clock. *bytes_before* is what was
    written on the connection before its head. *is_touched* says that a piece of its response came
    in the input that is being read.
    """

    __slots__ = (
        "_blocked",
        "_client_sends",
        "_ended",
        "_given_bytes",
        "_has_body",
        "_head_done",
        "_held",
        "_interims",
        "_left",
        "_owed",
        "_requester",
        "_response_seconds",
        "_stall_seconds",
        "_taken_bytes",
        "bytes_before",
        "connection",
        "deadline",
        "id",
        "is_closed",
        "is_touched",
    )

    def __init__(self, connection: StreamConnection) -> None:
        self.connection = connection
        self.id = 0  # until it is sent
        self.bytes_before = 0
        self.deadline = NEVER
        self.is_closed = self.is_touched = False
        self._requester: Requester | None = None
        self._response_seconds = self._stall_seconds = NEVER
        self._client_sends = self._ended = False  # the request
        self._blocked = self._held = False
        self._head_done = self._has_body = False  # of the response
        self._interims = 0
        self._left: int | None = None  # bytes of the response's body, if its length is known
        self._owed = 0  # bytes of it that credit is still due for
        self._given_bytes = 0  # of the request's body
        self._taken_bytes = 0  # of these, what was sent at the last look

    @property
    def owner(self) -> LeaseOwner:
        """Return the pool that it comes from."""
        return self.connection.owner

    @property
    def transport(self) -> asyncio.Transport:
        """Return the transport of the connection."""
        return self.connection.transport

    @property
    def is_open(self) -> bool:
        """Return whether a request can be sent."""
        return self.connection.is_open and not self.is_closed

    # --- towards the server

    def send(self, requester: Requester, head: bytes, now: float, response_seconds: float) -> None:
        """Send the head of a request; its body follows if it has one."""
        connection = self.connection
        self._requester = requester
        self._response_seconds = response_seconds
        self.deadline = now + response_seconds
        headers = render_h2_request(head, connection.scheme, requester.takes_trailers)
        self._ended = ends = not requester.sends_body
        stream_id = connection.framing.open_stream(headers, ends)
        if stream_id is None:
            self._refuse_later()
            return
        self.id = stream_id
        connection.opened(self)

    def _refuse_later(self) -> None:
        """Fail soon: the connection has ended, or is about to, since this place was taken.

        Not at once: the exchange is about to send the body.
        """
        self.is_closed = True
        self.connection.free_place()
        detail = "the upstream takes no more requests on this connection"
        asyncio.get_running_loop().call_soon(self.fail, Reason.UPSTREAM_UNREACHABLE, detail, True)

    def write(self, data: bytes) -> None:
        """Send a piece of the body, once the server has room for it."""
        if self.is_closed:
            return
        connection = self.connection
        connection.framing.send(self.id, data, False)
        self._given_bytes += len(data)
        connection.body_passed(len(data))
        connection.send_soon()
        if not (self._blocked or self.has_room()):
            self._block()

    def write_chunk(self, data: bytes) -> None:
        """Send a piece of the body: in HTTP/2, every body comes in frames."""
        self.write(data)

    def end_chunks(self, trailers: bytes) -> None:
        """End the body, with *trailers* if there are any."""
        if self._ended or self.is_closed or not trailers:
            return
        self._ended = True
        self.connection.framing.end_with(self.id, render_h2_trailers(trailers))
        self.connection.send_soon()

    def expect_nothing(self) -> None:
        """Set no deadline: the client still sends its request."""
        self._client_sends = True
        self.deadline = NEVER

    def expect_response(self) -> None:
        """End the request, and set a deadline for the response, or for the rest of it."""
        self._client_sends = False
        if self._requester is None:
            return
        if not (self._ended or self.is_closed):
            self._ended = True
            self.connection.framing.send(self.id, b"", True)
            self.connection.send_soon()
        self._set_deadline()

    def allow_pauses(self, seconds: float) -> None:
        """Allow pauses of *seconds* in the response that has begun."""
        self._stall_seconds = seconds
        self._set_deadline()

    def _set_deadline(self) -> None:
        """Set a deadline if it is the server that keeps everybody waiting."""
        if self._held or (self._client_sends and not self._blocked):
            self.deadline = NEVER
        elif self._head_done:
            self.deadline = monotonic() + self._stall_seconds
        else:
            seconds = self.owner.body_seconds if self._blocked else self._response_seconds
            self.deadline = monotonic() + seconds

    # --- flow control

    def _block(self) -> None:
        self._blocked = True
        self.connection.hold_back(self)
        if self._requester is not None:
            self._note_taken()
            self._set_deadline()
            self._requester.server_blocked()

    def connection_blocked(self) -> None:
        """Slow down the client: the server reads nothing from its connection."""
        if not (self._blocked or self._ended or self._requester is None):
            self._block()

    def has_room(self) -> bool:
        """Return whether the server has room again for what waits."""
        if self.is_closed:
            return True
        connection = self.connection
        unsent = connection.framing.unsent_bytes(self.id)
        return not connection.write_blocked and unsent <= _UNSENT_BYTES

    def unblock(self) -> None:
        """Let the client continue."""
        self._blocked = False
        requester = self._requester
        if requester is not None:
            self._set_deadline()
            requester.server_ready()

    def pause_reading(self) -> None:
        """Give no credit until ``resume_reading``: the client cannot take more."""
        self._held = True
        self.deadline = NEVER

    def resume_reading(self) -> None:
        """Give credit again, also what is due."""
        self._held = False
        if self._owed >= _CREDIT_BYTES:
            self._give_credit()
        self._set_deadline()

    def _give_credit(self) -> None:
        owed, self._owed = self._owed, 0
        if owed:
            self.connection.framing.give_credit(self.id, owed)
            self.connection.send_soon()

    # --- the response

    def head_received(self, headers: Section, ends: bool) -> None:
        """Take the final head of the response."""
        requester = self._requester
        if requester is None:
            return
        head = self.connection.heads.read(headers)
        if isinstance(head, str):
            self._fail_invalid(head)
            return
        self._head_done = True
        status, fields, length, lacks_date = head
        self._has_body = has_body = not (requester.is_head or status in _BODILESS)
        self._left = length if has_body else 0
        if lacks_date:
            fields += b"\r\nDate: " + http_date(int(time()))  # RFC 9110 §6.6.1
        requester.head_received(status, fields, length, has_body)
        if ends:
            self._end(requester)

    def interim_received(self, headers: Section) -> None:
        """Pass on an interim response."""
        requester = self._requester
        if requester is None:
            return
        head = self.connection.heads.read(headers)
        self._interims += 1
        if isinstance(head, str):
            self._fail_invalid(head)
        elif self._interims > _MAX_INTERIM:
            self._fail_invalid("too many interim responses")
        elif head.status != 100:  # the gateway sends its own 100, once the request is allowed
            requester.interim_received(head.status, head.fields)

    def data_received(self, data: bytes, ends: bool) -> None:
        """Take a piece of the body."""
        requester, size = self._requester, len(data)
        self._owed += size
        if requester is None:
            return
        left = self._left
        if left is not None:
            self._left = left = left - size
            if left < 0:
                self._fail_invalid(
                    "more body than Content-Length says" if self._has_body else _UNASKED_BODY
                )
                return
        if size:
            requester.out.append(data)
        if ends:
            self._end(requester)

    def trailers_received(self, headers: Section) -> None:
        """Take the trailers, and with them the end of the response."""
        requester = self._requester
        if requester is None:
            return
        fields = self.connection.heads.read_trailers(headers)
        if isinstance(fields, str):
            self._fail_invalid(fields)
            return
        if fields and not self._left:
            requester.trailers_received(fields)
        self._end(requester)

    def pass_on(self) -> None:
        """Send on what has come of the response, which is not complete."""
        requester = self._requester
        if requester is not None and self._head_done:
            # Before the flush, which may put us on hold; then there is no deadline.
            self._set_deadline()
            requester.response_continued()
            # After it, since only then it is known whether the client takes more.
            if self._owed >= _CREDIT_BYTES and not self._held:
                self._give_credit()

    def _end(self, requester: Requester) -> None:
        """End the response; reset the stream if the request is not wanted any more."""
        if self._left:
            self._fail_invalid(_CUT)
            return
        self._requester = None
        self.deadline = NEVER
        is_whole = self._ended and not self.connection.framing.unsent_bytes(self.id)
        if not is_whole:
            self.reset(CANCEL)  # RFC 9113 §8.1: the response does not depend on the rest
            self._unblock(requester)
        requester.response_ended()

    def _unblock(self, requester: Requester) -> None:
        """Let the client continue: nothing more will be sent that the server has to take."""
        if self._blocked:
            self._blocked = False
            requester.server_ready()

    # --- endings

    def closed(self, error_code: int) -> None:
        """Note that the stream is closed; fail the request if the response was not complete."""
        self.is_closed = True
        self._give_credit()
        if self._requester is None:
            return
        if error_code == REFUSED_STREAM and not self._head_done:
            # RFC 9113 §8.7: nothing was done about the request.
            detail = "the upstream refused the request"
            self.fail(Reason.UPSTREAM_UNREACHABLE, detail, True)
        elif error_code == NO_ERROR or self._head_done:
            self.fail(Reason.UPSTREAM_INVALID, _CUT)
        elif error_code == PROTOCOL_ERROR:
            self.fail(Reason.UPSTREAM_INVALID, "the response is malformed")
        else:
            self.fail(Reason.UPSTREAM_INVALID, "the upstream reset the stream of the request")

    def lost(self, reason: Reason, detail: str, unsent: bool) -> None:
        """Fail the request: the connection is gone."""
        self.is_closed = True
        if self._head_done:
            self.fail(Reason.UPSTREAM_INVALID, _CUT)
        else:
            self.fail(reason, detail, unsent)

    def _fail_invalid(self, fault: str) -> None:
        self.reset(PROTOCOL_ERROR)
        self.fail(Reason.UPSTREAM_INVALID, fault)

    def fail(self, reason: Reason, detail: str, unsent: bool = False) -> None:
        """Report the failure to the requester, if it still waits."""
        requester, self._requester = self._requester, None
        self.deadline = NEVER
        if requester is None:
            return
        may_be_stale = reason is Reason.UPSTREAM_UNREACHABLE
        may_be_stale = may_be_stale and (unsent or requester.is_repeatable())
        stale = may_be_stale and self.connection.allow_retry()
        if unsent or stale:
            self.owner.abandon(requester.sent_at)
        else:
            self.owner.fail(requester.sent_at)
        self._unblock(requester)
        requester.server_failed(reason, detail, unsent=unsent, stale=stale)

    def give_up(self) -> None:
        """Fail after an unexpected error, which is no failure of the server."""
        requester, self._requester = self._requester, None
        self.deadline = NEVER
        self.reset(CANCEL)
        if requester is not None:
            self.owner.abandon(requester.sent_at)
            requester.give_up()

    def reset(self, error_code: int) -> None:
        """Reset the stream, unless it is closed."""
        if not self.is_closed:
            self.is_closed = True
            connection = self.connection
            connection.framing.reset(self.id, error_code)
            connection.given_up()
            connection.send_soon()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self._takes_more():
            self._set_deadline()
            return
        detail = "the upstream did not respond in time"
        if self._head_done:
            detail = "the upstream stopped in the middle of its response"
        self.reset(CANCEL)
        self.connection.ask()
        self.fail(Reason.UPSTREAM_TIMEOUT, detail)

    def _takes_more(self) -> bool:
        """Return whether the server still takes the request: more of it than at the last look."""
        before = self._taken_bytes
        self._note_taken()
        return self._taken_bytes > before and self._taken_bytes < self._given_bytes

    def _note_taken(self) -> None:
        self._taken_bytes = self._given_bytes - self.connection.framing.unsent_bytes(self.id)

    def give_back(self) -> None:
        """Give it back unused."""
        self.close()

    def close(self) -> None:
        """Leave the exchange; what is not yet sent is dropped."""
        requester, self._requester = self._requester, None
        self.deadline = NEVER
        if requester is not None:
            self.owner.abandon(requester.sent_at)
        if self.id:
            self.reset(CANCEL)
        elif not self.is_closed:
            self.is_closed = True
            self.connection.free_place()

    def end_writing(self) -> bool:
        """Return False: no stream is a tunnel."""
        return False

    def finish(self) -> None:
        """Close: no stream is a tunnel."""
        self.close()
