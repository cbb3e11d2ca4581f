"""Replace ``${NAME}`` by the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.settings.text.fault import Code

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What nobody takes for a secret: capitals, and in a long one underscores between them.
_PLAIN_NAME = re.compile(r"[A-Z0-9]{0,24}(_[A-Z0-9]{0,24}){0,9}")


@dataclass(frozen=True, slots=True)
class Withheld:
    """An environment that a file may not read; *message* says why, and who can grant it."""

    message: str


@dataclass(frozen=True, slots=True)
class BadReference:
    """Why a reference cannot be replaced."""

    code: Code
    message: str


def describe_unset(name: str) -> str:
    """Return in words that the environment variable *name* is not set.

    Some write the secret itself where its variable belongs; so what is not plainly the name of
    one is not repeated.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f"the environment variable {name} is not set"
    return "no environment variable of this name is set; a secret itself must not stand here"


def replace_variables(text: str, environ: Mapping[str, str] | Withheld) -> str | BadReference:
    """Return *text* with each ``${NAME}`` replaced; ``$${`` stands for ``${``.

    Replaced text is not looked at again, so a value of the environment cannot name another.
    """
    pieces: list[str] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        if found[0] == "$${":
            pieces.append("${")
            continue
        name = found[1]
        if not found[2] or not _NAME.fullmatch(name):
            return BadReference(
                Code.BAD_VALUE, "`${` opens no variable: write ${NAME}, or $${ for the text"
            )
        # Before the name is looked up: whether it is set is not for this file to know either.
        if isinstance(environ, Withheld):
            return BadReference(Code.NOT_GRANTED, environ.message)
        if name not in environ:
            return BadReference(Code.UNSET_VARIABLE, f"the environment variable {name} is not set")
        pieces.append(environ[name])
    pieces.append(text[end:])
    return "".join(pieces)
