"""Dial one server of an upstream, as the data port would, and hang up."""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass

from gateway.fetching.resolver import Resolver
from gateway.settings.values import Server


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Why a server cannot be used; *untrusted* says that it answers, and proves nothing."""

    words: str
    untrusted: bool = False


async def dial(
    server: Server, timeout_seconds: float, resolver: Resolver, tls: ssl.SSLContext
) -> NoConnection | None:
    """Return why no connection to *server* stands within the time, or None where one does.

    Where it speaks TLS, its certificate must be for its name, and of somebody *tls* trusts. No
    request is sent.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            await _connect(server, resolver, tls if server.tls else None)
    except TimeoutError:
        return NoConnection(f"no connection in {timeout_seconds:g} s")
    except ssl.SSLCertVerificationError as error:
        # OpenSSL's own words, such as "certificate has expired"; they name at most the host.
        return NoConnection(f"its certificate is not trusted ({error.verify_message})", True)
    except ssl.SSLError as error:
        return NoConnection(f"no TLS with it ({error.reason or type(error).__name__})", True)
    except OSError as error:
        return NoConnection(f"cannot connect ({_words(error)})")
    return None


def _words(error: OSError) -> str:
    # asyncio has the address in its own words; a look-up has numbers below zero, and good words.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


async def _connect(server: Server, resolver: Resolver, tls: ssl.SSLContext | None) -> None:
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
                server_hostname=server.host if tls else None,
            )
        except OSError as error:  # ssl errors are among them
            last = error
            continue
        transport.abort()
        return
    raise last
