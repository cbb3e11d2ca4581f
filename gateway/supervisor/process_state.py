"""Read the state of a process from ``/proc``: whether it is stopped, and its CPU time."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

# proc(5), counted from the field after the name, which may contain spaces and brackets.
_STATE, _PARENT, _USER_TICKS, _SYSTEM_TICKS = 0, 1, 11, 12

_STOPPED: Final = frozenset("Tt")  # by a signal, or by a debugger
_WAITS: Final = frozenset("RD")  # for a core, or for a disk


@dataclass(frozen=True, slots=True)
class Activity:
    """The CPU time of a thread or of all threads; *waits* if it waits for a core or a disk."""

    cpu_seconds: float
    waits: bool


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process at one moment: its first thread, and all of its threads together."""

    is_stopped: bool
    first_thread: Activity
    process: Activity


def read_process_state(pid: int) -> ProcessState | None:
    """Return the state of the child process *pid*; None if it is unknown or has exited."""
    directory = Path(f"/proc/{pid}")
    try:
        own = _fields(directory / "stat")
        # With a PID namespace of its own (unshare --pid), /proc may show other processes, and the
        # number may belong to any of them.
        if int(own[_PARENT]) != os.getpid():
            return None
        first = _fields(directory / "task" / str(pid) / "stat")
        states = [_fields(one / "stat")[_STATE] for one in (directory / "task").iterdir()]
    except (OSError, ValueError, IndexError):  # a thread has ended meanwhile: unknown this time
        return None
    waits = not _WAITS.isdisjoint(states)
    return ProcessState(
        first[_STATE] in _STOPPED,
        Activity(_cpu_seconds(first), first[_STATE] in _WAITS),
        Activity(_cpu_seconds(own), waits),
    )


def _fields(stat: Path) -> list[str]:
    return stat.read_text("latin-1").rpartition(")")[2].split()


def _cpu_seconds(fields: list[str]) -> float:
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND
