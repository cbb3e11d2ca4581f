"""Find the command that was named; its module is imported only then."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

from gateway import __version__
from gateway.cli.exit_codes import EXIT_INTERRUPTED
from gateway.cli.options import add_color_option, colors_of_environment
from gateway.gc_settings import import_settled

# What a person may have meant as a verb. Nothing else is repeated: it may be a token.
_WORD = re.compile(r"[A-Za-z-]{1,20}")


@dataclass(frozen=True, slots=True)
class Verb:
    """The *module* whose ``command`` runs a command, and the *help* beside its name."""

    module: str
    help: str


# In the order of the help: from first contact to daily use.
VERBS = {
    "demo": Verb("gateway.cli.demo.command", "Run a gateway with an issuer and echo services."),
    "init": Verb("gateway.cli.init.command", "Make a first configuration and its suite."),
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
    "completion": Verb("gateway.cli.completion", "Complete command lines in a shell."),
    "help": Verb("gateway.cli.help.command", "Show the help of a verb, or a topic."),
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
        found: click.Command = import_settled(verb.module).command
        add_color_option(found)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* name; raise UsageError with the nearest one."""
        name = args[0]
        if name in VERBS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        # Imported here: most command lines are right.
        from gateway.settings.text.suggestions import did_you_mean  # noqa: PLC0415

        shown = f" `{name}`" if _WORD.fullmatch(name) else ""
        meant = did_you_mean(name, VERBS) or ": `gateway help` lists all"
        raise click.UsageError(f"no such command{shown}{meant}", ctx)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of a command line, with colours as the environment wants them."""
        extra.setdefault("color", colors_of_environment())
        return super().make_context(info_name, args, parent, **extra)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line, and exit; unlike click, with 130 after an interrupt."""
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code: object = run()
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort as abort:
            if isinstance(abort.__cause__, KeyboardInterrupt):
                sys.exit(EXIT_INTERRUPTED)
            raise  # an EOFError, which is a bug: nothing here asks a person
        sys.exit(code if isinstance(code, int) else 0)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return the verbs and options that begin as *incomplete*, without importing verbs."""
        # Imported here: only a shell asks.
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        verbs = [
            CompletionItem(name, help=verb.help)
            for name, verb in VERBS.items()
            if name.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        rows: Sequence[tuple[str, str]] = [(name, verb.help) for name, verb in VERBS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(
    cls=LazyVerbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 a negative result, 2 usage, 3 environment, 130 Ctrl-C."
    " `gateway help TOPIC` explains a reason, a code, a key: `gateway help topics`.",
)
@click.version_option(__version__, prog_name="gateway", message="%(prog)s %(version)s")
def command() -> None:
    """Forward requests only if they carry a valid access token."""


add_color_option(command)
