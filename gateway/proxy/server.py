"""A connection to a server of an upstream: requests out, answers in."""

import asyncio
from time import monotonic
from typing import Final, Protocol, cast

import httptools

from gateway.decision.reason import Reason
from gateway.proxy.acknowledged import acknowledged_bytes
from gateway.proxy.names import (
    CONNECTION,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    UPGRADE,
    AnswerNames,
    without_named,
)

# An answer's head: larger ones are nobody's honest work (CVE-2026-34519).
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 256

# 1xx answers before the final one; a flood of them never ends the request.
_MAX_INTERIM: Final = 16

_NAMES = AnswerNames()

# What nearly every answer says, and what means nothing in HTTP/1.1.
_KEEPS: Final = frozenset((b"keep-alive", b"Keep-Alive"))

NEVER: Final = float("inf")


class Asker(Protocol):
    """The exchange whose answer this connection reads."""

    is_head: bool
    wants_upgrade: bool

    def answer_interim(self, status: int, reason: bytes, lines: list[bytes]) -> None:
        """Take a 1xx answer other than 100 and 101."""

    def answer_head(
        self, status: int, reason: bytes, lines: list[bytes], length: int | None, has_body: bool
    ) -> None:
        """Take the final head; a *length* of None with a body means that it must be framed."""

    def answer_body(self, data: bytes) -> None:
        """Take a piece of the body; it is sent by the next ``answer_flush``."""

    def answer_flush(self) -> None:
        """Send what was taken in so far."""

    def answer_end(self) -> None:
        """Take the end of the answer."""

    def answer_switch(self, protocol: bytes, lines: list[bytes], rest: bytes) -> None:
        """Take a 101: from here on the connection is a tunnel; *rest* came with the head."""

    def tunnel_data(self, data: bytes) -> None:
        """Take bytes of the tunnel."""

    def tunnel_end(self) -> None:
        """Take the end of the server's side of the tunnel."""

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool) -> None:
        """Take the failure; *unsent* says that no byte of the request can have been read."""

    def server_blocked(self) -> None:
        """Take that the server reads more slowly than the client sends."""

    def server_ready(self) -> None:
        """Take that the server reads again."""


class Home(Protocol):
    """The pool a connection belongs to."""

    answer_seconds: float
    stall_seconds: float

    def put(self, server: "ServerConnection") -> None:
        """Take back a connection that can serve again."""

    def forget(self, server: "ServerConnection") -> None:
        """Take that the connection is gone."""


class _StopParsing(Exception):  # noqa: N818 - not an error: the way out of a parser callback
    """What follows in the input is not for this parser."""


class ServerConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one server, for one exchange at a time."""

    __slots__ = (
        "_acknowledged_before",
        "_body_left",
        "_broken",
        "_chunked",
        "_connection",
        "_done",
        "_fault",
        "_head_bytes",
        "_head_done",
        "_interims",
        "_length",
        "_lines",
        "_parser",
        "_reason",
        "_reusable",
        "_tunnel",
        "_upgrade",
        "_written_bytes",
        "asker",
        "deadline",
        "home",
        "is_open",
        "transport",
    )

    def __init__(self, home: Home) -> None:
        self.home = home
        self.asker: Asker | None = None
        self.deadline = NEVER
        self.is_open = False
        self._parser = httptools.HttpResponseParser(self)
        self._written_bytes = 0
        self._tunnel = False
        self._reset()

    def _reset(self) -> None:
        """Be ready for the next answer."""
        self._lines: list[bytes] = []
        self._reason = b""
        self._connection = b""
        self._upgrade = b""
        self._length: int | None = None
        self._chunked = False
        self._head_done = False
        self._head_bytes = 0
        self._body_left = 0
        self._interims = 0
        self._done = False
        self._reusable = False
        self._broken = False
        self._fault = ""

    # --- towards the server

    def send(self, asker: Asker, head: bytes, now: float) -> None:
        """Send the head of *asker*'s request; body bytes follow through ``write``."""
        self.asker = asker
        self.deadline = now + self.home.answer_seconds
        self._acknowledged_before = self._written_bytes
        self.write(head)

    def write(self, data: bytes) -> None:
        """Send bytes of a body or a tunnel."""
        self._written_bytes += len(data)
        self.transport.write(data)

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self._written_bytes += len(data)
        self.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))

    def hold(self) -> None:
        """Read no more until ``go_on``: the client cannot take it."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self.deadline = NEVER

    def go_on(self) -> None:
        """Read again."""
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if not self._tunnel:
            self.deadline = monotonic() + self.home.stall_seconds

    def end_tunnel(self) -> None:
        """Tell the server that no more bytes of the tunnel will come."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.close()

    def close(self) -> None:
        """Leave the exchange and close; what is not yet sent is dropped."""
        self.asker = None
        self.is_open = False
        self.transport.abort()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = NEVER
        if self.asker is None:
            self.close()
        else:
            self._fail(Reason.UPSTREAM_TIMEOUT, "the service did not answer in time")

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the exchange under way, if any."""
        self.is_open = False
        self.home.forget(self)
        if self.asker is not None:
            if self._tunnel:
                self.asker.tunnel_end()
            else:
                self._fail(Reason.UPSTREAM_UNREACHABLE, "the service closed the connection")

    def eof_received(self) -> bool:
        """End an answer that lasts until the connection closes; anything else is cut short."""
        asker = self.asker
        if asker is None:
            return False
        if self._tunnel:
            asker.tunnel_end()
            return True
        if self._head_done and not self._chunked and self._length is None:
            self._done = True
            self._conclude()
        elif self._head_done or self._head_bytes:
            self._fail(Reason.UPSTREAM_INVALID, "the service cut its answer short")
        else:
            unsent = self._nothing_read()
            self._fail(Reason.UPSTREAM_UNREACHABLE, "the service closed the connection", unsent)
        return False

    def _nothing_read(self) -> bool:
        """Return whether the peer's kernel acknowledged no byte of this request.

        Then the service cannot have acted on it: it closed a kept connection just as we
        wrote, and the request may be sent again, whatever its method.
        """
        acknowledged = acknowledged_bytes(self.transport)
        return acknowledged is not None and acknowledged <= self._acknowledged_before

    def pause_writing(self) -> None:
        """Slow down the client."""
        if self.asker is not None:
            self.asker.server_blocked()

    def resume_writing(self) -> None:
        """Let the client go on."""
        if self.asker is not None:
            self.asker.server_ready()

    def data_received(self, data: bytes) -> None:
        """Read an answer, a piece of one, or bytes of a tunnel."""
        asker = self.asker
        if asker is None:
            # Nobody asked: the next request must not get this for an answer.
            self.close()
            return
        if self._tunnel:
            asker.tunnel_data(data)
            return
        if self._body_left and self._head_done:
            self._read_known_length(asker, data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(asker, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self._done:
                self._fail(Reason.UPSTREAM_INVALID, self._fault or f"{error}".lower())
                return
            self._broken = True
        if self._done:
            self._conclude()
            return
        if self.asker is not asker:
            return
        if not self._head_done:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._fail(Reason.UPSTREAM_INVALID, "the answer's head is too large")
            return
        asker.answer_flush()
        self.deadline = monotonic() + self.home.stall_seconds

    def _read_known_length(self, asker: Asker, data: bytes) -> None:
        """Pass on a piece of a body whose length is known: nothing in it needs parsing."""
        size = len(data)
        if size > self._body_left:
            # What follows is not asked for: it ends the connection, not the answer.
            data = data[: self._body_left]
            size = self._body_left
            self._broken = True
        self._body_left -= size
        asker.answer_body(data)
        if self._body_left:
            asker.answer_flush()
            self.deadline = monotonic() + self.home.stall_seconds
            return
        # The parser still waits for bytes that went past it.
        self._parser = httptools.HttpResponseParser(self)
        self._done = True
        self._reusable = not self._connection_closes()
        self._conclude()

    def _connection_closes(self) -> bool:
        return b"close" in self._connection.lower()

    # --- from the parser

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._done:
            raise _StopParsing

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers are dropped."""
        if self._head_done:
            return
        kind = _NAMES[name]
        if kind.__class__ is bytes:
            self._lines += (kind, value)
        elif kind == CONTENT_LENGTH:
            self._lines += (b"\r\nContent-Length: ", value)
            self._length = int(value)
        elif kind == TRANSFER_ENCODING:
            if value.strip(b" \t").lower() != b"chunked" or self._chunked:
                self._stop("a transfer coding other than a single chunked")
            self._chunked = True
        elif kind == CONNECTION:
            if value not in _KEEPS:
                self._connection += b"," + value
        elif kind == UPGRADE:
            self._upgrade = value.strip(b" \t")

    def on_headers_complete(self) -> None:
        """Pass on the head."""
        asker = self.asker
        if asker is None:
            raise _StopParsing
        status = self._parser.get_status_code()
        lines = self._lines
        if len(lines) > 2 * _MAX_FIELDS:
            self._stop("the answer's head is too large")
        if self._connection:
            lines = without_named(lines, self._connection)
        if status < 200:
            self._interim(asker, status, lines)
            return
        self._head_done = True
        if asker.is_head or status in (204, 304):
            if status == 204:
                lines = without_named(lines, b"content-length")  # RFC 9110 §8.6
            asker.answer_head(status, self._reason, lines, self._length, False)
            if self._chunked or (asker.is_head and self._length != 0):
                # The parser expects the body that a GET would have had.
                self._reusable = asker.is_head and not self._connection_closes()
                self._parser_done()
            self._length = 0  # the end is here, not where the connection closes
            return
        self._body_left = self._length or 0
        asker.answer_head(status, self._reason, lines, self._length, True)

    def _parser_done(self) -> None:
        self._done = True
        self._parser = httptools.HttpResponseParser(self)
        raise _StopParsing

    def _interim(self, asker: Asker, status: int, lines: list[bytes]) -> None:
        if status == 101:
            if not asker.wants_upgrade:
                self._stop("switching protocols, unasked")
            return
        self._interims += 1
        if self._interims > _MAX_INTERIM:
            self._stop("too many interim answers")
        if status != 100:  # the client's 100 was sent by us, when the request was allowed
            asker.answer_interim(status, self._reason, lines)
        self._lines = []
        self._reason = self._connection = self._upgrade = b""

    def on_body(self, data: bytes) -> None:
        """Pass on a piece of the body."""
        asker = self.asker
        if asker is None:
            raise _StopParsing
        if self._body_left:
            self._body_left -= len(data)
        asker.answer_body(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer; it is acted on when all input has been looked at."""
        if self._head_done:
            self._done = True
            self._reusable = self._parser.should_keep_alive()

    def _stop(self, fault: str) -> None:
        self._fault = fault
        raise _StopParsing

    # --- endings

    def _switch(self, asker: Asker, rest: bytes) -> None:
        if not asker.wants_upgrade or self._parser.get_status_code() != 101:
            self._fail(Reason.UPSTREAM_INVALID, "switching protocols, unasked")
            return
        self._tunnel = True
        self.deadline = NEVER
        asker.answer_switch(self._upgrade, without_named(self._lines, self._connection), rest)

    def _conclude(self) -> None:
        """End the exchange, and serve again if nothing is left over on the connection."""
        asker = self.asker
        assert asker is not None  # noqa: S101 - an answer is only read for somebody
        self.asker = None
        if self._reusable and not self._broken:
            self._reset()
            self.home.put(self)
        else:
            self.close()
        asker.answer_end()

    def _fail(self, reason: Reason, detail: str, unsent: bool = False) -> None:
        asker = self.asker
        self.close()
        if asker is not None:
            asker.server_failed(reason, detail, unsent=unsent)
