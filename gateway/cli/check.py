"""Say all that is wrong with a configuration, or doubtful about it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli.config_file import EXIT_NEGATIVE, config_argument, find_config, read_config
from gateway.cli.output import fault_as_json, print_faults
from gateway.lints.lint import lint
from gateway.settings.annotation import annotate_fault
from gateway.settings.fault import Fault, Severity
from gateway.settings.files import show_path
from gateway.settings.load import Loaded
from gateway.settings.silences import Silenced


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a file, doubts included; one that is not *valid* cannot be started."""

    valid: bool
    faults: Sequence[Fault]
    silenced: Sequence[Silenced] = ()

    def count(self, severity: Severity) -> int:
        """Return how many faults are errors, or warnings."""
        return sum(fault.severity is severity for fault in self.faults)


@click.command("check")
@config_argument
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text")
def command(file: Path | None, config: Path | None, strict: bool, form: str) -> None:
    """Say all that is wrong with FILE, or doubtful about it, each with its line and column.

    A warning is silenced in place, on its line or the line above it:
    `# gateway: allow CODE because REASON`.

    Exits 0 where the gateway would start with it, 1 where it would not, 3 where FILE cannot
    be read. Warnings do not count, unless --strict.
    """
    path = find_config(file, config)
    verdict = _judge(path)
    fails = not verdict.valid or (strict and bool(verdict.faults))
    if form == "json":
        click.echo(json.dumps(_as_json(verdict), indent=2))
    elif form == "github":
        for fault in verdict.faults:
            click.echo(annotate_fault(fault))
    else:
        print_faults(verdict.faults)
    if form != "json":
        click.echo(f"{show_path(path)}: {_summary(verdict)}", err=fails)
    if fails:
        sys.exit(EXIT_NEGATIVE)


def _judge(path: Path) -> Verdict:
    outcome = read_config(path)
    if not isinstance(outcome, Loaded):
        return Verdict(False, outcome.faults)
    doubts = lint(outcome)
    return Verdict(True, doubts.warnings, doubts.silenced)


def _as_json(verdict: Verdict) -> dict[str, object]:
    silenced = [
        {**fault_as_json(one.fault), "reason": one.silence.reason} for one in verdict.silenced
    ]
    faults = [fault_as_json(fault) for fault in verdict.faults]
    return {"valid": verdict.valid, "faults": faults, "silenced": silenced}


def _summary(verdict: Verdict) -> str:
    counts = [
        (verdict.count(Severity.ERROR), "error"),
        (verdict.count(Severity.WARNING), "warning"),
    ]
    parts = [f"{number} {what}{'' if number == 1 else 's'}" for number, what in counts if number]
    if verdict.silenced:
        parts.append(f"{len(verdict.silenced)} silenced")
    return ", ".join(["valid" if verdict.valid else "invalid", *parts])
