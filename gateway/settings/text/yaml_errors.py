"""Explain errors of YAML in the words of the person who wrote the line, and say what to write."""

import re
from collections.abc import Sequence

import yaml

from gateway.settings.text.scalars import shorten

# Where YAML stops is often after the mistake: so many lines before it are searched.
_LINES_BEFORE = 2

# Only what nobody writes but by mistake: an item or a value that begins with a star, a path with
# `{name}` between brackets or braces, `${NAME}` there.
_STAR = re.compile(r"(?:^|[\s\[,:-])(?P<value>\*[^\s,\[\]{}'\"#]*)")
_BRACED = re.compile(
    r"(?:^|[\s\[,])(?P<value>(?:[^\s,\[\]{}'\"#]*\{[A-Za-z_][\w.]*\})+[^\s,\[\]{}'\"#]*)"
)
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_NO_SPACE = re.compile(r"^\s*(?:- )?(?P<key>[A-Za-z_][\w-]*):(?P<value>[^\s:/][^\s]*)\s*$")
# A secret may stand on such a line by mistake; `${NAME}` is none.
_SECRETIVE = re.compile(r"secret|passw|credential|_keys?:|\bkeys:", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{\w+\}")
_COLON = re.compile(r"^\s*(?:- )?(?P<key>[\w-]+): (?P<value>[^'\"\[{#].*?)\s*(?: #.*)?$")


def explain_yaml_error(text: str, error: yaml.YAMLError) -> str:
    """Return what is wrong with *text*, and what to write, if that can be told; else *error*."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    mark = getattr(error, "problem_mark", None)
    said = problem or "the text cannot be read"
    if mark is None:
        return said
    lines = [_COMMENT.sub("", line) for line in text.splitlines()]
    line = lines[mark.line] if mark.line < len(lines) else ""
    found = _find_sign(line, mark.column) or _find_before(lines, mark.line)
    return found or _find_colon(line, mark.column) or _describe_beginning(error, said)


def _find_sign(line: str, column: int) -> str | None:
    """Return what to write for a character that YAML keeps for itself."""
    character = line[column : column + 1]
    if character == "\t" or line.lstrip(" ").startswith("\t"):
        return "a tab: YAML is indented with spaces only"
    star = _STAR.search(line)
    if star is not None:
        return f"a text that begins with a star must be quoted: write {_quote(star['value'], line)}"
    if character and character in "@`%":
        value = re.split(r"[,\]}]", line[column:], maxsplit=1)[0].strip().strip("`")
        shown = _quote(value, line)
        return f"a text that begins with {character} must be quoted: write {shown}"
    return None


def _find_before(lines: Sequence[str], number: int) -> str | None:
    """Return what to write for a mistake that YAML notices in its line, or a little later."""
    for at in range(min(number, len(lines) - 1), max(number - _LINES_BEFORE, 0) - 1, -1):
        line, where = lines[at], "" if at == number else f" in line {at + 1}"
        braced = _BRACED.search(line)
        if braced is not None and set("[{") & set(line.replace(braced["value"], "")):
            shown = _quote(braced["value"], line)
            return f"a text with braces must be quoted here{where}: write {shown}"
        lost = _NO_SPACE.match(line)
        if lost is not None and at < number:
            shown = _show(lost["value"], line)
            return f"a space is missing after the colon{where}: write `{lost['key']}: {shown}`"
    return None


def _find_colon(line: str, column: int) -> str | None:
    whole = _COLON.match(line)
    if whole is None or line[column : column + 1] != ":" or ": " not in whole["value"]:
        return None
    shown = _quote(whole["value"], line)
    return f"a text with a colon and a space must be quoted: write `{whole['key']}: {shown}`"


def _describe_beginning(error: yaml.YAMLError, said: str) -> str:
    """Return *said* with the place where the bracket, brace, quote or list began."""
    mark = getattr(error, "context_mark", None)
    context = str(getattr(error, "context", None) or "")
    what = next(
        (
            sign
            for name, sign in (
                ("flow mapping", "the brace `{`"),
                ("flow sequence", "the bracket `[`"),
                ("quoted scalar", "the quotation mark"),
            )
            if name in context
        ),
        None,
    )
    if mark is not None and what is not None:
        return f"{said}: {what} in line {mark.line + 1} is not closed, or a text in it needs quotes"
    if "expected key" in said or "block collection" in context or "block mapping" in context:
        return (
            f"{said}: this line belongs to what begins in line {mark.line + 1}, but has another"
            " indentation or form"
            if mark is not None
            else said
        )
    return said


def _quote(value: str, line: str) -> str:
    return f'"{_show(value, line)}"'


def _show(value: str, line: str) -> str:
    is_secret = _SECRETIVE.search(line) is not None and not _REFERENCE.fullmatch(value)
    return "…" if is_secret else shorten(value)
