"""Get a token from any issuer, mint one for the demo, and inspect any token."""

import click

from gateway.cli.token.get import get
from gateway.cli.token.inspect import inspect
from gateway.cli.token.mint import mint
from gateway.settings.text.suggestions import did_you_mean


class _TokenVerbs(click.Group):
    """A group that never repeats an unknown word, which may be a token."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            meant = did_you_mean(args[0], self.commands)
            raise click.UsageError(f"no such command: choose get, mint or inspect{meant}", ctx)
        return super().resolve_command(ctx, args)


@click.group(name="token", cls=_TokenVerbs, short_help="Get, mint or inspect a token.")
def command() -> None:
    """Get a token from any issuer, mint one for the demo, or inspect one."""


command.add_command(get)
command.add_command(mint)
command.add_command(inspect)
