"""Pools without a gateway around them, and a name server whose answers a test says."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.addresses import parse_server
from gateway.settings.values.balancing import PLAIN
from gateway.settings.values.configuration import Server, Timeouts, Upstream, UpstreamProtocol
from gateway.telemetry.metrics.upstreams import UpstreamMetrics
from gateway.tls.certificate import MACHINE_TRUST
from tests.hanging import LIMIT_SECONDS

TIMEOUTS = Timeouts(10.0, 60.0, 30.0, 3600.0, 3600.0, 0.0)


class Names:
    """Knows of each name what a test says; no addresses are an error. *asked* are all look-ups."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses: dict[str, Sequence[str]] = dict(addresses)
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> Sequence[Mapping[str, Any]]:
        self.asked.append(host)
        await self.may_answer.wait()
        found = self.addresses.get(host, ())
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [{"host": address} for address in found]


def make_server(url: str) -> Server:
    server = parse_server(url)
    assert isinstance(server, Server), server
    return server


def make_pool(
    *urls: str,
    names: Names | None = None,
    kind: type[Pool] = Pool,
    chance: Callable[[], float] = lambda: 0.5,
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1,
    tls: ssl.SSLContext | None = None,
    connect_timeout_seconds: float = 2.0,
    **balancing: Any,
) -> Pool:
    """Return a pool of the servers at *urls*, whose names are looked up with *names*."""
    upstream = Upstream(
        "main",
        tuple(make_server(url) for url in urls),
        connect_timeout_seconds=connect_timeout_seconds,
        response_timeout_seconds=30.0,
        idle_timeout_seconds=55.0,
        balancing=replace(PLAIN, **balancing),
        tls=None if tls is None else MACHINE_TRUST,
        protocol=protocol,
    )
    write_buffer = WriteBuffer(asyncio.get_running_loop())
    return kind(
        upstream,
        TIMEOUTS,
        write_buffer,
        UpstreamMetrics("main"),
        tls,
        resolver=names or Names(),
        chance=chance,
    )


def peer_of(server: Lease) -> str:
    """Return the address that a connection goes to."""
    host: str = server.transport.get_extra_info("peername")[0]
    return host


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something makes *condition* true."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.001)
