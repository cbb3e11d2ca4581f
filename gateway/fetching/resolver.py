"""Look host names up in threads of our own: a name server that hangs holds up nobody else."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.fetching.thread import start_thread

# The event loop's own look-ups share its four threads, of which two may wait for a name server:
# two issuers whose names hang would keep us from every service that has a name. A thousand
# tenants of one dead zone must not keep us from the zones that live, either; a thread that waits
# takes 30 KiB, and the one descriptor that its issuer's connection would take.
MAX_LOOKUPS = 1024

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
Lookup = Callable[..., Sequence[AddressInfo]]

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """What the machine knows of names, asked in a thread for each of them.

    At most *max_lookups* are under way; a thread that waits for ever does not keep the process
    from ending. *lookup* is called as ``socket.getaddrinfo`` is.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo, max_lookups: int = MAX_LOOKUPS) -> None:
        self._lookup = lookup
        self._free = asyncio.Semaphore(max_lookups)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*; raises OSError where it has none."""
        await self._free.acquire()
        # Shielded: it is threads that are counted, not those who wait for them.
        infos = await asyncio.shield(self._start(host, port, family))
        return [
            ResolveResult(
                hostname=host,
                host=_numeric(address),
                port=address[1],
                family=kind,
                proto=protocol,
                flags=_NUMERIC,
            )
            for kind, _, protocol, _, address in infos
        ]

    async def close(self) -> None:
        """Do nothing: a look-up cannot be ended, and nobody waits for it."""

    def _start(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> asyncio.Future[Sequence[AddressInfo]]:
        work = partial(
            self._lookup, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
        answer = start_thread(work, f"look-up of {host}")
        answer.add_done_callback(lambda _: self._free.release())
        return answer


def _numeric(address: tuple[Any, ...]) -> str:
    """Return the address as text, with the scope of one that is link-local (RFC 4007 §11)."""
    is_scoped = len(address) == 4 and address[3]
    return f"{address[0]}%{address[3]}" if is_scoped else str(address[0])
