"""The services of a soak: processes that are killed, frozen and cut off while they serve."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self

from tests.soak.long_wire import PATIENCE_SECONDS

_ROOT: Final = Path(__file__).parents[2]

# Linux socket states (include/net/tcp_states.h) of a connection that is not over.
_OPEN_STATES: Final = frozenset(("01", "02", "03", "04", "05", "08", "09", "0B"))


def open_connections(port: int) -> int:
    """Count the connections that a server at *port* of loopback has, as its kernel sees them."""
    local = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    # An inode of 0 has no process any more: closed, but not yet acknowledged by the other end.
    return sum(row[1] == local and row[3] in _OPEN_STATES and row[9] != "0" for row in fields)


class ServiceProcess:
    """One raw service, always at the same port."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        # Bound and not listening: the port stays ours while the service is away, and no
        # connection of anybody can get it for its own end.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve, and return once it listens."""
        self._process = process = self._run()
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"

    def _run(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.soak.service", "--port", str(self.port)]
        return subprocess.Popen(
            [*command, "--notes", str(self._notes)], cwd=_ROOT, stdout=subprocess.PIPE
        )

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the service, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash does: the kernel closes its connections."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def close(self) -> None:
        """End it, and give its port back."""
        self.kill()
        self._reserved.close()


class Fleet:
    """The services; one is steady, two are shaky."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes.txt"
        self.notes.touch()
        self.steady = ServiceProcess(self.notes)
        self.shaky = (ServiceProcess(self.notes), ServiceProcess(self.notes))
        self.crashes = 0

    @property
    def all(self) -> tuple[ServiceProcess, ...]:
        return (self.steady, *self.shaky)

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(service.start() for service in self.all))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for service in self.all:
            service.close()

    def connections(self) -> int:
        """Count the connections that all services have."""
        return sum(open_connections(service.port) for service in self.all)

    async def shake(self, seed: str) -> None:
        """Trouble the shaky services, one after the other, until cancelled; then all is well."""
        rng = Random(f"{seed}/shaking")
        while True:
            await asyncio.sleep(rng.uniform(0.2, 1.5))
            # Shielded: what was begun is put right before the end.
            trouble = asyncio.ensure_future(self._trouble(rng, rng.choice(self.shaky)))
            try:
                await asyncio.shield(trouble)
            except asyncio.CancelledError:
                await trouble
                raise

    async def _trouble(self, rng: Random, service: ServiceProcess) -> None:
        self.crashes += 1
        match rng.choice(("crash", "refuse", "freeze", "reset", "reset")):
            case "crash":
                service.kill()
                await asyncio.sleep(rng.uniform(0, 1))
                await service.start()
            case "refuse":
                service.tell(signal.SIGUSR1)
                await asyncio.sleep(rng.uniform(0, 0.5))
                service.tell(signal.SIGUSR2)
            case "freeze":
                service.tell(signal.SIGSTOP)
                await asyncio.sleep(rng.uniform(0, 0.5))
                service.tell(signal.SIGCONT)
            case _:
                service.tell(signal.SIGHUP)


def open_files(pid: int) -> int:
    """Count the file descriptors that process *pid* has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of process *pid*."""
    with suppress(StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return 0
