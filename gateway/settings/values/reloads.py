"""When a configuration is read again by itself: frozen values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reloads:
    """When the configuration is read again by itself, and what must hold before it counts."""

    watch_seconds: float | None  # None: only when told
    runs_suites: bool
    wait_seconds: float = 30.0  # for the keys and revocation lists of what changes
