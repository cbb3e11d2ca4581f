"""Count the processors that this process may use."""

import os
from math import ceil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return how many cores there are for us, at least 1.

    A container sees all cores of its machine, but may use them for a share of the time:
    *cgroup* is the file that says so (cgroup v2, ``cpu.max``: quota and period in microseconds).
    """
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cgroup.read_text("ascii").split()
        return max(1, min(cores, ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # there is no limit: "max", or no such file
        return cores
