"""Collect the parts of answers from the parser's callbacks."""

from time import time
from typing import Final, cast

import httptools

from gateway.http.reading.connection_login import answers_login
from gateway.http.reading.faults import StopParsing
from gateway.http.reading.names import (
    CONNECTION,
    CONTENT_LENGTH,
    DATE,
    LOGIN,
    TRANSFER_ENCODING,
    UPGRADE,
    AnswerNames,
    without_named,
)
from gateway.http.writing.http_date import http_date
from gateway.proxy.transport.framing import Framing
from gateway.proxy.upstream.roles import Asker

# An answer's head: larger ones are nobody's honest work (CVE-2026-34519).
MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 256

# 1xx answers before the final one; a flood of them never ends the request.
_MAX_INTERIM: Final = 16

_NAMES: Final = AnswerNames()

# What nearly every answer says, and what means nothing in HTTP/1.1.
_KEEPS: Final = frozenset((b"keep-alive", b"Keep-Alive"))

# RFC 9110 §15: anything else is to be taken for an error of the server.
_MIN_STATUS: Final = 100
_MAX_STATUS: Final = 599

_LENGTH: Final = b"\r\nContent-Length: "

_UPGRADE_REQUIRED: Final = 426

_BODILESS: Final = frozenset((204, 304))


def date_line() -> bytes:
    """Return the Date field of an answer that comes now, behind the end of the line before."""
    return b"\r\nDate: " + http_date(int(time()))


