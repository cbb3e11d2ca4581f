"""A supervisor in this process with its workers, on a configuration made for a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.fetched import MakeLogins
from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import Record, RecordingDisk
from gateway.settings.values.configuration import Settings
from gateway.supervisor.sockets import open_sockets, spread_sockets
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.timeouts import WorkerTimeouts
from tests.hanging import LIMIT_SECONDS
from tests.processes import is_running
from tests.proxy.gateways import write_config

OPEN = {"name": "open", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}
CLOSED = {"name": "closed", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}

# Nothing listens there: what is let through is a 502.
LET_THROUGH, REFUSED = 502, 401


def read(
    directory: Path, route: Mapping[str, Any] = OPEN, **changes: Any
) -> tuple[Settings, Record]:
    """Return a configuration with this one *route*, and what it was read from."""
    sections = {"routes": [dict(route)], **changes}
    servers = sections.pop("servers", ["http://127.0.0.1:1"])
    path = write_config(directory, servers, sections)
    disk = RecordingDisk()
    loaded = load_settings(path, os.environ, disk)
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings, disk.record


class Client:
    """A connection on which a request was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def status(self) -> int:
        """Return the status of the answer, and close; raises where there is none."""
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                answer = await self._reader.read()
        finally:
            self._writer.close()
        return int(answer.split(b" ", 2)[1])


class Stage:
    """A supervisor with its workers, and how tests talk to it."""

    def __init__(
        self,
        directory: Path,
        workers: int,
        timeouts: WorkerTimeouts,
        **changes: Any,
    ) -> None:
        self.directory = directory
        make_logins: MakeLogins | None = changes.pop("make_logins", None)
        settings, record = read(directory, **changes)
        addresses = [one.address for one in settings.listen]
        sockets = spread_sockets([open_sockets(one, workers) for one in addresses])
        path = directory / "gateway.yaml"
        self.supervisor = Supervisor(
            settings, path, record, sockets, timeouts=timeouts, make_logins=make_logins
        )
        self.pool = self.supervisor.pool
        self.seen: set[int] = set()

    @property
    def workers(self) -> list[int]:
        """Return the process ids of the workers that serve."""
        pids = list(self.pool.pids[1:])
        self.seen |= set(pids)
        return pids

    async def reload(self, route: Mapping[str, Any], **changes: Any) -> str | None:
        return await self.supervisor.reload(*read(self.directory, route, **changes))

    async def send(self, target: str = "/x", fields: bytes = b"") -> Client:
        """Send a request with *fields*, whole lines, on a connection of its own."""
        reader, writer = await asyncio.open_connection(*self.supervisor.data_address)
        head = f"GET {target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
        writer.write(head.encode() + fields + b"\r\n")
        return Client(reader, writer)

    async def statuses(self, count: int = 20) -> set[int]:
        """Return the statuses of so many answers, each on a connection of its own."""
        return {await (await self.send()).status() for _ in range(count)}

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not holds():  # noqa: ASYNC110 - processes have no event to wait for
                await asyncio.sleep(0.005)

    async def until_idle(self) -> None:
        """Return once no connection is open."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while (await self.pool.counts()).connections_open:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.01)

    async def until_whole(self, count: int) -> None:
        """Return once so many workers serve."""
        await self.until(lambda: len(self.workers) == count)


def workers_of_ours() -> list[int]:
    """Return the workers that this process has started and that go on."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            is_worker = b"gateway.supervisor" in (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z" and is_worker:
            found.append(int(directory.name))
    return found


@asynccontextmanager
async def serving(
    directory: Path, workers: int = 2, timeouts: WorkerTimeouts | None = None, **changes: Any
) -> AsyncIterator[Stage]:
    """Yield a supervisor whose workers serve; in the end none of them may be left."""
    stage = Stage(directory, workers, timeouts or WorkerTimeouts(), **changes)
    try:
        await stage.supervisor.start()
        assert len(stage.workers) == workers
        yield stage
        _ = stage.workers
    finally:
        await stage.supervisor.stop()
    assert not any(map(is_running, stage.seen))
