"""Read a token from stdin, a file or a variable, where it stays out of sight."""

import os
import sys
from pathlib import Path

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT
from gateway.cli.streams import claim_stdin

# Above every limit that a gateway sets for a token: a longer input is some other file.
MAX_INPUT_BYTES = 256 * 1024

ON_THE_COMMAND_LINE = (
    "a token on the command line is visible in the shell's history and in the list of "
    "processes: pass it on stdin (-), in a file (@FILE) or in a variable (env:NAME)"
)


class SourceUnreadableError(Exception):
    """The source that should hold the token is unreadable."""


def is_source(text: str) -> bool:
    """Return whether *text* names a source, rather than being a token itself."""
    return text == "-" or text.startswith(("@", "env:"))


def read_token(source: str, option: str = "--token") -> bytes:
    """Return the token in *source*, valid or not; exit if there is none.

    No message repeats the token.
    """
    if not is_source(source):
        raise click.UsageError(ON_THE_COMMAND_LINE)
    try:
        text = read_source(source)
    except SourceUnreadableError as failure:
        click.echo(f"gateway: {failure}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    token = only_token(text)
    if isinstance(token, str):
        raise click.UsageError(f"{option}: not a token: {token}")
    return token


def read_source(source: str) -> bytes:
    """Return the content of *source*, up to the size of a token; raise SourceUnreadableError."""
    if source.startswith("env:"):
        value = os.environ.get(source.removeprefix("env:"))
        if value is None:
            raise SourceUnreadableError("the environment variable is not set")
        return os.fsencode(value)
    try:
        if source == "-":
            claim_stdin("the token")
            return sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        with Path(source[1:]).open("rb") as file:
            return file.read(MAX_INPUT_BYTES + 1)
    except (OSError, ValueError) as error:
        # Without the name, which is a token if someone put an @ before one.
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise SourceUnreadableError(f"cannot read the file: {reason}") from None


def only_token(text: bytes) -> bytes | str:
    """Return the one word in *text*, without a leading ``Bearer``, or why there is not one."""
    if len(text) > MAX_INPUT_BYTES:
        return "longer than any token"
    words = text.split()
    if len(words) == 2 and words[0].lower() == b"bearer":
        words = words[1:]
    return words[0] if len(words) == 1 else "expected exactly one token"
