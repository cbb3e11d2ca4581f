"""Paths as other products write them, and what to write here instead."""

import re
from collections.abc import Sequence

from gateway.settings.text.scalars import shorten

# `:id` of Express, Rails and Traefik; `<id>` and `<int:id>` of Flask; `{id:int}`, `{id?}`, `{id}*`
# and `{*rest}` of ASP.NET, Spring and FastAPI; `[id]` of Next.js.
_NAME = r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
_ONE_SEGMENT = tuple(
    re.compile(pattern)
    for pattern in (
        rf":{_NAME}[?]?",
        rf"<(?:[a-z]+:)?{_NAME}>",
        rf"\[{_NAME}\]",
        rf"\{{{_NAME}(?::(?!path\}}|\*|\.\*|\.\+)[^/]*|\?)\}}",
        rf"\(\?P?<{_NAME}>\[\^/\][+*]\)",
    )
)
_REST = (
    *("*", "**", ".*", ".+", "(.*)", "(.+)", "*.*"),
    *("(.*)$", "(.+)$", ".*$", ".+$", "*$"),
)
_NAMED_REST = re.compile(
    rf"\{{\*{{1,2}}{_NAME}\}}|\{{(?:\.\.\.)?{_NAME}(?:\.\.\.|\*|\+|:path|:\*|:\.\*|:\.\+)?\}}[*+]?"
    rf"|\[\.\.\.{_NAME}\]|<path:{_NAME}>".replace("(?P<name>", "(?:")
)
_ANY_SEGMENT = frozenset(
    {
        "*",
        "[^/]+",
        "([^/]+)",
        "[^/]*",
        "([^/]*)",
        ".+",
        "(.+)",
        r"\d+",
        r"(\d+)",
        "[0-9]+",
        "([0-9]+)",
    }
)
# One of these is in every pattern of another product, and in few paths.
_SIGNS = re.compile(r"[*^:$+\\\[<|({?]")
# Only the slash at its beginning is missing.
_BARE = re.compile(r"[A-Za-z0-9._~{}-]+(?:/[A-Za-z0-9._~{}-]+)*/?")
# A variable with more beside it.
_PARTLY = re.compile(rf"[\w.~-]*\{{{_NAME}\}}[\w.~-]*")
_OURS = re.compile(rf"\{{{_NAME}\}}")


def find_foreign_path(path: str, is_prefix: bool) -> str | None:
    """Return what to write instead of *path*, a pattern of another product; None for one of ours.

    A sign of such a pattern can be part of a path in its encoded form, e.g. `%2A` for `*`.
    """
    has_slashes = path.startswith("/") and (path.endswith("/") or not is_prefix)
    if has_slashes and not _SIGNS.search(path):
        return None
    asked, _, query = path.partition("?")
    if query and "{" not in path and "<" not in path:
        return f"the query is no part of a path: write `{_key(is_prefix)}: {_quoted(asked)}`"
    plain = path.removeprefix("^")
    segments = plain.split("/")
    if plain.startswith("/") and _is_rest(segments[-1]) and not _OURS.fullmatch(segments[-1]):
        above = _translate(segments[:-1])
        if not _has_foreign(above):
            return (
                f"`{shorten(segments[-1])}` is no pattern here; all paths below are a prefix: write"
                f" `path_prefix: {_quoted(above + '/')}`"
            )
    missing = None if has_slashes else _find_missing_slash(path, is_prefix)
    if missing is not None:
        return missing
    written = _translate(segments).removesuffix("$")
    if written != path and not _has_foreign(written) and written.startswith("/"):
        return f"one segment is `{{name}}` here: write `{_key(is_prefix)}: {_quoted(written)}`"
    if _has_foreign(path):
        return (
            f"`{shorten(path)}` is no pattern here: a segment is a text or, as a whole, `{{name}}`;"
            " all paths below `/x/` are `path_prefix: /x/`; a star itself is `%2A`"
        )
    return None


def _find_missing_slash(path: str, is_prefix: bool) -> str | None:
    """Return what to write instead of *path*, if it only lacks the slash where one has to be."""
    if path == "*":
        return "`*` is no pattern here; all paths are a prefix: write `path_prefix: /`"
    if _BARE.fullmatch(path):
        return f"a path begins with a slash: write `{_key(is_prefix)}: {_quoted('/' + path)}`"
    prefix = path.rstrip("*")
    if is_prefix and prefix.startswith("/") and not _has_foreign(prefix) and prefix[-1] != "/":
        return (
            f"a prefix ends with a slash: write `path_prefix: {_quoted(prefix + '/')}`; without"
            f" it, the path is a route of its own, with `path: {_quoted(prefix)}`"
        )
    return None


def _is_rest(segment: str) -> bool:
    return segment in _REST or _NAMED_REST.fullmatch(segment) is not None


def _translate(segments: Sequence[str]) -> str:
    """Return the path of *segments* with those of another product as they are written here."""
    written: list[str] = []
    for segment in segments:
        patterns = (pattern.fullmatch(segment) for pattern in (*_ONE_SEGMENT, _PARTLY))
        named = next(filter(None, patterns), None)
        if named is not None:
            written.append(f"{{{named['name']}}}")
        elif segment in _ANY_SEGMENT:
            count = sum(one.startswith("{name") for one in written)
            written.append(f"{{name{count + 1 if count else ''}}}")
        else:
            written.append(segment)
    return "/".join(written)


def _has_foreign(path: str) -> bool:
    """Return whether *path* has signs of a pattern: those that no plain path is likely to have."""
    return bool(re.search(r"\*|^\^|/:|\$$|\.\+|\\|\[|<|\||\(\?", path))


def _key(is_prefix: bool) -> str:
    return "path_prefix" if is_prefix else "path"


def _quoted(path: str) -> str:
    return f'"{path}"' if "{" in path else path
