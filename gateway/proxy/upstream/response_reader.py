"""Read responses from a server: bytes in, heads and bodies out, faults by name."""

from time import time
from typing import Final, cast

import httptools

from gateway.http.reading.connection_login import is_login_field
from gateway.http.reading.faults import StopParsing, was_stopped
from gateway.http.reading.names import (
    CONNECTION,
    CONTENT_LENGTH,
    DATE,
    LOGIN,
    TRANSFER_ENCODING,
    UPGRADE,
    ResponseNames,
    trailers_only,
    without_named,
)
from gateway.http.writing.http_date import http_date
from gateway.proxy.transport.chunk_overhead import ChunkOverhead
from gateway.proxy.upstream.lease import ResponseSink

# The outcomes of a feed. Plain numbers: each member of an Enum would cost one more look-up.
MORE: Final = 0  # the response is incomplete
DONE: Final = 1  # the response is complete
SWITCH: Final = 2  # a 101; what came after its head is in `rest`
FAULT: Final = 3  # not a valid response; `fault` says why

# No honest server sends a larger response head (CVE-2026-34519).
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 256

# 1xx responses before the final one; without a limit, a flood of them would never end.
_MAX_INTERIM: Final = 16

# A repeated head costs this much memory at most, on each connection.
_MAX_REPEATED_BYTES: Final = 2048

_NAMES: Final = ResponseNames()

# The usual values of Connection, which mean nothing in HTTP/1.1.
_KEEPS: Final = frozenset((b"keep-alive", b"Keep-Alive"))

# RFC 9110 §15: any other status is to be treated as an error of the server.
_MIN_STATUS: Final = 100
_MAX_STATUS: Final = 599

_LENGTH: Final = b"\r\nContent-Length: "

_UPGRADE_REQUIRED: Final = 426

_BODILESS: Final = frozenset((204, 304))


class RepeatedHead:
    r"""The bytes of the last usual response head on a connection, and what they meant.

    A server under load sends many heads that are the same to the byte; such a head is not parsed
    again. *fields* are whole lines, each begins with ``\r\n``; *lacks_date* says that Date is not
    among them.
    """

    __slots__ = ("_bytes", "fields", "lacks_date", "length", "status")

    def __init__(self) -> None:
        self._bytes = b""
        self.fields = b""
        self.lacks_date = False
        self.length = 0
        self.status = 0

    def match(self, data: bytes) -> bytes | None:
        """Return the body if *data* is one whole response with this head."""
        head = self._bytes
        if not head or not data.startswith(head) or len(data) != len(head) + self.length:
            return None
        return data[len(head) :]

    def keep(
        self, data: bytes, status: int, lines: list[bytes], length: int, lacks_date: bool
    ) -> None:
        """Remember the head of the response *data*, if it came alone and in one piece."""
        head = data[: len(data) - length]
        if len(head) <= _MAX_REPEATED_BYTES and head.find(b"\r\n\r\n") == len(head) - 4:
            self._bytes = head
            self.fields = b"".join(lines)
            self.lacks_date = lacks_date
            self.length = length
            self.status = status


