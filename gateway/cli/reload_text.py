"""Print the outcome of a reload."""

import click

from gateway.cli.output import escape, print_faults, print_painted
from gateway.reloading.report import ReloadOutcome, ReloadReport
from gateway.settings.text.fault import Severity


def announce_reload(report: ReloadReport) -> None:
    """Print everything in *report* to stderr."""
    print_problems(report)
    colours = {"reloaded": "green", "not reloaded": "red"}
    print_painted([f"gateway: {describe_reload(report)}"], colours, err=True)


def print_problems(report: ReloadReport) -> None:
    """Print faults and failed tests to stderr, as ``gateway check`` and ``gateway test`` do."""
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
    # The faults are printed as well, each with its place.
    has_faults = any(fault.severity is Severity.ERROR for fault in report.faults)
    is_invalid = report.outcome is ReloadOutcome.INVALID
    why = "the configuration has faults" if is_invalid and has_faults else report.error
    if report.outcome is ReloadOutcome.UNAVAILABLE:
        missing = "keys or revocation lists are missing" if has_faults else report.error
        why = f"{missing} (`gateway reload --force` accepts the configuration without them)"
    return escape(f"not reloaded, the previous configuration stays active: {why}")
