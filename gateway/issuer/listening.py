"""Serve an aiohttp application on loopback, and nowhere else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from aiohttp import web

from gateway.http.server_header import hide_software

# Clients of a demo keep connections alive; they are not worth waiting for.
_SHUTDOWN_SECONDS = 0.5


def bind_loopback(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 asks for a free one.

    Raises ValueError for an address that other machines can reach: the issuer gives tokens to
    anyone. Raises OSError if the port is in use.
    """
    address = ip_address(host)
    if not address.is_loopback:
        raise ValueError("development only: it may only listen on loopback")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def origin(host: str, port: int) -> str:
    """Return the http origin of *host*, an IP address, and *port*."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def origin_of(bound: socket.socket) -> str:
    """Return the http origin that *bound* is reached at."""
    host, port = bound.getsockname()[:2]
    return origin(host, port)


@asynccontextmanager
async def serving(application: web.Application, bound: socket.socket) -> AsyncIterator[None]:
    """Serve *application* on *bound* for as long as the block runs; close both after it."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        hide_software(runner)
        await web.SockSite(runner, bound).start()
        yield
    finally:
        await asyncio.shield(runner.cleanup())
        bound.close()
