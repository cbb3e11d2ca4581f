"""Find the command that was named; its module is imported only then."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Verb:
    """The *module* whose ``command`` runs a command, and the *help* beside its name."""

    module: str
    help: str


# In the order of the help: from first contact to daily use.
VERBS = {
    "demo": Verb("gateway.cli.demo.command", "Run a gateway with an issuer and echo services."),
    "run": Verb("gateway.cli.run.command", "Run the gateway."),
    "check": Verb("gateway.cli.check.command", "Validate a configuration."),
    "explain": Verb("gateway.cli.explain.command", "Explain the decision about a request."),
    "test": Verb("gateway.cli.test", "Test the access rules of a configuration."),
    "diff": Verb("gateway.cli.diff", "Compare the access rules of two configurations."),
    "routes": Verb("gateway.cli.routes", "List the routes in the order they match."),
    "token": Verb("gateway.cli.token.command", "Get, mint and inspect tokens."),
    "keys": Verb("gateway.cli.keys", "Show the keys of the issuers."),
    "reload": Verb("gateway.cli.reload", "Reload a running gateway."),
    "healthcheck": Verb("gateway.cli.healthcheck", "Check whether a running gateway is ready."),
    "schema": Verb("gateway.cli.schema", "Print the JSON Schema of the configuration."),
    "version": Verb("gateway.cli.version", "Print the version."),
}


class LazyVerbs(click.Group):
    """A group that imports the module of a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command; None if there is none of that name."""
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        found: click.Command = importlib.import_module(verb.module).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        rows: Sequence[tuple[str, str]] = [(name, verb.help) for name, verb in VERBS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(
    cls=LazyVerbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 a negative result, 2 usage, 3 environment.",
)
def command() -> None:
    """Forward requests only if they carry a valid access token."""
