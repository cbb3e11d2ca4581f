"""Validate a configuration."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from gateway.cli.check.local_files import find_in_files
from gateway.cli.check.resolved import NotOneFileError, resolve
from gateway.cli.config_file import UnreadableError, config_argument, find_config, open_config
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.options import format_option
from gateway.cli.output import Progress, escape, print_faults, print_painted, show_progress
from gateway.gc_settings import no_collection
from gateway.lints.lint import lint
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Code, Fault, Severity
from gateway.settings.text.fault_formats import annotate_fault, fault_as_json
from gateway.settings.text.files import show_path
from gateway.settings.text.grants import Include, describe_grants, sort_grants
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suppressions import Suppressed

# Faults that the same file may not have on another machine, or at another time.
_ELSEWHERE = frozenset(
    {
        Code.KEYS_UNAVAILABLE,
        Code.REVOCATIONS_UNAVAILABLE,
        Code.LOGIN_UNREACHABLE,
        Code.UPSTREAM_UNREACHABLE,
        Code.UPSTREAM_UNTRUSTED,
        Code.UPSTREAM_UNHEALTHY,
    }
)


_COLOURS = {"valid": "green", "invalid": "red"}

# Of codes whose help is named: more would hide the faults.
_HELPED = 3


@dataclass(frozen=True, slots=True)
class Included:
    """An entry of `include`, with the *files* that it matches."""

    include: Include
    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All faults of a file, warnings included; a gateway starts only if it is *valid*.

    *online* is the number of faults that were found by ``--online``.
    """

    valid: bool
    faults: Sequence[Fault]
    suppressed: Sequence[Suppressed] = ()
    included: Sequence[Included] = ()
    online: int = 0
    loaded: Loaded | None = None

    def count(self, severity: Severity) -> int:
        """Return the number of faults of this severity."""
        return sum(fault.severity is severity for fault in self.faults)

    def exit_code(self, strict: bool) -> int:
        """Return 1 if the file itself has a fault, 3 if only a server that it names has, else 0."""
        failing = [fault for fault in self.faults if strict or fault.severity is Severity.ERROR]
        if not self.valid or any(fault.code not in _ELSEWHERE for fault in failing):
            return EXIT_NEGATIVE
        return EXIT_ENVIRONMENT if failing else 0


@click.command("check")
@config_argument
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--online",
    is_flag=True,
    help="Also fetch all keys and lists, and connect to all servers.",
)
@click.option(
    "--resolved",
    is_flag=True,
    help="Print FILE as one file without defaults, presets, includes and variables.",
)
@format_option("github")
def command(  # noqa: PLR0913, PLR0917 - one for each option
    file: Path | None,
    config: Path | None,
    strict: bool,
    online: bool,
    resolved: bool,
    form: str,
) -> None:
    """Validate FILE; print each fault with its line and column.

    Warnings are listed too; --strict makes them fail. To suppress one, write on its line or the
    line above it: `# gateway: allow CODE because REASON`.

    Exit code: 0 if the gateway would start with FILE; 1 if it would not, or a file with keys or
    revocations is unusable; 3 if FILE is unreadable, or, with --online, a server unreachable.
    """
    if resolved and form != "text":
        raise click.UsageError(f"--resolved prints YAML: leave out --format {form}")
    path = find_config(file, config)
    try:
        verdict = _judge(path, online, show_progress if form == "text" else _show_nothing)
    except UnreadableError as error:
        _exit_without(error, form)
    code = verdict.exit_code(strict)
    if form == "json":
        click.echo(json.dumps(_as_json(verdict), indent=2))
    elif form == "github":
        for fault in verdict.faults:
            click.echo(annotate_fault(fault))
    else:
        print_faults(verdict.faults)
        for line in _grants(verdict):
            click.echo(escape(line), err=resolved)
    if resolved and verdict.loaded is not None:
        _print_resolved(verdict.loaded)
    if form != "json":
        err = code != 0 or resolved
        print_painted([f"{show_path(path)}: {_summary(verdict)}"], _COLOURS, err=err)
    if form == "text" and sys.stderr.isatty():
        _name_help(verdict)
    sys.exit(code)


