"""Read what the system says of a process: whether it is stopped, and what CPU time it had."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

# proc(5), counted from the field behind the name, which may have spaces and brackets in it.
_STATE, _PARENT, _USER_TICKS, _SYSTEM_TICKS = 0, 1, 11, 12

_STOPPED: Final = frozenset("Tt")  # by a signal, or by a debugger
_WAITS: Final = frozenset("RD")  # for a core, or for a disk


@dataclass(frozen=True, slots=True)
class Activity:
    """The CPU time so far of a thread, or of all; *waits* says that it would go on if it could."""

    cpu_seconds: float
    waits: bool


@dataclass(frozen=True, slots=True)
class Vitals:
    """A process at one moment: its first thread, and all its threads together."""

    is_stopped: bool
    first_thread: Activity
    process: Activity


def read_vitals(pid: int) -> Vitals | None:
    """Return how our child *pid* is; None where the system does not say, or it has ended."""
    directory = Path(f"/proc/{pid}")
    try:
        own = _fields(directory / "stat")
        # In a namespace of processes of its own, /proc may be that of others (unshare --pid), in
        # which this number is that of anybody.
        if int(own[_PARENT]) != os.getpid():
            return None
        first = _fields(directory / "task" / str(pid) / "stat")
        states = [_fields(one / "stat")[_STATE] for one in (directory / "task").iterdir()]
    except (OSError, ValueError, IndexError):  # a thread may end while we look: another time
        return None
    waits = not _WAITS.isdisjoint(states)
    return Vitals(
        first[_STATE] in _STOPPED,
        Activity(_cpu_seconds(first), first[_STATE] in _WAITS),
        Activity(_cpu_seconds(own), waits),
    )


def _fields(stat: Path) -> list[str]:
    return stat.read_text("latin-1").rpartition(")")[2].split()


def _cpu_seconds(fields: list[str]) -> float:
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND
