"""Build every object of a gateway with several worker processes, and start and stop them."""

import time
from collections.abc import Sequence
from pathlib import Path
from socket import socket

from gateway.control_plane import ControlPlane
from gateway.fetched import Fetched, MakeLogins, make_fetched
from gateway.fetching.clock import SystemClock
from gateway.login.kept import LoginsKept
from gateway.proxy.port import new_pseudonym
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.supervisor.sockets import WorkerSockets
from gateway.supervisor.timeouts import DEFAULT_TIMEOUTS, WorkerTimeouts
from gateway.supervisor.worker_pool import WorkerPool


class Supervisor(ControlPlane):
    """One gateway whose requests are served by several workers; it serves none itself.

    *path* and *record* are what *settings* were read from. *sockets* listen, one set for each
    worker; ``stop`` closes them. *make_logins* may return the logins of a configuration. Build it
    inside a running event loop.
    """

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        settings: Settings,
        path: Path,
        record: Record,
        sockets: Sequence[WorkerSockets],
        *,
        admin_socket: socket | None = None,
        timeouts: WorkerTimeouts = DEFAULT_TIMEOUTS,
        make_logins: MakeLogins | None = None,
    ) -> None:
        clock, kept = SystemClock(), LoginsKept()

        def make(wanted: Settings) -> Fetched:
            return make_fetched(wanted, clock, _no_streams, make_logins, kept)

        fetched, pseudonym = make(settings), new_pseudonym()
        self.data_addresses: Sequence[tuple[str, int]] = [
            of_address[0].getsockname()[:2] for of_address in sockets[0]
        ]
        self.pool = WorkerPool(
            settings,
            fetched,
            path=path,
            record=record,
            sockets=sockets,
            pseudonym=pseudonym,
            timeouts=timeouts,
        )
        super().__init__(
            settings,
            fetched,
            self.pool,
            make,
            pseudonym=pseudonym,
            clock=time.time,
            admin_socket=admin_socket,
        )

    @property
    def data_address(self) -> tuple[str, int]:
        """Return the first address of the data port."""
        return self.data_addresses[0]

    async def start(self) -> None:
        """Fetch keys and lists, then start all workers.

        Raise OSError if an address is unavailable, WorkerFailed if a worker cannot serve.
        """
        await super().start()
        await self.pool.start()

    async def drain(self) -> None:
        """Report not ready, refuse new connections, let requests in flight finish."""
        await self.pool.drain()

    def kill(self) -> None:
        """Kill all workers; for a process that is about to exit."""
        self.pool.kill()

    async def stop(self) -> None:
        """Stop everything, and cut off what is in flight. Not during a ``reload``."""
        await self.pool.stop()
        await super().stop()


def _no_streams() -> None:
    """Do nothing: the workers receive new lists, and check their own streams."""
