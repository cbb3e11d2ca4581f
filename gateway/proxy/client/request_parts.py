"""Collect the parts of requests from the parser's callbacks: heads, and their bodies."""

from typing import Final

from gateway.decision.reason import Reason
from gateway.http.reading.faults import StopParsing
from gateway.http.reading.head_parts import HeadParts
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.proxy.streams.request_sink import Taker
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.framing import Framing
from gateway.settings.values.configuration import Limits

# Faults of what was asked for, not of how it was framed: the next request is where it should be.
_FRAMED: Final = frozenset((Reason.PATH_REJECTED, Reason.NOT_SUPPORTED))


class RequestParts(HeadParts):
    """One request after the other, in parts; *upload* is the body of the one being read."""

    __slots__ = ("_framing", "_plain", "_taker", "_trailer_fields", "upload")

    def __init__(self, taker: Taker, names: RequestNames, limits: Limits) -> None:
        super().__init__(names, limits)
        self._taker = taker
        self._framing: Framing | None = None  # of the body being read, where it has chunks
        self._plain: Request | None = None
        self._trailer_fields = 0
        self.upload: Upload | None = None

    def release(self) -> None:
        """Let go of the parser, which holds this by its callbacks, and of the connection.

        Once the connection is gone: its memory then does not have to wait for a collection.
        """
        del self._parser, self._taker

    def _take_head(self, request: Request) -> None:
        self._framing = self._plain = None
        self._trailer_fields = 0
        self.upload = self._taker.take_request(request)
        fields = request.fields
        if fields.fault is not None and fields.fault.reason not in _FRAMED:
            self.is_over = True
        elif request.is_plain and self.upload is None:
            self._plain = request

    def _count_trailer(self) -> None:
        self._trailer_fields += 1
        if self._trailer_fields > self._limits.head_fields:
            raise StopParsing

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.upload is None or self.is_over:
            raise StopParsing
        self.upload.add(data)

    def on_message_complete(self) -> None:
        """Take the end of the message."""
        if self._resumes and self.upload is not None:
            return  # the parser has left out the body, which is still to come
        self.in_message = False
        upload = self.upload
        if upload is None:
            return
        if upload.is_too_large:
            self.is_over = True  # refused when this piece has been looked at
            return
        self.upload = None
        upload.complete = True
        upload.flush()
        self._taker.take_body_end()
