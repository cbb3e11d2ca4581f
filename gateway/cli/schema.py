"""Print the JSON Schema of the configuration."""

import click

from gateway.settings.schema import format_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(format_schema(), nl=False)
