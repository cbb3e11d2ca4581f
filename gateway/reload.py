"""Say what a reload cannot change, and remember what became of the last one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.admin.reload_report import ReloadOutcome, ReloadReport
from gateway.settings.fault import Fault, Severity
from gateway.settings.values import Settings

# Sockets and the log's descriptor are the process's own, from its start to its end.
_FIXED: Final[Mapping[str, Callable[[Settings], object]]] = {
    # Certificates and keys may be others, and whose clients are let in.
    "listen": lambda settings: [(one.address, one.tls is None) for one in settings.listen],
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
    """The configuration tried last, what became of it, and when one was taken last.

    *digest* is of the one that the gateway began with, at *now*: seconds since the epoch.
    """

    def __init__(self, digest: str, now: float) -> None:
        self.report = ReloadReport(ReloadOutcome.APPLIED, digest)
        self.at = self.success_at = now

    def note(self, report: ReloadReport, now: float) -> None:
        """Remember the attempt that ended at *now*."""
        self.report, self.at = report, now
        if report.is_applied:
            self.success_at = now

    def status(self, live_digest: str) -> Mapping[str, object]:
        """Return what stands in ``/status``."""
        return {
            "live_hash": live_digest,
            "attempted_hash": self.report.digest,
            "last_outcome": self.report.outcome.value,
            "last_error": self.report.error,
            "last_failures": list(map(str, self.report.failures)),
            "last_attempt_at": self.at,
            "last_success_at": self.success_at,
        }
