"""Find the verb that was asked for; its modules are imported only then."""

import importlib
from collections.abc import Sequence

import click

# In the order of the help: from first contact to daily use.
VERBS = {
    "demo": "Run a development issuer, echo services and the gateway.",
    "run": "Run the gateway.",
    "check": "Say all that is wrong with a configuration.",
    "explain": "Explain what becomes of a request, and why.",
    "test": "Test the access rules of a configuration.",
    "diff": "Say how two configurations differ, and for whom.",
    "routes": "List the routes in the order they match.",
    "token": "Make and inspect tokens.",
    "keys": "Show the keys of the issuers.",
    "reload": "Have a running gateway read its configuration again.",
    "healthcheck": "Ask a running gateway whether it is ready.",
    "schema": "Print the JSON Schema of the configuration.",
    "version": "Print the version.",
}


class LazyVerbs(click.Group):
    """A group whose verbs live in ``gateway.cli.<verb>``, each as ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, or None where there is none of that name."""
        if cmd_name not in VERBS:
            return None
        verb: click.Command = importlib.import_module(f"gateway.cli.{cmd_name}").command
        return verb

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing them."""
        rows: Sequence[tuple[str, str]] = list(VERBS.items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(
    cls=LazyVerbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 a negative result, 2 usage, 3 environment.",
)
def command() -> None:
    """Let requests through only with a valid access token."""
