"""Print the version."""

import click

import gateway


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"gateway {gateway.__version__}")
