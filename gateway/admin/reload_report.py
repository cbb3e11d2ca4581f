"""Say what became of one attempt to go on with another configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.settings.text.fault import Fault, Severity
from gateway.settings.text.fault_json import fault_as_json, fault_from_json
from gateway.suites.running.failed_tests import (
    FailedTest,
    failed_test_as_json,
    failed_test_from_json,
)


class ReloadOutcome(StrEnum):
    """What may become of an attempt; a label of the metrics, and so a contract."""

    APPLIED = "applied"
    INVALID = "invalid"
    NEEDS_RESTART = "needs_restart"
    TESTS_FAILED = "tests_failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """The outcome, and all that people need to mend what was refused.

    *digest* is of the configuration that was tried, where one could be read; *error* says in
    one line why it does not count. *faults* are warnings, too. *failures* are of its suites.
    """

    outcome: ReloadOutcome
    digest: str | None
    error: str | None = None
    faults: tuple[Fault, ...] = ()
    failures: tuple[FailedTest, ...] = ()

    @property
    def is_applied(self) -> bool:
        """Say whether the configuration that was tried is live."""
        return self.outcome is ReloadOutcome.APPLIED

    @property
    def may_hold_later(self) -> bool:
        """Say whether files that were read were refused for nothing that is in them.

        A worker has died meanwhile, or the machine was too busy to run the suites in time.
        """
        if self.outcome not in {ReloadOutcome.INVALID, ReloadOutcome.TESTS_FAILED}:
            return False
        is_wrong = any(fault.severity is Severity.ERROR for fault in self.faults)
        return self.digest is not None and not (is_wrong or self.failures)


def report_as_json(report: ReloadReport) -> dict[str, Any]:
    """Return *report* as the members that ``POST /reload`` answers."""
    return {
        "outcome": report.outcome.value,
        "config_hash": report.digest,
        "error": report.error,
        "faults": [fault_as_json(fault) for fault in report.faults],
        "failures": [failed_test_as_json(one) for one in report.failures],
    }


def report_from_json(written: Mapping[str, object]) -> ReloadReport:
    """Return the report that is *written* so; raises ValueError for anything else."""
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
