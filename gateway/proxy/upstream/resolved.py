"""The addresses of a server that is configured by its name, looked up again and again."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

from gateway.balancing.lookup import Lookup
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.settings.values.addresses import is_ip
from gateway.settings.values.configuration import Server
from gateway.telemetry.metrics.servers import ServerMetrics

_log = logging.getLogger(__name__)


class Resolves(Protocol):
    """Whoever knows the addresses of names."""

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> Sequence[Mapping[str, Any]]:
        """Return the addresses of *host*, each under ``host``; raises OSError."""


class Resolved:
    """One server, and the addresses that it has as far as we know."""

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        server: Server,
        *,
        upstream_name: str,
        every_seconds: float,
        tally: ServerMetrics,
        resolver: Resolves,
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
        self._flight: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses found last; none where the name never resolved."""
        return self._lookup.addresses

    @property
    def error(self) -> str:
        """Return why there is none, in words."""
        return f"the name {self.server.host} does not resolve ({self._lookup.error})"

    def inherit(self, former: "Resolved") -> None:
        """Begin with what *former* knows of the same name."""
        self._lookup.find(former.addresses, monotonic(), self._chance())

    def hurry(self) -> None:
        """Look it up soon: an address could not be connected to."""
        self._lookup.hurry()

    def sweep(self, now: float) -> None:
        """Look it up if it is time."""
        if self._lookup.is_due(now):
            self._lookup.begin(now)
            self._flight = asyncio.get_running_loop().create_task(self._look_up())
            self._flight.add_done_callback(self._end)

    def _end(self, flight: asyncio.Task[None]) -> None:
        if flight.cancelled() or flight.exception() is None:
            return
        report_bug("a bug ended a look-up", flight.exception())
        self._lookup.fail("a bug; the log has more", monotonic(), self._chance())

    async def wait(self) -> None:
        """Wait for the look-up under way, if there is one; begin one if it is time."""
        self._lookup.hurry()
        self.sweep(monotonic())
        if self._flight is not None:
            await asyncio.wait({self._flight})  # what came of it, the addresses tell

    def close(self) -> None:
        """Look up nothing any more."""
        if self._flight is not None:
            self._flight.cancel()

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
                stays = "; its former addresses are used" if lookup.addresses else ""
                _log.warning("upstream %s: %s%s", self._upstream_name, self.error, stays)
            return
        if failed_before:
            _log.warning("upstream %s: the name %s resolves", self._upstream_name, server.host)
        addresses = [str(one["host"]) for one in found]
        if lookup.find(addresses, monotonic(), self._chance()):
            self._on_change()


def is_name(host: str) -> bool:
    """Return whether *host* is to be looked up."""
    return not is_ip(host)
