"""Replace ``${NAME}`` and ``${NAME:-default}`` with values from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.settings.text.fault import Code

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}")
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


def is_reference(text: str) -> bool:
    """Return whether *text*, as written in a file, is one reference and nothing else."""
    return _ONE_REFERENCE.fullmatch(text) is not None


def replace_variables(text: str, environ: Mapping[str, str] | Withheld) -> str | BadReference:
    """Return *text* with each reference replaced; ``$${`` is a literal ``${``.

    As in a shell, ``${NAME:-default}`` is the default if the variable is unset or empty. Replaced
    text is not expanded again, so a value cannot refer to another variable.
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
        value = _look_up(found[1], bool(found[2]), environ)
        if isinstance(value, BadReference):
            return value
        pieces.append(value)
    pieces.append(text[end:])
    return "".join(pieces)


def _look_up(
    inside: str, is_closed: bool, environ: Mapping[str, str] | Withheld
) -> str | BadReference:
    """Return the value of the reference with this text between its braces."""
    name, mark, default = inside.partition(":-")
    if "${" in default:
        message = "a default cannot have a variable: write its text, e.g. ${NAME:-default}"
        return BadReference(Code.BAD_VALUE, message)
    if not is_closed or not _NAME.fullmatch(name):
        return BadReference(
            Code.BAD_VALUE,
            "`${` does not start a variable: write ${NAME}, ${NAME:-default}, or $${ for a"
            " literal ${",
        )
    # Before the look-up: this file must not learn either whether the name is set.
    if isinstance(environ, Withheld):
        return BadReference(Code.NOT_GRANTED, environ.message)
    value = environ.get(name)
    if mark:
        return value or default
    if value is None:
        return BadReference(Code.UNSET_VARIABLE, f"the environment variable {name} is not set")
    return value
