"""Bound one HTTP exchange in time and size, and turn what fails into a reason for the log."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientResponse,
)

from gateway.fetching.document import FetchFailed
from gateway.fetching.session import PublicAddressError
from gateway.fetching.shown_url import show_url
from gateway.tls.no_connection import system_words

_GZIP_WINDOW_BITS = 31  # for zlib: a gzip header, nothing else

_CHUNK_BYTES = 16 * 1024


@asynccontextmanager
async def exchange_failures(url: str, timeout_seconds: float) -> AsyncIterator[None]:
    """Limit the block to *timeout_seconds*, and raise FetchFailed for every outside failure."""
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except TimeoutError:
        raise FetchFailed(
            f"{show_url(url)}: no complete response in {timeout_seconds:g} s"
        ) from None
    except (ClientError, OSError, ValueError) as error:
        raise FetchFailed(f"{show_url(url)}: {_words(error)}") from None


def _words(error: Exception) -> str:
    """Return our own words for an error: its text may repeat the URL or the response."""
    if isinstance(error, ClientConnectorCertificateError):
        # OpenSSL's text, such as "certificate has expired", names at most the host.
        why = getattr(error.certificate_error, "verify_message", "")
        return (
            f"the certificate is not trusted ({why})" if why else "the certificate is not trusted"
        )
    if isinstance(error, PublicAddressError):
        return f"plain http to {error}, which is not a private address: use https"
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy refuses (status {error.status})"
    if isinstance(error, ClientProxyConnectionError):
        return f"cannot connect to the proxy ({system_words(error.os_error)})"
    if isinstance(error, ClientConnectorError):
        return f"cannot connect ({system_words(error.os_error)})"
    return f"the exchange failed ({type(error).__name__})"


async def read_body(response: ClientResponse, where: str, max_bytes: int) -> bytes:
    """Return the body of *response*, at most *max_bytes* decompressed; or raise FetchFailed.

    *where* is the URL as it is shown.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise FetchFailed(f"{where}: content encoding was not requested")
    packed = await _read(response, where, max_bytes)
    return packed if encoding == "identity" else _inflate(packed, where, max_bytes)


async def _read(response: ClientResponse, where: str, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise FetchFailed(f"{where}: response is larger than {max_bytes} bytes")
    return bytes(body)


def _inflate(packed: bytes, where: str, max_bytes: int) -> bytes:
    """Decompress at most one byte more than allowed: a bomb costs no memory."""
    inflater = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        body = inflater.decompress(packed, max_bytes + 1)
    except zlib.error:
        raise FetchFailed(f"{where}: response is not valid gzip") from None
    if len(body) > max_bytes:
        raise FetchFailed(f"{where}: response is larger than {max_bytes} bytes")
    if not inflater.eof:
        raise FetchFailed(f"{where}: response is truncated")
    return body
