"""Make a first configuration and a suite, from an issuer and an upstream: ``gateway init``."""

import asyncio
import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.fetched_keys import find_keys
from gateway.cli.init.config_text import Draft, silence
from gateway.cli.init.drafted import CONFIG_NAME, SUITE_NAME, find_warnings, load_draft
from gateway.cli.init.issuer_entry import (
    ISSUER_NAME,
    Wishes,
    choose_algorithms,
    make_issuer_entry,
)
from gateway.cli.init.planned_routes import Plan, plan_api, plan_everything
from gateway.cli.init.suite_text import format_suite
from gateway.cli.init.token_facts import TokenFacts, read_token_facts
from gateway.cli.openapi_file import load_api
from gateway.cli.options import is_json, json_option
from gateway.cli.output import escape, print_faults, show_progress
from gateway.cli.token_source import read_token
from gateway.decision.policy import Issuer
from gateway.openapi.api import Api
from gateway.settings.load import Loaded
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import check_key_url, parse_server

_METADATA = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
_SOME_HOST = "api.example.com"


@click.command("init")
@click.option("--issuer", required=True, metavar="URL", help="The issuer of the tokens.")
@click.option("--upstream", required=True, metavar="URL", help="The service to protect.")
@click.option("--token", "source", help="A token for the API: - for stdin, @FILE or env:NAME.")
@click.option(
    "--audience", "audiences", multiple=True, help="What tokens have in `aud`. Can be repeated."
)
@click.option(
    "--openapi", type=click.Path(path_type=Path), help="A description of the API, 3.0 or 3.1."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="The folder for both files; not stdout."
)
@json_option
def command(  # noqa: PLR0913, PLR0917 - one for each option
    issuer: str,
    upstream: str,
    source: str | None,
    audiences: tuple[str, ...],
    openapi: Path | None,
    output: Path | None,
) -> None:
    """Make a first configuration and a suite of tests for it.

    The metadata and keys of the issuer are fetched once. Without --output, only the configuration
    is printed. Nothing is asked, and no file is overwritten.

    Exit code: 0; 1 if the token, the description or the keys are of no use; 3 if a file or the
    issuer cannot be reached, or a file is there already.
    """
    url, server = _clean_issuer(issuer), _clean_upstream(upstream)
    token = None if source is None else _read_facts(read_token(source))
    api = None if openapi is None else load_api(openapi)
    _refuse_existing(output)
    wishes = Wishes(url, token, audiences, _guess_audience(api))
    found = _find_issuer(wishes, server)
    problem = None if token is None else token.problem(found.issuer)
    if problem is not None:
        raise _stopped(problem, EXIT_NEGATIVE)
    plan = plan_everything(() if token is None else token.scopes(found.issuer))
    if api is not None:
        plan = plan_api(api)
    made = _make(found, server, plan, api, openapi, output)
    _write(made, output, openapi)


@dataclass(frozen=True, slots=True)
class _Found:
    """An issuer whose keys were fetched: what is known of it, and the algorithms of its keys."""

    wishes: Wishes
    issuer: Issuer
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Made:
    """The texts of both files, and notes for a person."""

    config: str
    suite: str
    notes: Sequence[str]


def _clean_issuer(text: str) -> str:
    for suffix in _METADATA:
        text = text.removesuffix(suffix)
    if "://" not in text:
        message = f"not a URL: write it as in the `iss` of tokens, e.g. https://{shorten(text)}"
        raise click.UsageError(escape(f"--issuer: {message}"))
    problem = check_key_url(text)
    if problem is not None:
        raise click.UsageError(f"--issuer: {problem}")
    return text


def _clean_upstream(text: str) -> str:
    server = text.removesuffix("/")
    problem = parse_server(server)
    if isinstance(problem, str):
        raise click.UsageError(f"--upstream: {problem}")
    return server


def _read_facts(token: bytes) -> TokenFacts:
    facts = read_token_facts(token)
    if isinstance(facts, str):
        raise _stopped(facts, EXIT_NEGATIVE)
    return facts


def _guess_audience(api: Api | None) -> str:
    return f"https://{api.hosts[0] if api is not None and api.hosts else _SOME_HOST}"


