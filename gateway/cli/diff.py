"""Say how two configurations differ in meaning, and whom that lets in or keeps out."""

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.config_file import EXIT_NEGATIVE, load_or_exit
from gateway.cli.explain_caller import load_suite
from gateway.cli.output import escape, print_faults
from gateway.settings.fault import Code, Fault
from gateway.settings.load import Loaded
from gateway.suites.differences.compare import Difference, Question, compare
from gateway.suites.differences.matrix import MAX_CELLS, Kind
from gateway.suites.differences.report_github import format_github
from gateway.suites.differences.report_json import format_json
from gateway.suites.differences.report_text import format_difference, format_summary
from gateway.suites.suite import Suite
from gateway.suites.suite_models import DEFAULT_AT

OPENED, CLOSED, ANY = "opened", "closed", "any"


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--personas", "suite_file", type=click.Path(path_type=Path), help="A suite: who else asks."
)
@click.option("--fail-on", type=click.Choice([OPENED, CLOSED, ANY]), help="End with 1 for that.")
@click.option("-v", "--verbose", "every", is_flag=True, help="Show other reasons, too.")
@click.option(
    "--max-cells", type=click.IntRange(1), default=MAX_CELLS, show_default=True, help="Ask no more."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text")
def command(  # noqa: PLR0913, PLR0917 - one for each option
    old: Path,
    new: Path,
    suite_file: Path | None,
    fail_on: str | None,
    every: bool,
    max_cells: int,
    form: str,
) -> None:
    """Say how the configuration NEW differs from OLD in meaning, and not in text.

    Both are asked what becomes of requests that their routes own, of callers that are made from
    their rules, and of those in the suite.

    Exits 0 whatever differs, or 1 where --fail-on says so; 1 where a file is broken, 3 where one
    cannot be read.
    """
    suite = None if suite_file is None else load_suite(suite_file)
    environ = {**os.environ, **({} if suite is None else suite.environment)}
    before, after = (load_or_exit(path, environ, warns=False) for path in (old, new))
    difference = compare(before, after, _question(suite, before, after), max_cells)
    _print(difference, form, every)
    if _fails(difference, fail_on):
        sys.exit(EXIT_NEGATIVE)


def _question(suite: Suite | None, old: Loaded, new: Loaded) -> Question:
    if suite is None:
        return Question(datetime.fromisoformat(DEFAULT_AT).timestamp())
    known = {*old.settings.issuers, *new.settings.issuers}
    faults = [
        one.part.child("issuer").fault(
            Code.UNKNOWN_REFERENCE, f"no issuer `{one.persona.issuer}` in either configuration"
        )
        for one in suite.personas.values()
        if one.persona.issuer is not None and one.persona.issuer not in known
    ]
    _exit_with(faults)
    personas = [one.persona for one in suite.personas.values()]
    return Question(suite.at, personas, [test.request for test in suite.tests])


def _exit_with(faults: list[Fault]) -> None:
    if faults:
        print_faults(faults)
        sys.exit(EXIT_NEGATIVE)


def _print(difference: Difference, form: str, every: bool) -> None:
    if form == "json":
        click.echo(format_json(difference))
        return
    lines = format_difference(difference, every) if form == "text" else format_github(difference)
    for line in lines:
        click.echo(escape(line))
    if form == "github":
        click.echo(format_summary(difference), err=True)


def _fails(difference: Difference, fail_on: str | None) -> bool:
    if fail_on == ANY:
        return not difference.is_empty
    kinds = {OPENED: Kind.OPENED, CLOSED: Kind.CLOSED}
    return fail_on is not None and bool(difference.of(kinds[fail_on]))
