"""Print the JSON Schema of the configuration, or of a suite."""

import click

from gateway.cli.options import json_option
from gateway.settings.schema.json_schema import format_schema
from gateway.suites.files.models import format_suite_schema


@click.command("schema")
@click.option("--suite", is_flag=True, help="The schema of a suite for `gateway test` instead.")
@json_option
def command(suite: bool) -> None:
    """Print the JSON Schema of the configuration, for editors.

    It is JSON already: --json changes nothing.
    """
    click.echo(format_suite_schema() if suite else format_schema(), nl=False)
