"""Resolve host names in separate threads, so that a hanging name server delays nothing else."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.fetching.thread import start_thread

# The event loop's own look-ups share a few threads: two issuers with hanging names would block
# every other look-up. Nor may a thousand tenants of one dead zone block the others; a waiting
# thread takes 30 KiB and one descriptor.
MAX_LOOKUPS = 1024

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
Lookup = Callable[..., Sequence[AddressInfo]]

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """The machine's resolver, with a thread for each look-up.

    At most *max_lookups* are in flight; a thread that hangs does not keep the process from
    exiting. *lookup* has the signature of ``socket.getaddrinfo``.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo, max_lookups: int = MAX_LOOKUPS) -> None:
        self._lookup = lookup
        self._free = asyncio.Semaphore(max_lookups)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*; raises OSError if it has none."""
        await self._free.acquire()
        # Shielded, because the semaphore counts threads, not their callers.
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
        """Do nothing: a look-up cannot be cancelled, and nobody waits for it."""

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
    """Return the address as text, with the scope of a link-local one (RFC 4007 §11)."""
    is_scoped = len(address) == 4 and address[3]
    return f"{address[0]}%{address[3]}" if is_scoped else str(address[0])