def _exit_without(error: UnreadableError, form: str) -> NoReturn:
    """Exit with 3: there is no verdict."""
    if form == "json":
        click.echo(json.dumps(_as_json(Verdict(False, [error.fault])), indent=2))
    else:
        click.echo(escape(f"gateway: {error}"), err=True)
    sys.exit(EXIT_ENVIRONMENT)


def _name_help(verdict: Verdict) -> None:
    """Tell a person which commands explain the codes; a log would only get longer by it."""
    codes = list(dict.fromkeys(fault.code.value for fault in verdict.faults))
    if codes:
        more = f", and for {len(codes) - _HELPED} more codes" if len(codes) > _HELPED else ""
        commands = ", ".join(f"gateway help {code}" for code in codes[:_HELPED])
        click.echo(f"what to do: {commands}{more}", err=True)


def _print_resolved(loaded: Loaded) -> None:
    try:
        with no_collection():
            found = resolve(loaded, os.environ)
    except NotOneFileError as error:
        click.echo(escape(f"gateway: {error}"), err=True)
        sys.exit(EXIT_NEGATIVE)
    click.echo("\n".join(found.lines))


def _show_nothing(_what: str) -> AbstractContextManager[Progress]:
    return nullcontext(Progress())


def _judge(
    path: Path, online: bool, showing: Callable[[str], AbstractContextManager[Progress]]
) -> Verdict:
    name = show_path(path)
    with showing(f"reading {name}"):
        outcome = open_config(path)
    if not isinstance(outcome, Loaded):
        return Verdict(False, outcome.faults)
    with no_collection(), showing(f"checking {name}"):
        in_files = asyncio.run(find_in_files(outcome.settings, outcome.places))
        found = lint(outcome, time.time(), in_files)
    with showing("connecting to issuers and upstreams") as progress:
        found_online = _find_online(outcome, progress) if online else ()
    faults = sorted([*found.warnings, *found_online], key=lambda fault: fault.place)
    included = _included(outcome)
    return Verdict(True, faults, found.suppressed, included, len(found_online), outcome)


def _included(loaded: Loaded) -> Sequence[Included]:
    documents = loaded.places.documents
    return [
        Included(one, [document.start.file for document in documents if document.include == one])
        for one in loaded.includes
    ]


def _grants(verdict: Verdict) -> Iterator[str]:
    """Yield a line for each entry of `include` that says what its files may declare."""
    for one in verdict.included:
        include, place = one.include, one.include.place
        if not include.is_plain:
            yield (
                f"{place.file}:{place.line}:{place.column}: {shorten(include.pattern)} may declare"
                f" {describe_grants(include)} ({_plural(len(one.files), 'file')})"
            )


def _find_online(loaded: Loaded, progress: Progress) -> Sequence[Fault]:
    # Imported here: an HTTP client takes longer to import than everything else takes to run.
    from gateway.cli.check.online import find_online  # noqa: PLC0415

    return asyncio.run(find_online(loaded.settings, loaded.places, progress))


def _as_json(verdict: Verdict) -> dict[str, object]:
    silenced = [
        {**fault_as_json(one.fault), "reason": one.suppression.reason} for one in verdict.suppressed
    ]
    faults = [fault_as_json(fault) for fault in verdict.faults]
    includes = [_include_as_json(one) for one in verdict.included]
    return {"valid": verdict.valid, "faults": faults, "silenced": silenced, "includes": includes}


def _include_as_json(one: Included) -> dict[str, object]:
    include, place = one.include, one.include.place
    return {
        "files": include.pattern,
        "may": [grant.value for grant in sort_grants(include.grants)],
        "hosts": None if include.hosts is None else list(include.hosts),
        "under": None if include.under is None else list(include.under),
        "found": list(one.files),
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }


def _summary(verdict: Verdict) -> str:
    errors, warnings = verdict.count(Severity.ERROR), verdict.count(Severity.WARNING)
    parts = []
    # All faults that were found online are errors; a valid file has others only in files it names.
    if errors > verdict.online:
        in_files = " in files that it names" * verdict.valid
        parts.append(_plural(errors - verdict.online, "error") + in_files)
    if verdict.online:
        parts.append(_plural(verdict.online, "error") + " online")
    if warnings:
        parts.append(_plural(warnings, "warning"))
    if verdict.suppressed:
        parts.append(f"{len(verdict.suppressed)} silenced")
    return ", ".join(["valid" if verdict.valid else "invalid", *parts])


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