def _find_issuer(wishes: Wishes, server: str) -> _Found:
    """Return the issuer; exit if it has no usable keys. A missing or odd last slash is mended."""
    url = wishes.url
    other = url[:-1] if url.endswith("/") else f"{url}/"
    errors = []
    for one in (url, other):
        tried = replace(wishes, url=one)
        loaded = _load_or_stop(_draft(tried, frozenset(), server, plan_everything(())).format())
        settings = loaded.settings.issuers[ISSUER_NAME]
        with show_progress(f"fetching the keys of {one}"):
            (finding,) = asyncio.run(find_keys([settings]))
        if finding.error is None and finding.parsed.keys:
            of_keys = [key.algorithms for key in finding.parsed.keys]
            return _Found(tried, settings.issuer, choose_algorithms(of_keys, wishes.token))
        if finding.error is None:
            raise _stopped(f"the issuer has no usable key in {finding.source}", EXIT_NEGATIVE)
        errors.append(finding.error)
    message = f"cannot fetch the keys of the issuer: {errors[0]}; --issuer is the `iss` of tokens"
    raise _stopped(message, EXIT_ENVIRONMENT)


def _draft(
    wishes: Wishes, algorithms: frozenset[str], server: str, plan: Plan, suite: str | None = None
) -> Draft:
    return Draft(wishes.url, make_issuer_entry(wishes, algorithms), server, plan, suite)


def _make(  # noqa: PLR0913, PLR0917 - what both files are made from
    found: _Found,
    server: str,
    plan: Plan,
    api: Api | None,
    openapi: Path | None,
    output: Path | None,
) -> _Made:
    if not plan.routes:
        raise _stopped("no operation of the description can be a route", EXIT_NEGATIVE)
    suite = None if output is None else SUITE_NAME
    draft = _draft(found.wishes, found.algorithms, server, plan, suite)
    if openapi is not None:
        draft = replace(draft, origin=f"{draft.origin} and {openapi}")
    text = draft.format()
    loaded = _load_or_stop(text)
    if openapi is not None:
        text = silence(text, find_warnings(loaded, time.time()), f"{openapi} has it so")
    host = api.hosts[0] if api is not None and api.hosts else _SOME_HOST
    issuer = loaded.settings.issuers[ISSUER_NAME].issuer
    notes = [*draft.issuer.notes, *plan.notes]
    return _Made(text, format_suite(plan, issuer, host, CONFIG_NAME), notes)


def _load_or_stop(text: str) -> Loaded:
    loaded = load_draft(text)
    if isinstance(loaded, Loaded):
        return loaded
    print_faults(loaded.faults)
    raise _stopped("these values do not make a valid configuration", EXIT_NEGATIVE)


def _files(output: Path) -> Mapping[str, Path]:
    return {name: output / name for name in (CONFIG_NAME, SUITE_NAME)}


def _refuse_existing(output: Path | None) -> None:
    for path in () if output is None else _files(output).values():
        if path.exists() or path.is_symlink():
            raise _stopped(f"{path} is there already, and is not overwritten", EXIT_ENVIRONMENT)


def _write(made: _Made, output: Path | None, openapi: Path | None) -> None:
    if output is not None:
        paths = _files(output)
        try:
            output.mkdir(parents=True, exist_ok=True)
            for path, text in zip(paths.values(), (made.config, made.suite), strict=True):
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
        except OSError as error:
            reason = error.strerror or str(error)
            raise _stopped(f"cannot write {output}: {reason}", EXIT_ENVIRONMENT) from None
    commands = [*_commands(output, openapi)]
    if is_json():
        whole = {"config": made.config, "suite": made.suite}
        click.echo(json.dumps({**whole, "notes": list(made.notes), "next": commands}, indent=2))
        return
    if output is None:
        click.echo(made.config, nl=False)
    else:
        for path in paths.values():
            click.echo(escape(f"wrote {path}"))
    for note in made.notes:
        click.echo(escape(f"note: {note}"), err=True)
    for line in ("next:", *(f"  {command}" for command in commands)):
        click.echo(escape(line), err=output is None)


def _commands(output: Path | None, openapi: Path | None) -> Iterator[str]:
    config = shlex.quote(str((output or Path()) / CONFIG_NAME))
    yield f"gateway check --strict {config}"
    if output is not None:
        yield f"gateway test --config {config}"
    yield f"gateway run {config}"
    if openapi is not None:
        yield f"gateway diff --openapi {shlex.quote(str(openapi))} {config}"


def _stopped(message: str, code: int) -> SystemExit:
    click.echo(escape(f"gateway: {message}"), err=True)
    return SystemExit(code)
