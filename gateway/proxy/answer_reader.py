"""Read answers from a server: bytes in, heads and bodies out, faults by name."""

from typing import Final, cast

import httptools

from gateway.proxy.names import (
    CONNECTION,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    UPGRADE,
    AnswerNames,
    without_named,
)
from gateway.proxy.roles import Asker

# What a feed came to.
MORE: Final = 0  # the answer goes on
DONE: Final = 1  # the answer is complete
SWITCH: Final = 2  # a 101; what came after its head is in `rest`
FAULT: Final = 3  # not an answer; `fault` says why

# An answer's head: larger ones are nobody's honest work (CVE-2026-34519).
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 256

# 1xx answers before the final one; a flood of them never ends the request.
_MAX_INTERIM: Final = 16

# A head that is kept costs this much memory at most, on each connection.
_MAX_KEPT_BYTES: Final = 2048

_BODILESS: Final = frozenset((204, 304))

# Bytes of chunk framing and trailers allowed for each byte of body, and in all.
_FRAMING_RATIO: Final = 16

_NAMES: Final = AnswerNames()

# What nearly every answer says, and what means nothing in HTTP/1.1.
_KEEPS: Final = frozenset((b"keep-alive", b"Keep-Alive"))


class _StopParsing(Exception):  # noqa: N818 - not an error: the way out of a parser callback
    """What follows in the input is not for this parser."""


