"""Report the outcome of a reload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.settings.text.fault import Fault, Severity
from gateway.settings.text.fault_formats import fault_as_json, fault_from_json
from gateway.suites.running.failed_tests import (
    FailedTest,
    failed_test_as_json,
    failed_test_from_json,
)


class ReloadOutcome(StrEnum):
    """The possible outcomes of a reload; each is a label of the metrics, and so a contract."""

    APPLIED = "applied"
    INVALID = "invalid"
    NEEDS_RESTART = "needs_restart"
    TESTS_FAILED = "tests_failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """The outcome of one reload, with everything that people need to fix a rejected configuration.

    *digest* identifies the configuration that was tried, if one could be read. *error* says in
    one line why it was rejected. *faults* include warnings. *failures* are those of its suites.
    """

    outcome: ReloadOutcome
    digest: str | None
    error: str | None = None
    faults: tuple[Fault, ...] = ()
    failures: tuple[FailedTest, ...] = ()

    @property
    def is_applied(self) -> bool:
        """Return whether the configuration that was tried is live."""
        return self.outcome is ReloadOutcome.APPLIED

    @property
    def may_hold_later(self) -> bool:
        """Return whether the same files may be accepted by another attempt.

        They may if a worker crashed meanwhile, or the machine was too busy to run the suites in
        time: nothing is wrong with the files themselves.
        """
        if self.outcome not in {ReloadOutcome.INVALID, ReloadOutcome.TESTS_FAILED}:
            return False
        has_errors = any(fault.severity is Severity.ERROR for fault in self.faults)
        return self.digest is not None and not (has_errors or self.failures)


def report_as_json(report: ReloadReport) -> dict[str, Any]:
    """Return the members of the response to ``POST /reload``."""
    return {
        "outcome": report.outcome.value,
        "config_hash": report.digest,
        "error": report.error,
        "faults": [fault_as_json(fault) for fault in report.faults],
        "failures": [failed_test_as_json(one) for one in report.failures],
    }


def report_from_json(written: Mapping[str, object]) -> ReloadReport:
    """Return the report that ``report_as_json`` wrote; raise ValueError for anything else."""
    match written:
        case {
            "outcome": str(outcome),
            "config_hash": str() | None as digest,
            "error": str() | None as error,
            "faults": list(faults),
            "failures": list(failures),
        }:
            return ReloadReport(
                ReloadOutcome(outcome),
                digest,
                error,
                tuple(map(fault_from_json, faults)),
                tuple(map(failed_test_from_json, failures)),
            )
        case _:
            raise ValueError("not a report of a reload")


def summarize(faults: Sequence[Fault]) -> str:
    """Return the first error among *faults*, and the number of the others, as one line."""
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    return f"{errors[0]}" + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


class LastReload:
    """The report of the last reload, its time, and the time of the last one that was applied.

    Before the first reload it reports the start: *digest* is that of the configuration that the
    gateway started with, at *now* in seconds since the epoch.
    """

    def __init__(self, digest: str, now: float) -> None:
        self.report = ReloadReport(ReloadOutcome.APPLIED, digest)
        self.at = self.success_at = now

    def note(self, report: ReloadReport, now: float) -> None:
        """Remember a reload that ended at *now*."""
        self.report, self.at = report, now
        if report.is_applied:
            self.success_at = now

    def status(self, live_digest: str) -> Mapping[str, object]:
        """Return the member ``config`` of ``/status``."""
        return {
            "live_hash": live_digest,
            "attempted_hash": self.report.digest,
            "last_outcome": self.report.outcome.value,
            "last_error": self.report.error,
            "last_failures": list(map(str, self.report.failures)),
            "last_attempt_at": self.at,
            "last_success_at": self.success_at,
        }
