"""Say what a reload cannot change, and remember what became of the last one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.settings.fault import Fault, Severity
from gateway.settings.values import Settings

# Sockets and the log's descriptor are the process's own, from its start to its end.
_FIXED: Final[Mapping[str, Callable[[Settings], object]]] = {
    # Certificates and keys may be others, and whose clients are let in.
    "listen": lambda settings: (settings.listen.address, settings.listen.tls is None),
    "admin": lambda settings: settings.admin,
    "workers": lambda settings: settings.workers,
    "access_log": lambda settings: settings.access_log,
}


def needs_restart(running: Settings, wanted: Settings) -> str | None:
    """Return which settings differ that only a restart can change, as one line, if any do."""
    names = [name for name, fixed in _FIXED.items() if fixed(running) != fixed(wanted)]
    if not names:
        return None
    return f"{', '.join(f'`{name}`' for name in names)} cannot change without a restart"


def summarize(faults: Sequence[Fault]) -> str:
    """Return the first of the errors among *faults*, and how many more there are, as one line."""
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    return f"{errors[0]}" + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


class LastAttempt:
    """The configuration tried last: its digest, where one was read, and why it was refused."""

    def __init__(self, digest: str) -> None:
        self._digest: str | None = digest
        self._error: str | None = None

    def note(self, digest: str | None, error: str | None) -> None:
        """Remember the attempt with *digest*; an *error* of None means that it is live now."""
        self._digest = digest
        self._error = error

    def status(self, live_digest: str) -> Mapping[str, object]:
        """Return what stands in ``/status``."""
        return {
            "live_hash": live_digest,
            "attempted_hash": self._digest,
            "last_error": self._error,
        }
