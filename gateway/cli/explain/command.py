"""Explain the decision about a request."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gateway.admin.explanation import (
    ExplanationView,
    PlaceOf,
    name_verdict,
    view_as_json,
    view_explanation,
)
from gateway.cli.completed_names import (
    complete_issuer,
    complete_login,
    complete_persona,
    complete_request,
)
from gateway.cli.config_file import find_config, load_or_exit
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.explain.answer import Answer, explain_claims, explain_persona, explain_token
from gateway.cli.explain.arguments import (
    Claims,
    Client,
    Expected,
    Header,
    HeaderLine,
    Moment,
    is_path,
    read_request,
)
from gateway.cli.explain.caller import (
    BadClaimsError,
    Channel,
    check_session,
    find_persona,
    persona_of_claims,
)
from gateway.cli.explain.graph import draw_explanation
from gateway.cli.explain.host import find_call, settle_host
from gateway.cli.explain.issuer import show_issuer
from gateway.cli.explain.refusal import show_refusal
from gateway.cli.explain.text import format_explanation
from gateway.cli.options import Word, format_option
from gateway.cli.output import print_painted, show_progress
from gateway.cli.suite_file import load_suite
from gateway.cli.token_source import read_token
from gateway.decision.explaining.steps import Setting
from gateway.decision.verdict import Allow, Deny
from gateway.http.rehearsal import CLIENT, Rehearsal
from gateway.settings.load import Loaded
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.suites.files.suite import Suite
from gateway.suites.simulation.browsers import Browser
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import SimulatedRequest, as_call
from gateway.suites.simulation.step_places import place_of_setting

_COLOURS = {
    "allowed": "green",
    "ok": "green",
    "refused": "red",
    "NO": "red",
    "redirected": "yellow",
    "answered": "yellow",
    "only reported": "yellow",
}


@click.command("explain")
@click.argument("words", nargs=-1, metavar="[METHOD] URL", shell_complete=complete_request)
@click.option("--token", help="A real token from @FILE, stdin (-) or env:NAME.", metavar="SOURCE")
@click.option(
    "--claims", type=Claims(), help="JSON claims of a token that is made for the request."
)
@click.option(
    "--as",
    "persona",
    help="A persona of --suite.",
    metavar="PERSONA",
    shell_complete=complete_persona,
)
@click.option(
    "--suite", "suite_file", type=click.Path(path_type=Path), help="A suite with personas."
)
@click.option(
    "--session",
    "login",
    help="The token is that of a session of this login.",
    metavar="LOGIN",
    shell_complete=complete_login,
)
@click.option(
    "--browser",
    type=Word([one.value for one in Browser]),
    help="What sends the request: a script of the page, the person, or another site.",
)
@click.option("--at", type=Moment(), help="The time of the request instead of now.")
@click.option(
    "--header", "headers", type=HeaderLine(), multiple=True, help="A header field, 'Name: value'."
)
@click.option("--grpc", is_flag=True, help="It is a call of gRPC: POST, over HTTP/2.")
@click.option("--client", type=Client(), default=CLIENT, help="The IP address of the client.")
@click.option("--offline", is_flag=True, help="Fetch no keys or lists from URLs.")
@click.option(
    "--introspect", is_flag=True, help="Send the token to its issuer, if only that can judge it."
)
@click.option(
    "--expect",
    "expected",
    type=Expected(),
    help="The expected decision: allow, published, login or a reason.",
)
@click.option(
    "--issuer",
    help="Show the settings that this issuer stands for.",
    metavar="NAME",
    shell_complete=complete_issuer,
)
@click.option("--request-id", help="Show a request that a running gateway refused.", metavar="ID")
@click.option(
    "--admin", help="The admin port of that gateway, e.g. http://127.0.0.1:9901.", metavar="URL"
)
@click.option("--admin-token", help="The token of the admin port.", metavar="SOURCE")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration.")
@click.option("--graph", "as_graph", is_flag=True, help="Draw the checks, as SVG.")
@format_option()
def command(  # noqa: PLR0913, PLR0917 - one for each option
    words: Sequence[str],
    token: str | None,
    claims: dict[str, object] | None,
    persona: str | None,
    suite_file: Path | None,
    login: str | None,
    browser: str | None,
    at: float | None,
    headers: Sequence[Header],
    grpc: bool,
    client: str,
    offline: bool,
    introspect: bool,
    expected: str | None,
    issuer: str | None,
    request_id: str | None,
    admin: str | None,
    admin_token: str | None,
    config: Path | None,
    as_graph: bool,
    form: str,
) -> None:
    """Explain step by step how METHOD URL would be decided, and why.

    METHOD is GET if it is missing. A path is enough as URL if one host of the configuration knows
    it, or all hosts decide it alike: `gateway explain /orders/7`. A call of gRPC is one, too:
    `gateway explain /shop.Orders/Get`.

    The token is a real one (--token), made of claims (--claims), or that of a persona (--as); it
    may be absent. With --session it comes by the cookie of a session. The request is not sent. For
    a real token, the keys and revocation lists of its issuer are fetched once; the token itself is
    sent to its issuer only with --introspect. With --request-id, and without METHOD and URL, show a
    request that a running gateway refused; with --issuer, the settings of an issuer, with those of
    its preset.

    Exit code: 0 if the request is allowed, 1 if it is refused or has to log in; with --expect, 0 if
    the decision is the expected one, else 1; 3 if keys or lists are unavailable.
    """
    callers = [one for one in (token, claims, persona) if one is not None]
    about = (words, callers, suite_file, login, browser, headers, grpc, expected)
    is_asked = any(about) or at is not None
    if as_graph and (form != "text" or not words):
        raise click.UsageError("--graph draws the checks of METHOD and URL: give these alone")
    if issuer is not None:
        if is_asked or request_id is not None:
            raise click.UsageError("--issuer shows settings: give nothing about a request")
        show_issuer(issuer, config, form)
        return
    if request_id is not None:
        if is_asked:
            raise click.UsageError("--request-id names a past request: give nothing else about it")
        show_refusal(request_id, admin, admin_token, config, form)
        return
    if admin is not None or admin_token is not None:
        raise click.UsageError("--admin and --admin-token require --request-id")
    _refuse_contradictions(callers, persona, suite_file, login, browser)
    asked = read_request(words, headers)
    suite = None if suite_file is None else load_suite(suite_file)
    loaded = _load(config, suite)
    asked = _settle(asked, words, loaded.settings, is_grpc=grpc)
    now = time.time() if suite is None else suite.at
    channel = _find_channel(login, browser, loaded.settings)
    rehearsal, moment = Rehearsal(loaded.settings, client), now if at is None else at
    if suite is not None and persona is not None:
        caller = find_persona(persona, suite, loaded.settings)
        answer = explain_persona(rehearsal, asked, moment, caller)
    elif claims is not None:
        caller = _find_caller(claims, loaded.settings, channel)
        answer = explain_claims(rehearsal, asked, moment, caller)
    else:
        word = None if token is None else read_token(token)
        with show_progress("fetching keys and lists"):
            answer = explain_token(
                rehearsal,
                asked,
                moment,
                word,
                channel=channel,
                is_online=not offline,
                introspects=introspect,
            )
    place_of = _place_of(loaded.places)
    view = view_explanation(rehearsal, answer.request, answer.explanation, moment, place_of)
    _print(view, answer, "svg" if as_graph else form)
    _exit(view, answer, expected)


def _settle(
    asked: SimulatedRequest, words: Sequence[str], settings: Settings, *, is_grpc: bool
) -> SimulatedRequest:
    """Return *asked*, written as *words*, on its host; as a call if it *is_grpc*, or looks so."""
    if is_grpc:
        if len(words) > 1 and words[0] != "POST":
            raise click.UsageError(f"--grpc: a call of gRPC is a POST, not {words[0]}")
        asked = as_call(asked)
    if not is_path(words[-1]):
        return asked
    call = find_call(asked, settings) if len(words) == 1 else None
    return call or settle_host(asked, settings)


def _refuse_contradictions(
    callers: Sequence[object],
    persona: str | None,
    suite_file: Path | None,
    login: str | None,
    browser: str | None,
) -> None:
    if len(callers) > 1:
        raise click.UsageError("choose one of --token, --claims and --as")
    if (persona is None) is not (suite_file is None):
        raise click.UsageError("--as names a persona of --suite: give both or neither")
    if login is not None and (persona is not None or not callers):
        raise click.UsageError("--session needs --token or --claims; a persona has its own")
    if browser is not None and persona is not None:
        raise click.UsageError("--browser: a persona has its own")


def _load(config: Path | None, suite: Suite | None) -> Loaded:
    """Load the configuration; by default that of the suite, in the environment of the suite."""
    if suite is None:
        return load_or_exit(find_config(None, config), warns=False)
    path = find_config(config, suite.gateway)
    return load_or_exit(path, {**os.environ, **suite.environment}, warns=False)


def _find_channel(login: str | None, browser: str | None, settings: Settings) -> Channel:
    if login is not None:
        check_session(login, None, settings, "--session")
    if browser is not None:
        return Channel(login, Browser(browser))
    return Channel(login, None if login is None else Browser.PAGE)


def _find_caller(claims: Mapping[str, object], settings: Settings, channel: Channel) -> Persona:
    issuers = settings.issuers
    if channel.login is not None:
        name = settings.logins[channel.login].issuer
        issuers = {name: issuers[name]}
    try:
        return persona_of_claims(claims, issuers, channel)
    except BadClaimsError as problem:
        raise click.UsageError(f"--claims: {problem}") from None


def _place_of(places: Places) -> PlaceOf:
    def place_of(setting: Setting) -> str:
        place = place_of_setting(setting, places)
        return f"{place.file}:{place.line}"

    return place_of


def _print(view: ExplanationView, answer: Answer, form: str) -> None:
    if form == "json":
        members = {**view_as_json(view), "notes": answer.notes, "missing": answer.missing}
        click.echo(json.dumps(members, indent=2))
    elif form == "svg":
        click.echo(draw_explanation(view))
    else:
        print_painted(format_explanation(view, answer.notes).splitlines(), _COLOURS)
    for one in answer.missing:
        click.echo(f"gateway: {one}", err=True)


def _exit(view: ExplanationView, answer: Answer, expected: str | None) -> None:
    """Exit with the code for the verdict, or for whether it is *expected*."""
    verdict = view.verdict
    came = verdict.reason.code if isinstance(verdict, Deny) else name_verdict(verdict)
    if came == expected:
        return
    if answer.missing:
        sys.exit(EXIT_ENVIRONMENT)
    if expected is not None:
        click.echo(f"gateway: expected {expected}, got {came}", err=True)
        sys.exit(EXIT_NEGATIVE)
    if view.deny is not None and not isinstance(verdict, Allow):
        sys.exit(EXIT_NEGATIVE)
