"""When a configuration is read again by itself: frozen values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reloads:
    """When the configuration is read again by itself, and whether its suites run first."""

    watch_seconds: float | None  # None: only when told
    runs_suites: bool
