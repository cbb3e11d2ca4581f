"""Try one server of an upstream as the data port would: connect, and run its health check."""

import asyncio
import socket
import ssl
from dataclasses import dataclass

from gateway.fetching.resolver import Resolver
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.health_check import check_health
from gateway.proxy.upstream.queue import Queue
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.proxy.upstream.stream_pool import StreamPool
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics
from gateway.tls.no_connection import describe_no_connection


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Why a server cannot be used; one that is *untrusted* responds, but proves no identity."""

    words: str
    untrusted: bool = False


async def dial(
    server: Server,
    timeout_seconds: float,
    resolver: Resolver,
    tls: ssl.SSLContext | None,
    server_name: str | None = None,
) -> NoConnection | None:
    """Return why *server* accepts no connection within the timeout; None if it does.

    If it speaks TLS, its certificate must be for *server_name*, by default its host, and issued by
    an authority that *tls* trusts. No request is sent.
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
    """Connect to the first address that accepts, in the order of the resolver."""
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
        except OSError as error:  # ssl.SSLError is one
            last = error
            continue
        transport.abort()
        return
    raise last


async def ask_health(
    server: Server, upstream: Upstream, timeouts: Timeouts, tls: ssl.SSLContext | None
) -> str | None:
    """Return why *server* is unhealthy; None if it is healthy, or has no health check.

    One of HTTP/2 must speak it in any case.
    """
    check = upstream.balancing.health
    if check is None and not upstream.is_http2:
        return None
    counts = UpstreamMetrics(upstream.name)
    parts = (
        server,
        server.host,
        upstream,
        timeouts,
        WriteBuffer(asyncio.get_running_loop()),
        counts,
        ServerMetrics(server.authority),
        tls,
    )
    if not upstream.is_http2:
        return None if check is None else await check_health(ServerPool(*parts), check)
    pool = StreamPool(None, Queue(upstream.balancing.queue, counts), *parts)
    return await _meet(pool) or (None if check is None else await check_health(pool, check))


async def _meet(pool: StreamPool) -> str | None:
    """Return why the server of *pool* cannot be spoken to by HTTP/2, or None."""
    try:
        await pool.connect()
    except OSError as error:
        return describe_no_connection(error, pool.connect_seconds)
    finally:
        pool.close()
    return None
