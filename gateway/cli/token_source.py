"""Read a token from where it is not seen: stdin, a file or a variable."""

import os
import sys
from pathlib import Path

# Above every limit a gateway sets for a token: what is longer is some other file.
MAX_INPUT_BYTES = 256 * 1024

ON_THE_COMMAND_LINE = (
    "a token on the command line ends up in the shell's history and in the list of "
    "processes: pass it on stdin (-), in a file (@FILE) or in a variable (env:NAME)"
)


class SourceUnreadableError(Exception):
    """The place that should hold the token cannot be read."""


def is_source(text: str) -> bool:
    """Return whether *text* names a place, and is no token itself."""
    return text == "-" or text.startswith(("@", "env:"))


def read_source(source: str) -> bytes:
    """Return what *source* holds, as far as it could be a token; raises SourceUnreadableError."""
    if source.startswith("env:"):
        value = os.environ.get(source.removeprefix("env:"))
        if value is None:
            raise SourceUnreadableError("the environment variable is not set")
        return os.fsencode(value)
    try:
        if source == "-":
            return sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        with Path(source[1:]).open("rb") as file:
            return file.read(MAX_INPUT_BYTES + 1)
    except (OSError, ValueError) as error:
        # Not the name: it is a token, where someone put an @ before one.
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise SourceUnreadableError(f"the file cannot be read: {reason}") from None


def only_token(text: bytes) -> bytes | str:
    """Return the one word in *text*, which may stand behind ``Bearer``, or why there is none."""
    if len(text) > MAX_INPUT_BYTES:
        return "longer than any token"
    words = text.split()
    if len(words) == 2 and words[0].lower() == b"bearer":
        words = words[1:]
    return words[0] if len(words) == 1 else "expected one token, and nothing else"
