"""Build every object of a gateway in one process, and start and stop them in order."""

import os
import time
from collections.abc import Mapping, Sequence
from socket import socket
from typing import Any

from gateway.control_plane import ControlPlane
from gateway.data_plane import DataPlane
from gateway.fetched import Fetched, MakeLogins, make_fetched
from gateway.fetching.clock import Clock, SystemClock
from gateway.login.kept import LoginsKept
from gateway.login.stores.open_stores import OpenStores
from gateway.proxy.streams.open_streams import MACHINE_CLOCKS, Clocks
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.telemetry.metrics.counts import Metrics


class Gateway(ControlPlane):
    """One gateway in one process: the data port, the admin port, and everything below them.

    Build it inside a running event loop, then ``start`` and finally ``stop`` it. *sockets* and
    *admin_socket* already listen, and replace the addresses in *settings*: *sockets* has those of
    each address of the data port, or none. *make_logins* may return the logins of a configuration.
    """

    def __init__(  # noqa: PLR0913 - built in few places, by name
        self,
        settings: Settings,
        clocks: Clocks = MACHINE_CLOCKS,
        fetch_clock: Clock | None = None,
        *,
        sockets: Sequence[Sequence[socket]] = (),
        admin_socket: socket | None = None,
        make_logins: MakeLogins | None = None,
    ) -> None:
        self._sockets = sockets
        clock = fetch_clock or SystemClock()
        kept = LoginsKept(OpenStores(clocks.wall))

        def make(wanted: Settings) -> Fetched:
            return make_fetched(
                wanted, clock, self._compare_streams, make_logins, kept, clocks.wall
            )

        fetched = make(settings)
        self.data = DataPlane(settings, fetched.central, clocks)
        super().__init__(
            settings,
            fetched,
            ThisProcess(self.data),
            make,
            pseudonym=self.data.pseudonym,
            clock=clocks.wall,
            admin_socket=admin_socket,
        )

    def _compare_streams(self) -> None:
        self.data.compare_streams()

    @property
    def data_addresses(self) -> Sequence[tuple[str, int]]:
        """Return the hosts and ports of the data port, once started."""
        return self.data.addresses

    @property
    def data_address(self) -> tuple[str, int]:
        """Return the first of them."""
        return self.data.addresses[0]

    async def start(self) -> None:
        """Fetch keys and lists, then listen; raise OSError if an address is unavailable."""
        await super().start()
        await self.data.start(self._sockets)

    async def drain(self) -> None:
        """Report not ready, refuse new connections, let requests in flight finish."""
        await self.data.drain()

    def kill(self) -> None:
        """Kill all other processes: there are none."""

    async def stop(self) -> None:
        """Stop everything, and cut off what is in flight. Not during a ``reload``."""
        await self.data.stop()
        await super().stop()


class ThisProcess:
    """The only worker of a gateway in one process."""

    def __init__(self, data: DataPlane) -> None:
        self._data = data
        self._started_at = time.time()
        self._wanted: tuple[Settings, Fetched] | None = None

    @property
    def is_started(self) -> bool:
        """Return whether connections are accepted, or were until the drain."""
        return self._data.is_started

    @property
    def is_draining(self) -> bool:
        """Return whether it is draining."""
        return self._data.is_draining

    @property
    def identity_names(self) -> frozenset[bytes]:
        """Return the aliases of the identity headers of all configurations so far."""
        return self._data.identity_names

    @property
    def had_logins(self) -> bool:
        """Return whether any configuration so far has had logins."""
        return self._data.had_logins

    @property
    def pids(self) -> Sequence[int]:
        """Return the id of this process."""
        return (os.getpid(),)

    async def prepare(self, settings: Settings, fetched: Fetched, _record: Record) -> str | None:
        """Prepare to switch to *settings*; return None, or why that fails."""
        self._wanted = (settings, fetched)
        return await self._data.prepare(settings)

    async def commit(self) -> None:
        """Switch to what was prepared, without suspending."""
        if self._wanted is not None:
            settings, fetched = self._wanted
            self._wanted = None
            self._data.use(settings, fetched.central)

    async def counts(self) -> Metrics:
        """Return the counts."""
        return self._data.counts()

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the log line of a refusal, as a mapping, if it is still remembered."""
        return self._data.find_refusal(request_id)

    @property
    def restarts(self) -> Sequence[int]:
        """Return the number of restarts: a gateway in one process has none."""
        return (0,)

    def faults(self) -> Sequence[str]:
        """Return nothing: if this process fails, nobody can ask."""
        return ()

    def status(self) -> Sequence[Mapping[str, object]]:
        """Return the status of this process."""
        return [{"pid": os.getpid(), "started_at": self._started_at, "restarts": 0}]