class AnswerReader:
    """Reads the answers on one connection, one after the other.

    *is_reusable* says, after DONE, whether another request may follow on the connection.

    Services under load give many answers whose heads are the same to the byte. The last
    usual one is kept with what it meant, and its like is not parsed again.
    """

    __slots__ = (
        "_asker",
        "_body_bytes",
        "_chunked",
        "_connection",
        "_done",
        "_fed_bytes",
        "_interims",
        "_kept_fields",
        "_kept_head",
        "_kept_length",
        "_kept_status",
        "_is_large",
        "_left",
        "_length",
        "_lines",
        "_parser",
        "_unusual",
        "fault",
        "has_begun",
        "head_done",
        "is_reusable",
        "rest",
        "upgrade",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._asker: Asker | None = None
        self._length: int | None = None
        self._done = False
        self._kept_head = self._kept_fields = b""
        self._kept_length = self._kept_status = 0
        self._clear()

    def _clear(self) -> None:
        """Forget what only unusual answers set."""
        self._connection = self.upgrade = self.rest = b""
        self.fault = ""
        self._fed_bytes = 0
        self._interims = 0
        self._left = 0
        self._chunked = False
        self._is_large = False
        self._unusual = False

    def begin(self, asker: Asker) -> None:
        """Be ready for the answer to *asker*."""
        if self._unusual:
            self._clear()
        self._asker = asker
        self._lines: list[bytes] = []
        self._length = None
        self._body_bytes = 0
        self._done = self.head_done = self.has_begun = self.is_reusable = False

    def feed(self, data: bytes) -> int:
        """Read *data*; return MORE, DONE, SWITCH or FAULT."""
        if self._left:
            return self._feed_known_length(data)
        if self.has_begun:
            self._unusual = True
        elif self._kept_head and data.startswith(self._kept_head) and self._feed_kept(data):
            return DONE
        self.has_begun = True
        if len(data) > _MAX_HEAD_BYTES:
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
        if self.is_reusable and not self._unusual:
            self._keep_head(data)
        return DONE

    def _feed_kept(self, data: bytes) -> bool:
        """Take a whole answer whose head is the one that was kept, if *data* is one."""
        asker = self._asker
        head_bytes = len(self._kept_head)
        if len(data) != head_bytes + self._kept_length or asker is None or asker.is_head:
            return False
        asker.answer_head(self._kept_status, self._kept_fields, self._kept_length, True)
        asker.out.append(data[head_bytes:])
        self.head_done = self.is_reusable = True
        return True

    def _keep_head(self, data: bytes) -> None:
        """Keep the head of an answer that came alone and in one piece."""
        asker = self._asker
        length = self._length
        if length is None or asker is None or asker.is_head or length != self._body_bytes:
            return
        head = data[: len(data) - length]
        if len(head) <= _MAX_KEPT_BYTES and head.find(b"\r\n\r\n") == len(head) - 4:
            self._kept_head = head
            self._kept_fields = b"".join(self._lines)
            self._kept_length = length
            self._kept_status = self._parser.get_status_code()

    def _after_error(self, error: httptools.HttpParserError, data: bytes) -> int:
        stopped = isinstance(error.__context__, _StopParsing)
        if isinstance(error, httptools.HttpParserCallbackError) and not stopped:
            raise error  # a bug of ours
        if not self._done:
            self.fault = self.fault or str(error).lower()
            return FAULT
        if not stopped or data.partition(b"\r\n\r\n")[2]:
            self.is_reusable = False  # more came than was asked for
        return DONE

    def _bounded(self, size: int) -> int:
        """Return MORE, or FAULT where the head or the chunk framing has no end."""
        self._unusual = True
        self._fed_bytes += size
        if not self.head_done:
            over = self._fed_bytes > _MAX_HEAD_BYTES
            self.fault = "the answer's head is too large"
        elif self._chunked:
            over = self._fed_bytes > _MAX_HEAD_BYTES + (_FRAMING_RATIO + 1) * self._body_bytes
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
        if self._asker is not None:
            self._asker.out.append(data)
        if self._left:
            return MORE
        # The parser still waits for bytes that went past it.
        self._parser = httptools.HttpResponseParser(self)
        self._done = True
        self.is_reusable = not is_excess and not self._closes()
        return DONE

    def ends_with_connection(self) -> bool:
        """Return whether the end of the connection is the end of this answer."""
        return self.head_done and not self._chunked and self._length is None

    def _closes(self) -> bool:
        return b"close" in self._connection.lower()

    def _switch(self) -> int:
        if self._asker is None or not self._asker.wants_upgrade:
            self.fault = "switching protocols, unasked"
            return FAULT
        return SWITCH

    def switch_fields(self) -> bytes:
        """Return the fields of a 101, without those of the connection."""
        return b"".join(self._lines)

    # --- from the parser

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._done:
            self.is_reusable = False
            raise _StopParsing

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers go nowhere (RFC 9110 §6.5.1)."""
        kind = _NAMES[name]
        if type(kind) is bytes:
            self._lines += (kind, value)
        elif self.head_done:
            return
        elif kind == CONTENT_LENGTH:
            self._lines += (b"\r\nContent-Length: ", value)
            self._length = int(value)
        elif kind != CONNECTION or value not in _KEEPS:
            self._add_unusual(cast(int, kind), value)

    def _add_unusual(self, kind: int, value: bytes) -> None:
        self._unusual = True
        if kind == CONNECTION:
            self._connection += b"," + value
        elif kind == TRANSFER_ENCODING:
            if self._chunked or value.strip(b" \t").lower() != b"chunked":
                self._stop("a transfer coding other than a single chunked")
            self._chunked = True
        elif kind == UPGRADE:
            self.upgrade = value.strip(b" \t")

    def on_headers_complete(self) -> None:
        """Pass on the head."""
        asker = self._asker
        if asker is None:
            raise _StopParsing
        status = self._parser.get_status_code()
        lines = self._lines
        if len(lines) > 2 * _MAX_FIELDS or (
            self._is_large and sum(map(len, lines)) > _MAX_HEAD_BYTES
        ):
            self._stop("the answer's head is too large")
        if self._unusual:
            if self._connection:
                lines = without_named(lines, self._connection)
            self._lines = []  # where trailers go
        if status < 200:
            self._interim(asker, status, lines)
            return
        self.head_done = True
        if asker.is_head or status in _BODILESS:
            self._head_only(asker, status, lines)
        else:
            asker.answer_head(status, b"".join(lines), self._length, True)

    def _head_only(self, asker: Asker, status: int, lines: list[bytes]) -> None:
        if status == 204:
            lines = without_named(lines, b"content-length")  # RFC 9110 §8.6
        self._unusual = True
        asker.answer_head(status, b"".join(lines), self._length, False)
        if self._chunked or (asker.is_head and self._length != 0):
            # The parser expects the body that a GET would have had; what else came with this
            # piece is dropped with it.
            self._done = True
            self.is_reusable = asker.is_head and not self._closes()
            self._parser = httptools.HttpResponseParser(self)
            raise _StopParsing
        self._length = 0  # the end is here, not where the connection closes

    def _interim(self, asker: Asker, status: int, lines: list[bytes]) -> None:
        self._unusual = True
        if status == 101:
            if not asker.wants_upgrade:
                self._stop("switching protocols, unasked")
            self._lines = lines
            return
        self._interims += 1
        if self._interims > _MAX_INTERIM:
            self._stop("too many interim answers")
        if status != 100:  # the client's 100 was sent by us, when the request was allowed
            asker.answer_interim(status, b"".join(lines))
        self._lines = []
        self._connection = self.upgrade = b""

    def on_body(self, data: bytes) -> None:
        """Pass on a piece of the body."""
        asker = self._asker
        if asker is None:
            raise _StopParsing
        self._body_bytes += len(data)
        asker.out.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer; it is acted on when all input has been looked at."""
        if self.head_done:
            self._done = True
            self.is_reusable = self._parser.should_keep_alive()

    def _stop(self, fault: str) -> None:
        self.fault = fault
        raise _StopParsing
