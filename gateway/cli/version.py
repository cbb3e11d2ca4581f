"""Print the version."""

import click

import gateway
from gateway.cli.options import is_json, json_option


@click.command("version")
@json_option
def command() -> None:
    """Print the version."""
    version = gateway.__version__
    # No version needs escapes, and a JSON encoder would take longer to import than all the rest.
    click.echo(f'{{"version": "{version}"}}' if is_json() else f"gateway {version}")
