"""Test the access rules of a configuration."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from gateway.cli.config_file import UnreadableError, find_config, open_config
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.options import format_option
from gateway.cli.output import Progress, escape, print_faults, print_painted, show_progress
from gateway.cli.stdin_file import StdinDisk, file_or_stdin
from gateway.gc_settings import no_collection
from gateway.settings.load import Rejected
from gateway.settings.text.fault import Fault
from gateway.settings.text.files import show_path
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from gateway.suites.running.report import Report
from gateway.suites.running.report_formats import format_github, format_junit, report_as_json
from gateway.suites.running.report_text import (
    format_attack_summary,
    format_attacks,
    format_coverage,
    format_outcomes,
    format_summary,
    percent,
)
from gateway.suites.running.run import attack_suites, count_attacked, find_suites, run_suites
from gateway.suites.selection import (
    BadSelectionError,
    Selects,
    parse_selection,
    select_all,
)

_COLOURS = {
    "ok": "green",
    "passed": "green",
    "all held": "green",
    "FAIL": "red",
    "failed": "red",
    "broken": "red",
    "waived": "yellow",
}


class _Selection(click.ParamType[Selects]):
    name = "expr"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Selects:
        try:
            return parse_selection(str(value))
        except BadSelectionError as problem:
            self.fail(str(problem), param, ctx)


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH…")
@click.option(
    "-k", "selects", type=_Selection(), help="Run only tests and personas whose names match."
)
@click.option("-v", "--verbose", "every", is_flag=True, help="Show tests that passed, too.")
@click.option(
    "--coverage", is_flag=True, help="List routes and rules that no test allowed, or none refused."
)
@click.option(
    "--min-coverage", type=click.IntRange(0, 100), help="Fail if coverage is below this percentage."
)
@click.option("--hostile", is_flag=True, help="Attack every route that requires a token.")
@format_option("junit", "github")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Test this configuration instead of the ones that suites name.",
)
def command(  # noqa: PLR0913, PLR0917 - one for each option
    paths: Sequence[Path],
    selects: Selects | None,
    every: bool,
    coverage: bool,
    min_coverage: int | None,
    hostile: bool,
    form: str,
    config: Path | None,
) -> None:
    """Test access rules: decide the requests of each suite in PATH, and compare.

    PATH is a suite file, - for stdin, or a folder with files named *.test.yaml; by default the
    `suites` of the configuration. Tokens are signed with temporary keys and verified as the gateway
    verifies them; nothing is sent over the network.

    With --hostile, every request that a route allows is repeated in hundreds of hostile forms, none
    of which may be allowed.

    Exit code: 0 if all tests pass; 1 if one fails, a suite or its configuration is invalid, or no
    test was run; 3 if PATH is unreadable.
    """
    if config is not None:
        config = find_config(None, config)
    if paths:
        paths = [file_or_stdin(path, "the suite") for path in paths]
    else:
        config = find_config(None, config)
        paths = _named_in(config, form)
    selects = selects or select_all
    try:
        with _showing("reading suites", form):
            suites = _make_ready(paths, config)
    except UnreadableError as error:
        _exit_without(error, form)
    with_coverage = coverage or min_coverage is not None
    with _showing("running tests", form) as progress:
        progress.total = sum(
            len(list(one.cases())) for one in suites if isinstance(one, ReadySuite)
        )
        report = run_suites(suites, selects, progress.advance, covers=with_coverage)
    if hostile:
        with _showing("attacking routes", form) as progress:
            progress.total = count_attacked(suites)
            report = replace(report, hostile=attack_suites(suites, selects, progress.advance))
    if form in {"text", "junit"}:
        print_faults(tuple(dict.fromkeys(fault for one in report.broken for fault in one.faults)))
    _print(report, form, every, with_coverage)
    failing = tuple(_find_failing(report, min_coverage))
    for line in failing if form != "json" else ():
        click.echo(f"gateway: {line}", err=True)
    if failing or not report.is_sound:
        sys.exit(EXIT_NEGATIVE)


def _showing(what: str, form: str) -> AbstractContextManager[Progress]:
    return show_progress(what) if form == "text" else nullcontext(Progress())


def _named_in(config: Path, form: str) -> Sequence[Path]:
    """Return the suites that *config* names; exit without it, raise UsageError if it names none."""
    try:
        outcome = open_config(config)
    except UnreadableError as error:
        _exit_without(error, form)
    if isinstance(outcome, Rejected):
        _print_broken(show_path(config), outcome.faults, form)
        sys.exit(EXIT_NEGATIVE)
    suites = outcome.settings.suites
    if not suites:
        raise click.UsageError(escape(f"give a PATH: {show_path(config)} names no `suites`"))
    return suites


def _make_ready(paths: Sequence[Path], config: Path | None) -> Sequence[ReadySuite | BrokenSuite]:
    configurations = Configurations(os.environ, StdinDisk())
    with no_collection():
        return [make_ready(path, config, os.environ, configurations) for path in find_suites(paths)]


def _exit_without(error: UnreadableError, form: str) -> NoReturn:
    """Exit with 3: nothing was tested."""
    if form == "json":
        _print_broken(error.fault.place.file, [error.fault], form)
    else:
        click.echo(escape(f"gateway: {error}"), err=True)
    sys.exit(EXIT_ENVIRONMENT)


def _print_broken(file: str, faults: Sequence[Fault], form: str) -> None:
    """Print why *file* could not be used, as a report if that is what is read."""
    if form == "json":
        report = Report((), (BrokenSuite(file, tuple(faults)),), ())
        click.echo(json.dumps(report_as_json(report, with_coverage=False), indent=2))
    else:
        print_faults(faults)


def _print(report: Report, form: str, every: bool, with_coverage: bool) -> None:
    """Print *report* to stdout; what a machine does not read there goes to stderr."""
    if form == "text":
        print_painted(_text(report, every, with_coverage), _COLOURS)
        return
    if form == "json":
        click.echo(json.dumps(report_as_json(report, with_coverage), indent=2))
        return
    if form == "junit":
        click.echo(format_junit(report, datetime.now(UTC)))
    else:
        for line in format_github(report, with_coverage):
            click.echo(escape(line))
    for line in _coverage(report, with_coverage):
        click.echo(escape(line), err=True)
    for line in _summaries(report):
        click.echo(escape(line), err=True)


def _text(report: Report, every: bool, with_coverage: bool) -> Iterator[str]:
    yield from format_outcomes(report, every)
    yield from _coverage(report, with_coverage)
    for attacked in report.hostile:
        yield from format_attacks(attacked, every)
    yield from _summaries(report)


def _summaries(report: Report) -> Iterable[str]:
    yield format_summary(report)
    yield from map(format_attack_summary, report.hostile)


def _coverage(report: Report, with_coverage: bool) -> Iterable[str]:
    return format_coverage(report) if with_coverage else ()


def _find_failing(report: Report, wanted: int | None) -> Iterator[str]:
    """Yield why a *report* without a failed test is no success; *wanted* is the least coverage."""
    if report.size == 0 and report.is_sound:
        yield "no test was run"
    covered = percent(*report.covered)
    if report.size and report.is_sound and wanted is not None and covered < wanted:
        yield f"coverage is {covered} %, below {wanted} %"
