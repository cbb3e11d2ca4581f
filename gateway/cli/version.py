"""Print the version."""

import json

import click

import gateway
from gateway.cli.options import is_json, json_option


@click.command("version")
@json_option
def command() -> None:
    """Print the version."""
    version = gateway.__version__
    click.echo(json.dumps({"version": version}) if is_json() else f"gateway {version}")
