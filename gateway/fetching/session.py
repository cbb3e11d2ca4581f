"""Make HTTP sessions for fetching, which bound interim responses (RFC 9110 §15.2)."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler

from gateway.fetching.resolver import Resolver

# Without versions: servers need not know them.
AGENT: Final = "jwt-gateway"

# There are only 100, 102 and 103, but a slow server may repeat 102.
MAX_RESPONSES = 16

# How much of an endless stream of interim responses is parsed before it is noticed.
_PIECE_BYTES = 4096


def make_session(tls: ssl.SSLContext | None = None) -> ClientSession:
    """Return a session without cookies, environment proxies or automatic decompression.

    Each exchange has its own connection, which is closed afterwards: the rest of one response is
    never read as the next one. There is no connection limit: of a thousand issuers, a hundred
    that hang would otherwise delay all others. *tls* is the trust, by default the machine's.
    """
    return ClientSession(
        connector=OneResponseConnector(
            limit=0, force_close=True, resolver=Resolver(), ssl=True if tls is None else tls
        ),
        timeout=ClientTimeout(total=None),  # every fetch has its own
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": AGENT},
    )


class OneResponseConnector(TCPConnector):
    """A connector whose connections are ``OneResponse``s."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # There is no public way to choose the protocol; a test shows if this one goes away.
        make: Callable[[asyncio.AbstractEventLoop], ResponseHandler] = OneResponse
        self._factory = partial(make, self._loop)


class OneResponse(ResponseHandler):
    """A connection that is aborted after too many interim responses.

    The library itself accepts any number, as fast as they come: one server could block every
    request for seconds, and fill the memory.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._responses = 0

    def data_received(self, data: bytes) -> None:
        """Parse *data* in small pieces, until there are too many responses."""
        for start in range(0, max(len(data), 1), _PIECE_BYTES):  # empty data resumes parsing
            if self._responses > MAX_RESPONSES:
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Accept the head of a response."""
        self._responses += 1
        if self._responses <= MAX_RESPONSES:
            super().feed_data(data, size)
        elif self._responses == MAX_RESPONSES + 1:
            self.abort()
            self.set_exception(TooManyResponsesError())


class TooManyResponsesError(ClientError):
    """A server sent more than 16 responses to one request."""
