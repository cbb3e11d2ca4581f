"""The options that verbs share: the form of the output, and its colours."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

V = TypeVar("V", bound=Callable[..., Any])

_ALWAYS, _NEVER, _AUTO = "always", "never", "auto"

COLOR = "--color"

# The keys of what the options of one command line tell each other.
_IS_JSON = "gateway.cli.options.is_json"


class Word(click.Choice[str]):
    """One of a few words; another one is a usage error that names the nearest of them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return *value*; the message of the error does not repeat it, for it may be a secret."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            # Imported here: most command lines are right.
            from gateway.settings.text.suggestions import did_you_mean  # noqa: PLC0415

            words = [str(one) for one in self.choices]
            meant = did_you_mean(str(value), words)
            self.fail(f"choose {', '.join(words[:-1])} or {words[-1]}{meant}", param, ctx)


def format_option(*more: str) -> Callable[[V], V]:
    """Add ``--format`` to a verb: ``text``, ``json`` and *more*; and ``--json``, which is short.

    The verb gets the argument ``form``.
    """

    def add(verb: V) -> V:
        words = ["text", "json", *more]
        return click.option(
            "--format", "form", type=Word(words), default="text", callback=_only_one,
            help=f"{', '.join(words[:-1])} or {words[-1]}.",
        )(json_option(verb))  # fmt: skip

    return add


def json_option(verb: V) -> V:
    """Add ``--json`` to a verb that has no other format; see `is_json`."""
    return click.option(
        "--json", is_flag=True, is_eager=True, expose_value=False, callback=_note_json,
        help="Print JSON.",
    )(verb)  # fmt: skip


def is_json() -> bool:
    """Return whether ``--json`` was given."""
    return bool(click.get_current_context().meta.get(_IS_JSON))


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    ctx.meta[_IS_JSON] = value


def _only_one(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not ctx.meta.get(_IS_JSON):
        return value
    is_given = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if is_given and value != "json":
        raise click.UsageError(f"--json is short for --format json: leave out --format {value}")
    return "json"


def add_color_option(command: click.Command) -> None:
    """Add ``--color`` to *command*, or to each verb of a group; nothing if it is there already."""
    if isinstance(command, click.Group):
        for verb in command.commands.values():
            add_color_option(verb)
    if not any(COLOR in one.opts for one in command.params):
        command.params.append(_color_option())


def _color_option() -> click.Option:
    return click.Option(
        [COLOR], type=Word([_AUTO, _ALWAYS, _NEVER]), is_eager=True, expose_value=False,
        callback=_set_color, help="Colours: auto is for terminals.",
    )  # fmt: skip


def _set_color(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.color = {_ALWAYS: True, _NEVER: False, _AUTO: None}[value]


def find_color(environ: Mapping[str, str]) -> bool | None:
    """Return whether output has colours if no option says so; None: on a terminal.

    https://no-color.org and https://force-color.org: set and not empty.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0", "false"}:
        return True
    return False if environ.get("TERM") == "dumb" else None


def colors_of_environment() -> bool | None:
    """Return `find_color` of the environment of this process."""
    return find_color(os.environ)
