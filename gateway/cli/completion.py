"""Print the script that completes command lines in a shell."""

import json

import click
from click.shell_completion import get_completion_class

from gateway.cli.options import Word, is_json, json_option

# click asks for completions in this variable; the script sets it.
_VARIABLE = "_GATEWAY_COMPLETE"


@click.command("completion")
@click.argument("shell", type=Word(["bash", "zsh", "fish"]))
@json_option
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    r"""Print the script that completes command lines of gateway in SHELL.

    \b
    ~/.bashrc:                     eval "$(gateway completion bash)"
    ~/.zshrc, after compinit:      eval "$(gateway completion zsh)"
    ~/.config/fish/config.fish:    gateway completion fish | source

    It completes verbs, options and their values, files, and from the configuration and the suite
    on the command line: paths of routes, issuers, logins and personas.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows all three
    root = ctx.find_root()
    script = kind(root.command, {}, str(root.info_name), _VARIABLE).source()
    # click's script for fish loses what stands after a comma in a help text.
    script = script.replace('string split "," ', 'string split --max 1 "," ')
    click.echo(json.dumps({"shell": shell, "script": script}) if is_json() else script)
