"""Start a program on one core, and end it by its process id."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

END_SECONDS = 5.0
POLL_SECONDS = 0.02
PROXY_CORE = "0"
LOAD_CORE = "1"  # the load generator and the upstream share it
BOTH_CORES = "0,1"


class StartFailedError(Exception):
    """A program exited, or did not listen in time; the message is the end of its output."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is started, on which core, and which port tells that it is ready.

    What it prints goes to *log* (stdout) and to *log* with the suffix ``.err`` (stderr).
    """

    command: Sequence[str]
    core: str
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float = 20.0


@contextmanager
def running(program: Program) -> Iterator[int]:
    """Run *program* until the block ends; yield its process id once its port is open."""
    errors = program.log.with_suffix(".err")
    with program.log.open("wb") as out, errors.open("wb") as err:
        # A session of its own: Ctrl-C reaches only us, and we end our children in order.
        process = subprocess.Popen(
            ["taskset", "-c", program.core, *program.command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=os.environ | dict(program.environment),
            start_new_session=True,
        )
    try:
        _wait_until_open(process, program.port, errors, program.start_seconds)
        yield process.pid
    finally:
        _end(process)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def resident_kib(pid: int) -> int:
    """Return the resident memory of the process *pid* and all its descendants."""
    return _sum_over_tree(pid, "VmRSS")


def peak_kib(pid: int) -> int:
    """Return the peak resident memory of *pid* and all its descendants."""
    return _sum_over_tree(pid, "VmHWM")


def _sum_over_tree(pid: int, entry: str) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(line.split()[1] for line in status.splitlines() if line.startswith(entry))
    return int(own) + sum(_sum_over_tree(int(child), entry) for child in children)


def _wait_until_open(
    process: subprocess.Popen[bytes], port: int, errors: Path, start_seconds: float
) -> None:
    deadline = monotonic() + start_seconds
    while process.poll() is None and monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(POLL_SECONDS)
    said = errors.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise StartFailedError(said[-1])


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue
