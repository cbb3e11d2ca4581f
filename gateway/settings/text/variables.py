"""Replace ``${NAME}`` with values from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.settings.text.fault import Code

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Plainly not a secret: capitals and digits, with underscores if it is long.
_PLAIN_NAME = re.compile(r"[A-Z0-9]{0,24}(_[A-Z0-9]{0,24}){0,9}")


@dataclass(frozen=True, slots=True)
class Withheld:
    """An environment that a file may not read; *message* says why, and how to grant it."""

    message: str


@dataclass(frozen=True, slots=True)
class BadReference:
    """Why a reference cannot be replaced."""

    code: Code
    message: str


def describe_unset(name: str) -> str:
    """Return a message that the environment variable *name* is not set.

    Some people write the secret itself here; so *name* is repeated only if it plainly is a
    variable's name.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f"the environment variable {name} is not set"
    return (
        "no environment variable has this name:"
        " write the name of a variable here, not the secret itself"
    )


def replace_variables(text: str, environ: Mapping[str, str] | Withheld) -> str | BadReference:
    """Return *text* with each ``${NAME}`` replaced; ``$${`` is a literal ``${``.

    Replaced text is not expanded again, so a value cannot refer to another variable.
    """
    if "${" not in text:
        return text
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
                Code.BAD_VALUE,
                "`${` does not start a variable: write ${NAME}, or $${ for a literal ${",
            )
        # Before the look-up: this file must not learn either whether the name is set.
        if isinstance(environ, Withheld):
            return BadReference(Code.NOT_GRANTED, environ.message)
        if name not in environ:
            return BadReference(Code.UNSET_VARIABLE, f"the environment variable {name} is not set")
        pieces.append(environ[name])
    pieces.append(text[end:])
    return "".join(pieces)
