"""Compare the access rules of two configurations."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from gateway.cli.config_file import read_config
from gateway.cli.drift import show_drift
from gateway.cli.exit_codes import EXIT_NEGATIVE
from gateway.cli.options import format_option
from gateway.cli.output import print_faults, print_painted, show_progress
from gateway.cli.stdin_file import file_or_stdin
from gateway.cli.suite_file import load_suite
from gateway.gc_settings import no_collection
from gateway.settings.load import Loaded, Rejected
from gateway.settings.text.fault import Code, Fault, Severity
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.compare import Difference, Question, compare
from gateway.suites.differences.compare_regions import MAX_CELLS
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.report_formats import format_github, format_json
from gateway.suites.differences.report_html import format_html
from gateway.suites.differences.report_text import format_difference, format_summary
from gateway.suites.files.models import DEFAULT_AT
from gateway.suites.files.suite import Suite

ANY = "any"

# Red is what lets somebody in, or asks for less.
_COLOURS = {
    "opened": "red",
    "loosened": "red",
    "keys": "yellow",
    "moved": "yellow",
    "closed": "green",
    "not decided": "yellow",
    "beyond --max-cells": "yellow",
    "-": "red",
    "+": "green",
}


class FailOn(click.ParamType[frozenset[str]]):
    """Kinds of differences as a list with commas; ``any`` is every difference in meaning."""

    name = "kinds"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        """Return the named kinds; exit with 2 at a word that is none."""
        known = [*(kind.value for kind in Kind), ANY]
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in known:
                meant = did_you_mean(name, known)
                self.fail(f"{name!r} is not one of {', '.join(known)}{meant}", param, ctx)
        return frozenset(names)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the lists that begin as *incomplete*, with one more kind."""
        before, comma, begun = incomplete.rpartition(",")
        known = (kind.value for kind in Kind)
        kinds = [*known] if comma else [*known, ANY]
        taken = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{kind}")
            for kind in kinds
            if kind.startswith(begun) and kind not in taken
        ]


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", required=False, type=click.Path(path_type=Path))
@click.option(
    "--openapi",
    type=click.Path(path_type=Path),
    help="Compare OLD, the only file, with this description of its API instead.",
)
@click.option(
    "--personas",
    "suite_file",
    type=click.Path(path_type=Path),
    help="A suite with more callers and requests.",
)
@click.option(
    "--fail-on",
    type=FailOn(),
    multiple=True,
    metavar="KIND[,KIND...]",
    help="Exit with 1 if such a difference is found: "
    f"{', '.join(kind.value for kind in Kind)} or {ANY}. Can be repeated.",
)
@click.option(
    "-v",
    "--verbose",
    "every",
    is_flag=True,
    help="Also show requests that are refused for another reason.",
)
@click.option(
    "--max-cells",
    type=click.IntRange(1),
    default=MAX_CELLS,
    show_default=True,
    help="Try at most this many request/caller pairs; then prove only kinds not shown yet.",
)
@click.option(
    "--allow-undecided",
    is_flag=True,
    help="Do not fail because something could not be decided.",
)
@click.option("--html", "as_page", is_flag=True, help="The same as --format html.")
@format_option("github", "html")
def command(  # noqa: PLR0913, PLR0917 - one for each option
    old: Path,
    new: Path | None,
    openapi: Path | None,
    suite_file: Path | None,
    fail_on: tuple[frozenset[str], ...],
    every: bool,
    max_cells: int,
    allow_undecided: bool,
    as_page: bool,
    form: str,
) -> None:
    """Compare the access rules of OLD and NEW: their meaning, not their text.

    Either may be - for stdin. It is proved that whoever NEW lets in gets in by OLD, or a caller is
    shown who does not. What cannot be decided counts as a difference under --fail-on. With
    --openapi, OLD is compared with the description of its API.

    Exit code: 0, whatever differs, unless --fail-on applies; 1 if it does, or if a file is invalid;
    3 if a file is unreadable.
    """
    if openapi is not None:
        if new is not None or suite_file is not None:
            raise click.UsageError("--openapi compares one configuration, without --personas")
        show_drift(openapi, old, frozenset().union(*fail_on), allow_undecided, form)
        return
    if new is None:
        raise click.UsageError("Missing argument 'NEW'.")
    suite = None if suite_file is None else load_suite(suite_file)
    names = str(old), str(new)
    old, new = file_or_stdin(old, "OLD"), file_or_stdin(new, "NEW")
    with no_collection():
        difference = _compare(old, new, suite, max_cells, form)
        if as_page or form == "html":
            click.echo("\n".join(format_html(difference, *names)))
        else:
            _print(difference, form, every)
    if _fails(difference, frozenset().union(*fail_on), allow_undecided):
        sys.exit(EXIT_NEGATIVE)


