"""The addresses of a server that is configured by its name, looked up periodically."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

from gateway.balancing.lookup import Lookup
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.settings.values.addresses import is_ip
from gateway.settings.values.configuration import Server
from gateway.telemetry.metrics.servers import ServerMetrics

_log = logging.getLogger(__name__)


class NameResolver(Protocol):
    """What looks names up: ``fetching.Resolver`` in the gateway."""

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> Sequence[Mapping[str, Any]]:
        """Return the addresses of *host*, each under ``host``; raises OSError."""


class ServerAddresses:
    """One server, and its addresses as far as they are known."""

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        server: Server,
        *,
        upstream_name: str,
        every_seconds: float,
        tally: ServerMetrics,
        resolver: NameResolver,
        chance: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self.server = server
        self._upstream_name = upstream_name
        self._tally = tally
        self._resolver = resolver
        self._chance = chance
        self._on_change = on_change
        self._lookup = Lookup(every_seconds)
        self._task: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses found last; none if the name never resolved."""
        return self._lookup.addresses

    @property
    def error(self) -> str:
        """Return why there is no address, in words."""
        return f"the name {self.server.host} does not resolve ({self._lookup.error})"

    def inherit(self, former: "ServerAddresses") -> None:
        """Start with the addresses that *former* knows of the same name."""
        self._lookup.find(former.addresses, monotonic(), self._chance())

    def hurry(self) -> None:
        """Look the name up soon: a connection to one of its addresses failed."""
        self._lookup.hurry()

    def sweep(self, now: float) -> None:
        """Look the name up if it is due."""
        if self._lookup.is_due(now):
            self._lookup.begin(now)
            self._task = asyncio.get_running_loop().create_task(self._look_up())
            self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        report_unexpected_error("unexpected error in a name look-up", task.exception())
        self._lookup.fail("unexpected error; stderr has more", monotonic(), self._chance())

    async def wait(self) -> None:
        """Wait for the look-up in progress, if any; start one if it is due."""
        self._lookup.hurry()
        self.sweep(monotonic())
        if self._task is not None:
            await asyncio.wait({self._task})  # the outcome is in the addresses

    def close(self) -> None:
        """Stop looking the name up."""
        if self._task is not None:
            self._task.cancel()

    async def _look_up(self) -> None:
        server, lookup, tally = self.server, self._lookup, self._tally
        tally.lookups += 1
        failed_before = bool(lookup.error)
        try:
            found = await self._resolver.resolve(server.host, server.port, socket.AF_UNSPEC)
        except OSError as error:
            tally.failed_lookups += 1
            lookup.fail(error.strerror or type(error).__name__, monotonic(), self._chance())
            if not failed_before:
                stays = "; its previous addresses stay in use" if lookup.addresses else ""
                _log.warning("upstream %s: %s%s", self._upstream_name, self.error, stays)
            return
        if failed_before:
            _log.warning(
                "upstream %s: the name %s resolves again", self._upstream_name, server.host
            )
        addresses = [str(one["host"]) for one in found]
        if lookup.find(addresses, monotonic(), self._chance()):
            self._on_change()


def is_name(host: str) -> bool:
    """Return whether *host* has to be looked up."""
    return not is_ip(host)