class ResponseReader:
    """Reads the responses on one connection, one after the other.

    *has_begun* says that a byte of the response has come, *head_done* that its final head was
    passed on, *is_reusable* (after DONE) that the connection can carry another request, *fault*
    why the response is invalid. *is_bodiless* says that it answers HEAD or is a 204 or 304,
    *has_excess* that more bytes came than the response has. *upgrade* and *rest* are of a 101: its
    protocol, and the bytes after its head.
    """

    # The parser calls the `on_…` methods of the object it is made with.
    __slots__ = (
        "_body_bytes",
        "_chunked",
        "_connection",
        "_date",
        "_done",
        "_fed_bytes",
        "_interims",
        "_is_large",
        "_lacks_date",
        "_left",
        "_length",
        "_lines",
        "_overhead",
        "_parser",
        "_repeated_head",
        "_sink",
        "_unusual",
        "fault",
        "has_begun",
        "has_excess",
        "head_done",
        "is_bodiless",
        "is_reusable",
        "rest",
        "upgrade",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._repeated_head = RepeatedHead()
        self._sink: ResponseSink | None = None
        self._length: int | None = None
        self._date = b""  # the start of the Date line in the head being read
        self._done = self._lacks_date = False
        self._reset_unusual()

    def _reset_unusual(self) -> None:
        """Reset what only unusual responses set, so that usual ones need not."""
        self._connection = self.upgrade = self.rest = b""
        self.fault = ""
        self._fed_bytes = 0
        self._overhead: ChunkOverhead | None = None  # of the body being read, if it is chunked
        self._interims = 0
        self._left = 0  # bytes of a body whose length is known, which need no parser
        self._chunked = False
        self._is_large = False
        self._unusual = False
        self.is_bodiless = self.has_excess = False

    def begin(self, sink: ResponseSink) -> None:
        """Prepare for the response to the request of *sink*."""
        if self._unusual:
            self._reset_unusual()
        self._sink = sink
        self._lines: list[bytes] = []
        self._length = None
        self._body_bytes = 0
        self._done = self.head_done = self.has_begun = self.is_reusable = False

    def release(self) -> None:
        """Break the reference cycle with the parser, once the connection is closed."""
        del self._parser
        self._sink = None

    # --- input

    def feed(self, data: bytes) -> int:
        """Read *data*; return MORE, DONE, SWITCH or FAULT."""
        if self._left:
            return self._feed_known_length(data)
        if self.has_begun:
            self._unusual = True
        else:
            # Before the parser: a head that it has read before is the usual case under load.
            body = self._repeated_head.match(data)
            if body is not None and self._take_repeated(body):
                return DONE
        self.has_begun = True
        if self._fed_bytes + len(data) > _MAX_HEAD_BYTES:
            self._is_large = self._unusual = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.rest = data[upgrade.args[0] :]
            return self._switch()
        except httptools.HttpParserError as error:
            return self._after_error(error, data)
        if not self._done:
            return self._bounded(len(data))
        length = self._length
        if self.is_reusable and not self._unusual and length == self._body_bytes:
            status, lacks_date = self._parser.get_status_code(), self._lacks_date
            self._repeated_head.keep(data, status, self._lines, length, lacks_date)
        elif self._chunked and self._lines:
            self._pass_trailers()
        self._sink = None
        return DONE

    def _pass_trailers(self) -> None:
        """Pass on the trailers, or none of them if they are too large."""
        lines = self._lines
        if len(lines) > 2 * _MAX_FIELDS or sum(map(len, lines)) > _MAX_HEAD_BYTES:
            return
        fields = b"".join(trailers_only(without_named(lines, self._connection)))
        if self._sink is not None and fields:
            self._sink.trailers_received(fields)

    def _take_repeated(self, body: bytes) -> bool:
        """Take a whole response with the repeated head and this *body*."""
        sink = self._sink
        if sink is None or sink.is_head:
            return False
        repeated = self._repeated_head
        fields = repeated.fields + _date_line() if repeated.lacks_date else repeated.fields
        sink.head_received(repeated.status, fields, repeated.length, True)
        sink.out.append(body)
        self.head_done = self.is_reusable = True
        self._sink = None  # otherwise it would stay alive until the next response
        return True

    def _after_error(self, error: httptools.HttpParserError, data: bytes) -> int:
        stopped = was_stopped(error)
        if not self._done:
            self.fault = self.fault or str(error).lower()
            return FAULT
        # The parser does not say where the head ends in *data*: only a head that ends together
        # with *data* is known to have nothing after it.
        _, end, behind = data.partition(b"\r\n\r\n")
        if not stopped or behind or not end:
            self.is_reusable = False
            self._unusual = self.has_excess = True
        return DONE

    def _bounded(self, size: int) -> int:
        """Return MORE, or FAULT if the head or the framing of chunks is too large."""
        self._unusual = True
        self._fed_bytes += size
        if not self.head_done:
            over = self._fed_bytes > _MAX_HEAD_BYTES
            self.fault = "the response head is too large"
        elif self._chunked:
            overhead = self._overhead = self._overhead or ChunkOverhead(self._fed_bytes - size)
            over = overhead.exceeds(size, self._body_bytes, _MAX_HEAD_BYTES)
            self.fault = "more chunk framing than body"
        else:
            over = False
            if self._length is not None:
                self._left = self._length - self._body_bytes
        return FAULT if over else MORE

    def _feed_known_length(self, data: bytes) -> int:
        """Pass on a piece of a body whose length is known: nothing in it needs parsing."""
        is_excess = len(data) > self._left
        if is_excess:
            data = data[: self._left]
        self._left -= len(data)
        if self._sink is not None:
            self._sink.out.append(data)
        if self._left:
            return MORE
        self.is_reusable = not is_excess and not self._closes() and self._parser.should_keep_alive()
        # A new one: the old one still waits for the bytes that bypassed it.
        self._parser = httptools.HttpResponseParser(self)
        self._done = True
        return DONE

    def ends_with_connection(self) -> bool:
        """Return whether this response lasts until the connection closes."""
        return self.head_done and not self._chunked and self._length is None

    def _switch(self) -> int:
        if self._sink is None or not self._sink.wants_upgrade:
            self.fault = "switching protocols, unasked"
            return FAULT
        return SWITCH

    def switch_lines(self) -> list[bytes]:
        """Return the fields of a 101 (prefix, value, prefix, value), without hop-by-hop fields."""
        return self._lines

    # --- from the parser

    def on_message_begin(self) -> None:
        """Stop at a second response to one request."""
        if self._done:
            self.is_reusable = False
            raise StopParsing

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field, or a trailer, which never becomes a field of a head (RFC 9110 §6.5.1)."""
        kind = _NAMES[name]
        # By type, which is cheaper than isinstance: most fields are forwarded as they are.
        if type(kind) is bytes:
            self._lines += (kind, value)
        elif kind == LOGIN:
            self._add_login(name, value)
        elif self.head_done:
            return
        elif kind == CONTENT_LENGTH:
            self._length = length = int(value)
            self._lines += (_LENGTH, b"%d" % length)
        elif kind == DATE:
            self._date = date = b"\r\n%b: " % name
            self._lines += (date, value)
        elif kind != CONNECTION or value not in _KEEPS:
            self._add_unusual(cast(int, kind), value)

    def _add_login(self, name: bytes, value: bytes) -> None:
        """Take a field about a login; it may also be a trailer (RFC 9110 §11.6.3)."""
        lower = name.lower()
        if self._sink is not None and is_login_field(lower, value):
            self._sink.login_received()
        # Proxy-Authenticate and the like are for the gateway alone (RFC 9110 §11.7.1).
        if not (self.head_done or lower.startswith(b"proxy-")):
            self._lines += (b"\r\n%b: " % name, value)

    def _add_unusual(self, kind: int, value: bytes) -> None:
        self._unusual = True
        if kind == CONNECTION:
            self._connection += b"," + value
        elif kind == TRANSFER_ENCODING:
            if self._chunked or value.strip(b" \t").lower() != b"chunked":
                self._stop("a transfer coding other than a single chunked")
            self._chunked = True
        elif kind == UPGRADE:
            value = value.strip(b" \t")
            self.upgrade = b"%b,%b" % (self.upgrade, value) if self.upgrade else value

    def on_headers_complete(self) -> None:
        """Pass on the head."""
        sink = self._sink
        if sink is None:
            raise StopParsing
        status = self._parser.get_status_code()
        lines = self._lines
        if len(lines) > 2 * _MAX_FIELDS or (
            self._is_large and sum(map(len, lines)) > _MAX_HEAD_BYTES
        ):
            self._stop("the response head is too large")
        if self._unusual:
            lines = self._end_to_end(lines, status)
            self._lines = []  # for trailers
        version = self._parser.get_http_version()
        if not version.startswith("1."):
            self._stop("a response in another version of HTTP")
        if self._chunked and version == "1.0":
            self._stop("Transfer-Encoding in HTTP/1.0")  # RFC 9112 §6.1: faulty framing
        if not _MIN_STATUS <= status <= _MAX_STATUS:
            self._stop("an invalid status code")
        if status < 200:
            self._interim(sink, status, lines)
            return
        self.head_done = True
        # Look among the lines, since Connection may have named Date; a usual head has no such
        # field, so there is nothing to look for.
        self._lacks_date = not self._date or (self._unusual and self._date not in lines)
        self._date = b""
        if sink.is_head or status in _BODILESS:
            self._head_only(sink, status, lines)
        else:
            sink.head_received(status, self._join(lines), self._length, True)

    def _join(self, lines: list[bytes]) -> bytes:
        """Return *lines* as they are forwarded, with a Date in any case (RFC 9110 §6.6.1)."""
        fields = b"".join(lines)
        return fields + _date_line() if self._lacks_date else fields

    def _end_to_end(self, lines: list[bytes], status: int) -> list[bytes]:
        if self._connection:
            lines = self._without_named(lines)
        if status == _UPGRADE_REQUIRED and self.upgrade:
            # RFC 9110 §15.5.22: it tells the client to which protocol.
            lines = [*lines, b"\r\nConnection: ", b"Upgrade", b"\r\nUpgrade: ", self.upgrade]
        return lines

    def _without_named(self, lines: list[bytes]) -> list[bytes]:
        """Return *lines* without those that Connection names, but with the length.

        Without the length, a client would take the message for one that lasts until the
        connection closes.
        """
        kept = without_named(lines, self._connection)
        if self._length is not None and _LENGTH not in kept:
            kept += (_LENGTH, b"%d" % self._length)
        return kept

    def _head_only(self, sink: ResponseSink, status: int, lines: list[bytes]) -> None:
        if status == 204:
            lines = without_named(lines, b"content-length")  # RFC 9110 §8.6
        self._unusual = self.is_bodiless = True
        sink.head_received(status, self._join(lines), self._length, False)
        if self._chunked or (sink.is_head and self._length != 0):
            # The parser expects the body that a response to GET would have. It is replaced, and
            # what else came with this piece is dropped.
            self._done = True
            self.is_reusable = sink.is_head and not self._closes() and self._stays()
            self._parser = httptools.HttpResponseParser(self)
            raise StopParsing
        self._length = 0  # it ends here, not when the connection closes

    def _interim(self, sink: ResponseSink, status: int, lines: list[bytes]) -> None:
        self._unusual = True
        # RFC 9110 §8.6, RFC 9112 §6.1: no interim response has a body, and its length must not
        # become that of the final response.
        if self._length or self._chunked:
            self._stop("an interim response with a body")
        if self._length is not None:
            self._length = None
            lines = without_named(lines, b"content-length")
        if status == 101:
            if not sink.wants_upgrade:
                self._stop("switching protocols, unasked")
            if not self._parser.should_upgrade():
                self._stop("switching protocols without saying which")
            self._lines = lines
            return
        self._interims += 1
        if self._interims > _MAX_INTERIM:
            self._stop("too many interim responses")
        if status != 100:  # the gateway sends its own 100, once the request is allowed
            sink.interim_received(status, b"".join(lines))
        self._lines = []
        self._connection = self.upgrade = self._date = b""

    def on_body(self, data: bytes) -> None:
        """Pass on a piece of the body."""
        sink = self._sink
        if sink is None:
            raise StopParsing
        self._body_bytes += len(data)
        sink.out.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the response; ``feed`` acts on it once the parser has read all."""
        if self.head_done:
            self._done = True
            self.is_reusable = self._parser.should_keep_alive()

    def _closes(self) -> bool:
        return b"close" in self._connection.lower()

    def _stays(self) -> bool:
        """Return whether the connection stays open: in HTTP/1.0 only if the server says so."""
        return self._parser.get_http_version() != "1.0" or self._parser.should_keep_alive()

    def _stop(self, fault: str) -> None:
        self.fault = fault
        raise StopParsing


def _date_line() -> bytes:
    r"""Return the Date field of a response that comes now; it begins with ``\r\n``."""
    return b"\r\nDate: " + http_date(int(time()))