def _compare(old: Path, new: Path, suite: Suite | None, max_cells: int, form: str) -> Difference:
    environ = {**os.environ, **({} if suite is None else suite.environment)}
    before, after = _load(old, new, environ)
    question = _question(suite, before, after)
    with show_progress("comparing") if form == "text" else nullcontext():
        return compare(before, after, question, max_cells)


def _load(old: Path, new: Path, environ: Mapping[str, str]) -> tuple[Loaded, Loaded]:
    """Load both; exit after the errors of both. Warnings are for `gateway check`."""
    with show_progress("reading both configurations"):
        before, after = read_config(old, environ), read_config(new, environ)
    _exit_with(
        [
            fault
            for outcome in (before, after)
            for fault in (outcome.faults if isinstance(outcome, Rejected) else ())
            if fault.severity is Severity.ERROR
        ]
    )
    if isinstance(before, Rejected) or isinstance(after, Rejected):
        sys.exit(EXIT_NEGATIVE)
    return before, after


def _question(suite: Suite | None, old: Loaded, new: Loaded) -> Question:
    if suite is None:
        return Question(datetime.fromisoformat(DEFAULT_AT).timestamp())
    _exit_with(tuple(_unknown_names(suite, old.settings, new.settings)))
    personas = [one.persona for one in suite.personas.values()]
    return Question(suite.at, personas, [test.request for test in suite.tests])


def _unknown_names(suite: Suite, old: Settings, new: Settings) -> Iterator[Fault]:
    """Yield a fault for each issuer or list of a persona that is in neither configuration."""
    for one in suite.personas.values():
        persona, part = one.persona, one.part
        if persona.issuer is not None and persona.issuer not in {*old.issuers, *new.issuers}:
            message = f"no issuer `{shorten(persona.issuer)}` in either configuration"
            yield part.child("issuer").fault(Code.UNKNOWN_REFERENCE, message)
        for index, name in enumerate(persona.revoked):
            if name not in {*old.revocations, *new.revocations}:
                message = f"no revocation list `{shorten(name)}` in either configuration"
                at = part.child("revoked").child(index)
                yield at.fault(Code.UNKNOWN_REFERENCE, message)


def _exit_with(faults: Sequence[Fault]) -> None:
    if faults:
        print_faults(tuple(dict.fromkeys(faults)))
        sys.exit(EXIT_NEGATIVE)


def _print(difference: Difference, form: str, every: bool) -> None:
    if form == "json":
        click.echo(format_json(difference))
        return
    lines = format_difference(difference, every) if form == "text" else format_github(difference)
    print_painted(lines, _COLOURS if form == "text" else {})
    if form == "github":
        click.echo(format_summary(difference), err=True)


def _fails(difference: Difference, fail_on: frozenset[str], allow_undecided: bool) -> bool:
    if ANY in fail_on:
        return not difference.is_empty
    undecided = () if allow_undecided else (gap.kind for gap in difference.gaps)
    return any(kind.value in fail_on for kind in (*difference.kinds, *undecided))
