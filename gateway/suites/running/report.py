"""The results of suites and attacks, for all report formats."""

from dataclasses import dataclass

from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.hostile.findings import HostileReport
from gateway.suites.running.coverage import Coverage
from gateway.suites.running.judge import Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """An *outcome*, and if it is not as expected, the *lines* that say why."""

    outcome: Outcome
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SuiteReport:
    """The results of the suite in *file*."""

    file: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Return the failures."""
        return tuple(finding for finding in self.findings if not finding.outcome.passed)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The results of all suites, those that ran and those with faults.

    *coverage* is that of each configuration, with the name of its file. *hostile* are the attacks
    on each of them, with ``--hostile``.
    """

    suites: tuple[SuiteReport, ...]
    broken: tuple[BrokenSuite, ...]
    coverage: tuple[tuple[str, Coverage], ...]
    hostile: tuple[HostileReport, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Return all failures, in all suites."""
        return tuple(finding for suite in self.suites for finding in suite.failures)

    @property
    def is_sound(self) -> bool:
        """Return whether everything passed and no suite has faults."""
        held = not any(attacked.failures for attacked in self.hostile)
        return held and not (self.failures or self.broken)

    @property
    def size(self) -> int:
        """Return the number of outcomes."""
        return sum(len(suite.findings) for suite in self.suites)

    @property
    def covered(self) -> tuple[int, int]:
        """Return how much of all rules was covered, and how much there is."""
        counts = [coverage.counts() for _, coverage in self.coverage]
        return sum(shown for shown, _ in counts), sum(total for _, total in counts)
