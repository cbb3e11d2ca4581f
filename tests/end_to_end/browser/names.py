"""Host names of a browser's world: a proxy that leads each to a port of loopback, and nowhere else.

So the origins in configurations have no ports, and are known before anything listens.
"""

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import AUTHORITY, serving

APP = "app.example.test"
SIBLING = "evil.example.test"  # another origin of the same site: SameSite does not stop it
STRANGER = "evil.test"  # another site

CERTIFICATE: trustme.LeafCert = AUTHORITY.issue_cert(APP, SIBLING, STRANGER, "127.0.0.1")

_REFUSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


def pin() -> str:
    """Return what Chromium calls our certificate: the SHA-256 of its public key, in base64."""
    found = x509.load_pem_x509_certificate(CERTIFICATE.cert_chain_pems[0].bytes())
    key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


_EMPTY_PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<!doctype html><title>another page</title><link rel=icon href='data:,'><body>"
)


class Names:
    """Which port of loopback a host name is at; *port* is that of the proxy itself."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection to where it wants to go (RFC 9110 §9.3.6)."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._lead(reader, writer)
        writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        host = target.decode().rpartition(":")[0]
        if method != b"CONNECT" or host not in self.ports:
            writer.write(_REFUSED)
            await writer.drain()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.ports[host])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            back.close()

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        # The end of one direction ends both: neither HTTP nor WebSocket needs half a connection.
        writer.close()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_EMPTY_PAGE)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def running_empty_pages() -> AsyncIterator[int]:
    """Yield the port of a server whose every page is empty: scripts come from the test."""
    context = serving(CERTIFICATE)
    server = await asyncio.start_server(_say_nothing, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def running_names() -> AsyncIterator[Names]:
    """Yield names on a free port."""
    names = Names()
    server = await asyncio.start_server(names.serve, "127.0.0.1", 0)
    names.port = server.sockets[0].getsockname()[1]
    try:
        yield names
    finally:
        server.close()
        await names.close()
