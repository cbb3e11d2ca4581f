"""Have enough file descriptors for all connections, or say that there are too few."""

import resource
from contextlib import suppress
from math import ceil

from gateway.settings.values.configuration import Settings

# Beside clients and issuers: listeners, logs, the event loop, the admin port, a few services.
_OTHER_DESCRIPTORS = 64


def allow_many_descriptors() -> int:
    """Raise the soft limit of open files to the hard one; return what it is then.

    The soft one is kept low for programs that use select(); each request takes two, and where
    clients take them all, none is left to reach a service. Below 0 there is no limit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where less is allowed than the limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def describe_too_few(descriptors: int, settings: Settings, workers: int = 1) -> str | None:
    """Return a warning where clients alone could use up all *descriptors*, else None.

    Then no service would be reached. The limit is that of each process: *workers* share the
    connections.
    """
    connections = ceil(settings.limits.connections / workers)
    # All issuers may hang at the same time, each with the one connection that its fetch has.
    needed = connections + len(settings.issuers) + _OTHER_DESCRIPTORS
    if descriptors < 0 or descriptors >= needed:
        return None
    each = "" if workers == 1 else f" in each of {workers} workers"
    return (
        f"warning: {connections} connections{each} (limits.connections) may take {needed} open "
        f"files, and {descriptors} are allowed: raise the limit (ulimit -n) or lower it"
    )
