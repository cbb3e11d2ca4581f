"""Find who asks: a persona of a suite, or whoever holds a token."""

import os
import sys
from pathlib import Path

import click

from gateway.cli.config_file import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.output import escape, print_faults
from gateway.cli.token_source import (
    ON_THE_COMMAND_LINE,
    SourceUnreadableError,
    is_source,
    only_token,
    read_source,
)
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import Settings
from gateway.suites.asking.persona import Persona
from gateway.suites.running.read_suite import BrokenSuite, UnreadableError, read_suite
from gateway.suites.running.suite import Suite


def read_token(source: str, option: str = "--token") -> bytes:
    """Return the token in *source*, whatever it is worth, or end; no message repeats it."""
    if not is_source(source):
        raise click.UsageError(ON_THE_COMMAND_LINE)
    try:
        text = read_source(source)
    except SourceUnreadableError as failure:
        click.echo(f"gateway: {failure}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    token = only_token(text)
    if isinstance(token, str):
        raise click.UsageError(f"{option}: not a token: {token}")
    return token


def load_suite(path: Path) -> Suite:
    """Return the suite in *path*, or end: with 1 where it has faults, with 3 where it is not."""
    try:
        suite = read_suite(path, os.environ)
    except UnreadableError as error:
        click.echo(escape(f"gateway: {error}"), err=True)
        sys.exit(EXIT_ENVIRONMENT)
    if isinstance(suite, BrokenSuite):
        print_faults(suite.faults)
        sys.exit(EXIT_NEGATIVE)
    return suite


def find_persona(name: str, suite: Suite, settings: Settings) -> Persona:
    """Return the persona *name* of *suite*; raises UsageError where it cannot ask *settings*."""
    found = suite.personas.get(name)
    if found is None:
        # Without the name: whoever takes --as for --token wrote a token there.
        known = f"{suite.file} has {', '.join(suite.personas) or 'none'}"
        raise click.UsageError(
            f"--as: no such persona{did_you_mean(name, suite.personas)}; {known}"
        )
    persona = found.persona
    if persona.issuer is not None and persona.issuer not in settings.issuers:
        meant = did_you_mean(persona.issuer, settings.issuers)
        raise click.UsageError(f"--as: the configuration has no issuer `{persona.issuer}`{meant}")
    for one in persona.revoked:
        if one not in settings.revocations:
            meant = did_you_mean(one, settings.revocations)
            raise click.UsageError(f"--as: the configuration has no revocation list `{one}`{meant}")
    return persona
