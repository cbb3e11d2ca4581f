"""Show the current keys of all issuers: ``gateway keys``."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.cli.config_file import config_argument, find_config, load_or_exit
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.fetched_keys import Finding, find_keys
from gateway.cli.options import format_option
from gateway.cli.output import print_table, show_progress
from gateway.decision.keys import Key
from gateway.keyring.describe import describe_alike
from gateway.keyring.public_key import describe_key


@click.command("keys")
@config_argument
@format_option()
def command(file: Path | None, config: Path | None, form: str) -> None:
    """Fetch the keys of every issuer in FILE once, and show them.

    Exit code: 0 if every issuer has a usable key, 1 if one has none, 3 if one is unreachable.
    """
    loaded = load_or_exit(find_config(file, config))
    issuers = [one for one in loaded.settings.issuers.values() if one.has_keys]
    with show_progress("fetching keys"):
        findings = asyncio.run(find_keys(issuers))
    if form == "json":
        click.echo(json.dumps({"issuers": [_as_json(one) for one in findings]}, indent=2))
    else:
        _print(findings)
    if any(one.error is not None for one in findings):
        sys.exit(EXIT_ENVIRONMENT)
    if not all(one.parsed.keys for one in findings):
        sys.exit(EXIT_NEGATIVE)


def _print(findings: Sequence[Finding]) -> None:
    rows = [
        (
            _printable(one.settings.issuer.name),
            "-" if key.kid is None else _printable(key.kid),
            describe_key(key.material),
            " ".join(sorted(key.algorithms)),
            one.source,
        )
        for one in findings
        for key in one.parsed.keys
    ]
    if rows:
        print_table(("ISSUER", "KID", "KEY", "ALGORITHMS", "SOURCE"), rows)
    for one in findings:
        name = _printable(one.settings.issuer.name)
        for reason in one.parsed.unusable:
            click.echo(f"{name}: unusable: {reason}", err=True)
        alike = describe_alike(one.parsed.keys, one.settings.issuer.algorithms)
        if alike is not None:
            click.echo(f"{name}: keys share a kid, and each of them is tried: {alike}", err=True)
        if one.error is not None:
            click.echo(f"{name}: {one.error}", err=True)
        elif not one.parsed.keys:
            click.echo(f"{name}: no usable key in {one.source}", err=True)


def _printable(text: str) -> str:
    """Quote a text of the issuer that could control the terminal."""
    return text if text.isprintable() and text else json.dumps(text)


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.settings.issuer.name,
        "issuer": finding.settings.issuer.issuer,
        "source": finding.source,
        "keys": [_key_as_json(key) for key in finding.parsed.keys],
        "unusable": list(finding.parsed.unusable),
        "error": finding.error,
    }


def _key_as_json(key: Key) -> dict[str, object]:
    return {
        "kid": key.kid,
        "key": describe_key(key.material),
        "algorithms": sorted(key.algorithms),
    }
