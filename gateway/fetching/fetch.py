"""Fetch one small document over HTTP, or fail with a reason for the log."""

import asyncio
import ssl
import zlib
from http import HTTPStatus

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
)
from yarl import URL

from gateway.fetching.document import MAX_DOCUMENT_BYTES, FetchFailed
from gateway.fetching.shown_url import show_url
from gateway.tls.no_connection import system_words

MAX_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_GZIP_WINDOW_BITS = 31  # for zlib: a gzip header, nothing else

_CHUNK_BYTES = 16 * 1024


async def fetch(
    session: ClientSession,
    url: str,
    timeout_seconds: float,
    max_bytes: int = MAX_DOCUMENT_BYTES,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return the body of the 200 response to a GET of *url*, at most *max_bytes* decompressed.

    *tls* is the trust, by default that of *session*. The whole exchange, with redirects and a slow
    body, takes at most *timeout_seconds*. Raises FetchFailed for every outside failure.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _follow(session, URL(url), max_bytes, tls)
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
    if isinstance(error, ClientConnectorError):
        return f"cannot connect ({system_words(error.os_error)})"
    return f"the exchange failed ({type(error).__name__})"


async def _follow(
    session: ClientSession, url: URL, max_bytes: int, tls: ssl.SSLContext | None
) -> bytes:
    """Get *url*, following redirects on the same origin only (GHSA-9v7f-9g4p-ffgj).

    Redirects to other origins would let anyone who controls one page of the issuer choose its
    keys, or make us call services that only we can reach.
    """
    target = url
    trust = True if tls is None else tls
    for _ in range(MAX_REDIRECTS + 1):
        async with session.get(target, allow_redirects=False, ssl=trust) as response:
            if response.status not in _REDIRECTS:
                return await _body(response, show_url(str(url)), max_bytes)
            following = target.join(URL(response.headers.get("Location", "")))
        if following.origin() != url.origin():
            raise FetchFailed(f"{show_url(str(url))}: redirects to another host, not followed")
        target = following
    raise FetchFailed(f"{show_url(str(url))}: more than {MAX_REDIRECTS} redirects")


async def _body(response: ClientResponse, where: str, max_bytes: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise FetchFailed(f"{where}: status {response.status} instead of 200")
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
