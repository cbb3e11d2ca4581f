"""Read answers from a server: bytes in, heads and bodies out, faults by name."""

from typing import Final

import httptools

from gateway.http.reading.faults import was_stopped
from gateway.proxy.transport.framing import Framing
from gateway.proxy.upstream.repeated_head import KeptHead
from gateway.proxy.upstream.response_parts import MAX_HEAD_BYTES, AnswerParts, date_line

# What a feed came to.
MORE: Final = 0  # the answer goes on
DONE: Final = 1  # the answer is complete
SWITCH: Final = 2  # a 101; what came after its head is in `rest`
FAULT: Final = 3  # not an answer; `fault` says why


class AnswerReader(AnswerParts):
    """Reads the answers on one connection, one after the other; *is_reusable* after DONE."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        super().__init__()
        self._kept = KeptHead()

    def feed(self, data: bytes) -> int:
        """Read *data*; return MORE, DONE, SWITCH or FAULT."""
        if self._left:
            return self._feed_known_length(data)
        if self.has_begun:
            self._unusual = True
        else:
            body = self._kept.match(data)
            if body is not None and self._take_kept(body):
                return DONE
        self.has_begun = True
        if self._fed_bytes + len(data) > MAX_HEAD_BYTES:
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
            self._kept.keep(data, status, self._lines, length, lacks_date)
        self._asker = None
        return DONE

    def _take_kept(self, body: bytes) -> bool:
        """Take a whole answer whose head is the one that was kept."""
        asker = self._asker
        if asker is None or asker.is_head:
            return False
        kept = self._kept
        fields = kept.fields + date_line() if kept.lacks_date else kept.fields
        asker.head_received(kept.status, fields, kept.length, True)
        asker.out.append(body)
        self.head_done = self.is_reusable = True
        self._asker = None  # not to keep what is over alive until the next answer
        return True

    def _after_error(self, error: httptools.HttpParserError, data: bytes) -> int:
        stopped = was_stopped(error)
        if not self._done:
            self.fault = self.fault or str(error).lower()
            return FAULT
        # Where the head ends in *data* is not known unless its whole end is there.
        _, end, behind = data.partition(b"\r\n\r\n")
        if not stopped or behind or not end:
            self.is_reusable = False  # more came than was asked for
            self._unusual = self.has_excess = True
        return DONE

    def _bounded(self, size: int) -> int:
        """Return MORE, or FAULT where the head or the chunk framing has no end."""
        self._unusual = True
        self._fed_bytes += size
        if not self.head_done:
            over = self._fed_bytes > MAX_HEAD_BYTES
            self.fault = "the answer's head is too large"
        elif self._chunked:
            framing = self._framing = self._framing or Framing(self._fed_bytes - size)
            over = framing.has_no_end(size, self._body_bytes, MAX_HEAD_BYTES)
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
        self.is_reusable = not is_excess and not self._closes() and self._parser.should_keep_alive()
        # It still waits for bytes that went past it.
        self._parser = httptools.HttpResponseParser(self)
        self._done = True
        return DONE

    def ends_with_connection(self) -> bool:
        """Return whether the end of the connection is the end of this answer."""
        return self.head_done and not self._chunked and self._length is None

    def _switch(self) -> int:
        if self._asker is None or not self._asker.wants_upgrade:
            self.fault = "switching protocols, unasked"
            return FAULT
        return SWITCH

    def switch_lines(self) -> list[bytes]:
        """Return the fields of a 101, flat, without those of the connection."""
        return self._lines
