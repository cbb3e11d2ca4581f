"""Build every object of a gateway with several worker processes, and start and stop them."""

import time
from collections.abc import Sequence
from pathlib import Path
from socket import socket

from gateway.control_plane import ControlPlane
from gateway.fetched import Fetched, make_fetched
from gateway.fetching.clock import SystemClock
from gateway.proxy.port import new_pseudonym
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.supervisor.crew import Crew
from gateway.supervisor.patience import PATIENCE, Patience
from gateway.supervisor.sockets import WorkerSockets


class Supervisor(ControlPlane):
    """One gateway whose requests are served by several workers; it serves none itself.

    *path* and *record* are what *settings* were read from. *sockets* listen, one set for each
    worker; they are closed in the end. Build it inside a running event loop.
    """

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        settings: Settings,
        path: Path,
        record: Record,
        sockets: Sequence[WorkerSockets],
        *,
        admin_socket: socket | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        clock = SystemClock()

        def make(wanted: Settings) -> Fetched:
            return make_fetched(wanted, clock, _no_streams)

        fetched, pseudonym = make(settings), new_pseudonym()
        self.data_addresses: Sequence[tuple[str, int]] = [
            of_address[0].getsockname()[:2] for of_address in sockets[0]
        ]
        self.crew = Crew(
            settings,
            fetched,
            path=path,
            record=record,
            sockets=sockets,
            pseudonym=pseudonym,
            patience=patience,
        )
        super().__init__(
            settings,
            fetched,
            self.crew,
            make,
            pseudonym=pseudonym,
            clock=time.time,
            admin_socket=admin_socket,
        )

    @property
    def data_address(self) -> tuple[str, int]:
        """Return the first of the addresses that are listened on."""
        return self.data_addresses[0]

    async def start(self) -> None:
        """Fetch keys and lists, then have all workers serve.

        Raises OSError where an address cannot be had, WorkerFailed where a worker cannot serve.
        """
        await super().start()
        await self.crew.start()

    async def drain(self) -> None:
        """Be not ready any more, take no new connections, let requests under way finish."""
        await self.crew.drain()

    def kill(self) -> None:
        """End all workers at once; for a process that is about to end itself."""
        self.crew.kill()

    async def stop(self) -> None:
        """End everything; what is still under way is cut off. Not during a ``reload``."""
        await self.crew.stop()
        await super().stop()


def _no_streams() -> None:
    """Do nothing: workers hear of new lists, and compare their streams with them."""