class AnswerParts:
    """One answer after the other, in parts.

    *head_done* says that the final head was passed on, *is_reusable* that another request
    may follow on the connection, *fault* why the answer cannot be used. *is_bodiless* says that
    it is one to HEAD, a 204 or a 304, *has_excess* that more came than the answer. *upgrade* and
    *rest* are of a 101: its protocol, and what came behind its head.
    """

    __slots__ = (
        "_asker",
        "_body_bytes",
        "_chunked",
        "_connection",
        "_date",
        "_done",
        "_fed_bytes",
        "_framing",
        "_interims",
        "_is_large",
        "_lacks_date",
        "_left",
        "_length",
        "_lines",
        "_parser",
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
        self._asker: Asker | None = None
        self._length: int | None = None
        self._date = b""  # what opens the line of the Date field in the head being read
        self._done = self._lacks_date = False
        self._clear()

    def _clear(self) -> None:
        """Forget what only unusual answers set."""
        self._connection = self.upgrade = self.rest = b""
        self.fault = ""
        self._fed_bytes = 0
        self._framing: Framing | None = None  # of the body being read, where it has chunks
        self._interims = 0
        self._left = 0
        self._chunked = False
        self._is_large = False
        self._unusual = False
        self.is_bodiless = self.has_excess = False

    def begin(self, asker: Asker) -> None:
        """Be ready for the answer to *asker*."""
        if self._unusual:
            self._clear()
        self._asker = asker
        self._lines: list[bytes] = []
        self._length = None
        self._body_bytes = 0
        self._done = self.head_done = self.has_begun = self.is_reusable = False

    def _closes(self) -> bool:
        return b"close" in self._connection.lower()

    def _stays(self) -> bool:
        """Return whether the connection stays: in HTTP/1.0 only where that was said."""
        return self._parser.get_http_version() != "1.0" or self._parser.should_keep_alive()

    def release(self) -> None:
        """Let go of the parser, which holds this by its callbacks; the connection is gone."""
        del self._parser
        self._asker = None

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._done:
            self.is_reusable = False
            raise StopParsing

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers go nowhere (RFC 9110 §6.5.1)."""
        kind = _NAMES[name]
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
        """Take a field about who is logged in; it may be a trailer, too (RFC 9110 §11.6.3)."""
        lower = name.lower()
        if self._asker is not None and answers_login(lower, value):
            self._asker.login_received()
        if not (self.head_done or lower.startswith(b"proxy-")):  # meant for us (RFC 9110 §11.7.1)
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
        asker = self._asker
        if asker is None:
            raise StopParsing
        status = self._parser.get_status_code()
        lines = self._lines
        if len(lines) > 2 * _MAX_FIELDS or (
            self._is_large and sum(map(len, lines)) > MAX_HEAD_BYTES
        ):
            self._stop("the answer's head is too large")
        if self._unusual:
            lines = self._end_to_end(lines, status)
            self._lines = []  # where trailers go
        version = self._parser.get_http_version()
        if not version.startswith("1."):
            self._stop("an answer in another version of HTTP")
        if self._chunked and version == "1.0":
            self._stop("Transfer-Encoding in HTTP/1.0")  # RFC 9112 §6.1: faulty framing
        if not _MIN_STATUS <= status <= _MAX_STATUS:
            self._stop("a status that is none")
        if status < 200:
            self._interim(asker, status, lines)
            return
        self.head_done = True
        # By the lines: Connection may have named it. A head without one has nothing to look for.
        self._lacks_date = not self._date or (self._unusual and self._date not in lines)
        self._date = b""
        if asker.is_head or status in _BODILESS:
            self._head_only(asker, status, lines)
        else:
            asker.head_received(status, self._join(lines), self._length, True)

    def _join(self, lines: list[bytes]) -> bytes:
        """Return *lines* as they go on: with a Date, whoever sent the answer (RFC 9110 §6.6.1)."""
        fields = b"".join(lines)
        return fields + date_line() if self._lacks_date else fields

    def _end_to_end(self, lines: list[bytes], status: int) -> list[bytes]:
        if self._connection:
            lines = self._without_named(lines)
        if status == _UPGRADE_REQUIRED and self.upgrade:
            # RFC 9110 §15.5.22: or the client would not learn to what.
            lines = [*lines, b"\r\nConnection: ", b"Upgrade", b"\r\nUpgrade: ", self.upgrade]
        return lines

    def _without_named(self, lines: list[bytes]) -> list[bytes]:
        """Return *lines* without those that Connection names, but with the length.

        The client would take a message whose length was named away for one without an end.
        """
        kept = without_named(lines, self._connection)
        if self._length is not None and _LENGTH not in kept:
            kept += (_LENGTH, b"%d" % self._length)
        return kept

    def _head_only(self, asker: Asker, status: int, lines: list[bytes]) -> None:
        if status == 204:
            lines = without_named(lines, b"content-length")  # RFC 9110 §8.6
        self._unusual = self.is_bodiless = True
        asker.head_received(status, self._join(lines), self._length, False)
        if self._chunked or (asker.is_head and self._length != 0):
            # The parser expects the body that a GET would have had; what else came with this
            # piece is dropped with it.
            self._done = True
            self.is_reusable = asker.is_head and not self._closes() and self._stays()
            self._parser = httptools.HttpResponseParser(self)
            raise StopParsing
        self._length = 0  # the end is here, not where the connection closes

    def _interim(self, asker: Asker, status: int, lines: list[bytes]) -> None:
        self._unusual = True
        # RFC 9110 §8.6, RFC 9112 §6.1: no interim answer has a body, and what this one says of
        # a length must not become that of the answer behind it.
        if self._length or self._chunked:
            self._stop("an interim answer with a body")
        if self._length is not None:
            self._length = None
            lines = without_named(lines, b"content-length")
        if status == 101:
            if not asker.wants_upgrade:
                self._stop("switching protocols, unasked")
            if not self._parser.should_upgrade():
                self._stop("switching protocols without saying which")
            self._lines = lines
            return
        self._interims += 1
        if self._interims > _MAX_INTERIM:
            self._stop("too many interim answers")
        if status != 100:  # the client's 100 was sent by us, when the request was allowed
            asker.interim_received(status, b"".join(lines))
        self._lines = []
        self._connection = self.upgrade = self._date = b""

    def on_body(self, data: bytes) -> None:
        """Pass on a piece of the body."""
        asker = self._asker
        if asker is None:
            raise StopParsing
        self._body_bytes += len(data)
        asker.out.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer; it is acted on when all input has been looked at."""
        if self.head_done:
            self._done = True
            self.is_reusable = self._parser.should_keep_alive()

    def _stop(self, fault: str) -> None:
        self.fault = fault
        raise StopParsing
