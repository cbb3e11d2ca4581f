"""Make HTTP sessions for fetching, which bound interim responses (RFC 9110 §15.2)."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientProxyConnectionError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest

from gateway.fetching.resolver import Lookup, Resolver
from gateway.settings.values.addresses import is_private_address

# Without versions: servers need not know them.
AGENT: Final = "jwt-gateway"

# There are only 100, 102 and 103, but a slow server may repeat 102.
MAX_RESPONSES = 16

# How much of an endless stream of interim responses is parsed before it is noticed.
_PIECE_BYTES = 4096


def make_session(
    tls: ssl.SSLContext | None = None,
    *,
    lookup: Lookup = socket.getaddrinfo,
    may_be_public: bool = False,
) -> ClientSession:
    """Return a session without cookies, environment proxies or automatic decompression.

    Each exchange has its own connection, which is closed afterwards: the rest of one response is
    never read as the next one. There is no connection limit: of a thousand issuers, a hundred
    that hang would otherwise delay all others. *tls* is the trust, by default the machine's. No
    connection without TLS leads to a public address, unless it *may_be_public*, whatever *lookup*
    (as ``socket.getaddrinfo``) says.
    """
    return ClientSession(
        connector=OneResponseConnector(
            may_be_public=may_be_public,
            limit=0,
            force_close=True,
            resolver=Resolver(lookup),
            ssl=True if tls is None else tls,
        ),
        timeout=ClientTimeout(total=None),  # every fetch has its own
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": AGENT},
    )


class OneResponseConnector(TCPConnector):
    """A connector whose connections are ``OneResponse``s, and private if they have no TLS.

    The addresses are checked that are connected to. A check before could be of others: the owner
    of a name decides what each look-up returns.
    """

    def __init__(self, *, may_be_public: bool, **options: Any) -> None:
        super().__init__(**options)
        self._may_be_public = may_be_public
        # There is no public way to choose the protocol; a test shows if this one goes away.
        make: Callable[[asyncio.AbstractEventLoop], ResponseHandler] = OneResponse
        self._factory = partial(make, self._loop)

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[Any],
        req: ClientRequest,
        client_error: type[Exception] = ClientConnectorError,
        **options: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        # No public way here, either. A proxy may be anywhere: what it is asked for has TLS.
        is_proxy = client_error is ClientProxyConnectionError
        if not (req.is_ssl() or is_proxy or self._may_be_public):
            _refuse_public(addr_infos)
        return await super()._wrap_create_connection(
            *args, addr_infos=addr_infos, req=req, client_error=client_error, **options
        )


def _refuse_public(addr_infos: Sequence[Any]) -> None:
    for _, _, _, _, address in addr_infos:
        if not is_private_address(str(address[0])):
            raise PublicAddressError(str(address[0]))


class PublicAddressError(ClientError):
    """Plain http would connect to a public address, which is the text."""


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
