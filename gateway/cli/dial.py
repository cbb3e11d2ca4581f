"""Dial one server of an upstream, as the data port would, and hang up."""

import asyncio
import socket
import ssl
from dataclasses import dataclass

from gateway.fetching.resolver import Resolver
from gateway.settings.values.configuration import Server
from gateway.tls.no_connection import describe_no_connection


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Why a server cannot be used; *untrusted* says that it answers, and proves nothing."""

    words: str
    untrusted: bool = False


async def dial(
    server: Server,
    timeout_seconds: float,
    resolver: Resolver,
    tls: ssl.SSLContext | None,
    server_name: str | None = None,
) -> NoConnection | None:
    """Return why no connection to *server* stands within the time, or None where one does.

    Where it speaks TLS, its certificate must be for *server_name*, by default its host, and of
    somebody *tls* trusts. No request is sent.
    """
    name = (server_name or server.host) if server.tls else None
    try:
        async with asyncio.timeout(timeout_seconds):
            await _connect(server, resolver, tls if server.tls else None, name)
    except OSError as error:
        words = describe_no_connection(error, timeout_seconds)
        return NoConnection(words, isinstance(error, ssl.SSLError))
    return None


async def _connect(
    server: Server, resolver: Resolver, tls: ssl.SSLContext | None, server_name: str | None
) -> None:
    """Connect to the first address that takes it, in the order of the resolver."""
    found = await resolver.resolve(server.host, server.port, socket.AF_UNSPEC)
    last: OSError = OSError("no address")
    for address in found:
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                asyncio.Protocol,
                address["host"],
                server.port,
                ssl=tls,
                server_hostname=server_name,
            )
        except OSError as error:  # ssl errors are among them
            last = error
            continue
        transport.abort()
        return
    raise last
