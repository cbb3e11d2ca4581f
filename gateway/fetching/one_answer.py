"""Hold a server to one answer: of interim ones (RFC 9110 §15.2) only a few are borne."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import ClientError, TCPConnector
from aiohttp.client_proto import ResponseHandler

# 100, 102 and 103 are all there are, and a server that thinks for long may repeat 102.
MAX_ANSWERS = 16

# Of interim answers without end, 25 bytes each, this much is parsed before we notice.
_PIECE_BYTES = 4096


class TooManyAnswersError(ClientError):
    """A server sent more than 16 answers to one request."""


class OneAnswer(ResponseHandler):
    """One connection, which ends where answers have no end.

    The library takes them all, and as fast as they come: one server kept every request waiting
    for seconds, and filled the memory.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._answers = 0

    def data_received(self, data: bytes) -> None:
        """Read *data* in small pieces, up to where it is too much."""
        for start in range(0, max(len(data), 1), _PIECE_BYTES):  # an empty one means: go on
            if self._answers > MAX_ANSWERS:
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of an answer."""
        self._answers += 1
        if self._answers <= MAX_ANSWERS:
            super().feed_data(data, size)
        elif self._answers == MAX_ANSWERS + 1:
            self.abort()
            self.set_exception(TooManyAnswersError())


class OneAnswerConnector(TCPConnector):
    """Connects as any other; each connection is a ``OneAnswer``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # There is no public way to choose it; a test tells if this one is gone.
        make: Callable[[asyncio.AbstractEventLoop], ResponseHandler] = OneAnswer
        self._factory = partial(make, self._loop)
