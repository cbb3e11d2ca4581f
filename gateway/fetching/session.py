"""Hold a server to one answer: of interim ones (RFC 9110 §15.2) only a few are borne."""

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

# Who asks, without the versions of what it is made of: whoever is asked need not know them.
AGENT: Final = "jwt-gateway"

# 100, 102 and 103 are all there are, and a server that thinks for long may repeat 102.
MAX_RESPONSES = 16

# Of interim answers without end, 25 bytes each, this much is parsed before we notice.
_PIECE_BYTES = 4096


def make_session(tls: ssl.SSLContext | None = None) -> ClientSession:
    """Return a session without cookies, proxies of the environment or silent inflating.

    Each exchange has a connection of its own, which ends with it: at most one is open for each
    document that is being fetched, and what one answer left behind is never read as the next
    one. None waits for another one's: of a thousand issuers, a hundred that hang would use up
    the time of all others. *tls* says whom to trust, by default what the machine trusts.
    """
    return ClientSession(
        connector=OneResponseConnector(
            limit=0, force_close=True, resolver=Resolver(), ssl=True if tls is None else tls
        ),
        timeout=ClientTimeout(total=None),  # every fetch brings its own
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": AGENT},
    )


class OneResponseConnector(TCPConnector):
    """Connects as any other; each connection is a ``OneResponse``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # There is no public way to choose it; a test tells if this one is gone.
        make: Callable[[asyncio.AbstractEventLoop], ResponseHandler] = OneResponse
        self._factory = partial(make, self._loop)


class OneResponse(ResponseHandler):
    """One connection, which ends where answers have no end.

    The library takes them all, and as fast as they come: one server kept every request waiting
    for seconds, and filled the memory.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._responses = 0

    def data_received(self, data: bytes) -> None:
        """Read *data* in small pieces, up to where it is too much."""
        for start in range(0, max(len(data), 1), _PIECE_BYTES):  # an empty one means: go on
            if self._responses > MAX_RESPONSES:
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of an answer."""
        self._responses += 1
        if self._responses <= MAX_RESPONSES:
            super().feed_data(data, size)
        elif self._responses == MAX_RESPONSES + 1:
            self.abort()
            self.set_exception(TooManyResponsesError())


class TooManyResponsesError(ClientError):
    """A server sent more than 16 answers to one request."""
