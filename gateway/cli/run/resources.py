"""Find out what the machine allows this process: file descriptors and cores."""

import os
import resource
from contextlib import suppress
from math import ceil
from pathlib import Path

from gateway.settings.values.configuration import Settings

# Besides clients and issuers: listeners, logs, the event loop, the admin port, a few upstreams.
_OTHER_DESCRIPTORS = 64

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def allow_many_descriptors() -> int:
    """Raise the soft limit of open files to the hard limit; return it, negative for unlimited.

    The soft limit is low for the sake of programs that use select(). Each request takes two
    descriptors, and if clients take them all, none is left to reach an upstream.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # the system may allow less than the limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def describe_too_few(descriptors: int, settings: Settings, workers: int = 1) -> str | None:
    """Return a warning if clients alone could use up all *descriptors*, else None.

    Then no upstream could be reached. The limit applies to each process, and *workers* share the
    connections.
    """
    connections = ceil(settings.limits.connections / workers)
    # All issuers may hang at once, each with the one connection of its fetch.
    needed = connections + len(settings.issuers) + _OTHER_DESCRIPTORS
    if descriptors < 0 or descriptors >= needed:
        return None
    each = "" if workers == 1 else f" in each of {workers} workers"
    return (
        f"warning: {connections} connections{each} (limits.connections) may take {needed} open "
        f"files, and {descriptors} are allowed: raise the limit (ulimit -n) or lower it"
    )


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return how many cores this process may use, at least 1.

    A container sees all cores of its machine, but may use them for a share of the time: *cgroup* is
    the file with that share (cgroup v2, ``cpu.max``: quota and period in microseconds).
    """
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cgroup.read_text("ascii").split()
        return max(1, min(cores, ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no limit: "max", or no such file
        return cores
