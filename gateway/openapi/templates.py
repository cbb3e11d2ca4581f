"""Turn the paths of OpenAPI into path templates of routes."""

import re
from typing import NamedTuple
from urllib.parse import quote

from gateway.decision.routes.template import parse_template
from gateway.settings.text.scalars import shorten

# RFC 3986 §3.3: pchar without `;`, which a canonical path must not have. Escapes stay.
_PLAIN = "-._~!$&'()*+,=:@%"

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_SEGMENT = re.compile(r"(?:[^{}]|\{[^{}]+\})+")


class Template(NamedTuple):
    """A path template; it *is_wider* than the path of OpenAPI if a segment had to be."""

    path: str
    is_wider: bool


def make_template(written: str) -> Template | str:
    """Return the path *written* in OpenAPI as routes have it, or why no route can.

    A segment that is partly a variable, such as `{name}.json`, becomes a variable: routes have
    whole segments only. Names of variables are made words, and differ.
    """
    if "?" in written or "#" in written:
        return "its path has a query or a fragment, which never choose a route"
    names: dict[str, None] = {}
    segments, is_wider = [], False
    for part in written.split("/"):
        if "{" not in part and "}" not in part:
            segments.append(quote(part, safe=_PLAIN, errors="replace"))
            continue
        if not _SEGMENT.fullmatch(part):
            return f"the braces in `{shorten(part)}` do not pair"
        found: list[str] = _VARIABLE.findall(part)
        if any(name[-1] in "+*" or name[0] in "+*/" for name in found):
            return f"`{shorten(part)}` stands for several segments: write a route with path_prefix"
        is_wider = is_wider or not _VARIABLE.fullmatch(part)
        segments.append("{" + _add_name("_".join(found), names) + "}")
    path = "/".join(segments)
    try:
        parse_template(path, is_prefix=False)
    except ValueError as error:
        return shorten_all(str(error))
    return Template(path, is_wider)


def shorten_all(text: str) -> str:
    """Return *text*, which may quote a path of any length, for a message."""
    return text if len(text) <= 200 else f"{text[:200]}…"


def _add_name(text: str, names: dict[str, None]) -> str:
    word = re.sub(r"[^A-Za-z0-9_]", "_", text)[:60]
    word = word if re.match(r"[A-Za-z_]", word) else f"_{word}"
    name, number = word, 2
    while name in names:
        name, number = f"{word}_{number}", number + 1
    names[name] = None
    return name
