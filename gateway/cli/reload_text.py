"""Say to people what became of a reload."""

import click

from gateway.admin.reload_report import ReloadOutcome, ReloadReport
from gateway.cli.output import escape, print_faults
from gateway.settings.text.fault import Severity


def print_wrong(report: ReloadReport) -> None:
    """Write to stderr all that is wrong, as ``gateway check`` and ``gateway test`` do."""
    print_faults(report.faults)
    for failure in report.failures:
        for line in (f"FAIL {failure}", f"  {failure.request}"):
            click.echo(escape(line), err=True)
        for reason in failure.reasons:
            click.echo(escape(f"  {reason}"), err=True)


def describe_reload(report: ReloadReport) -> str:
    """Return the outcome as one line."""
    if report.is_applied:
        return escape(f"reloaded, config {(report.digest or '')[:12]}")
    # The faults are told beside this, each with its place.
    has_faults = any(fault.severity is Severity.ERROR for fault in report.faults)
    is_invalid = report.outcome is ReloadOutcome.INVALID
    why = "the configuration has faults" if is_invalid and has_faults else report.error
    if report.outcome is ReloadOutcome.UNAVAILABLE:
        lost = "keys or revocation lists are missing" if has_faults else report.error
        why = f"{lost} (`gateway reload --force` takes the configuration without them)"
    return escape(f"not reloaded, the former configuration stays: {why}")
