"""Turn the paths of OpenAPI into path templates of routes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from gateway.decision.routes.template import Segment, Variable, parse_template
from gateway.openapi.api import Operation
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


class Overlaps:
    """Operations by what their paths have in common."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._groups: dict[tuple[str, int], list[tuple[Sequence[Segment], Operation]]] = {}
        for one in operations:
            segments = parse_template(one.path, is_prefix=False)
            if any(isinstance(segment, Variable) for segment in segments):
                self._groups.setdefault(_group(one, segments), []).append((segments, one))

    def behind(self, operation: Operation) -> Iterator[Operation]:
        """Yield the operations that would own requests of *operation* if that had no route."""
        segments = parse_template(operation.path, is_prefix=False)
        for others, one in self._groups.get(_group(operation, segments), ()):
            if one is not operation and _comes_before(segments, others):
                yield one


def _group(operation: Operation, segments: Sequence[Segment]) -> tuple[str, int]:
    # A route for GET owns HEAD as well (RFC 9110 §9.3.2).
    return "GET" if operation.method == "HEAD" else operation.method, len(segments)


def _comes_before(segments: Sequence[Segment], others: Sequence[Segment]) -> bool:
    """Return whether some path fits both templates, and routing prefers the first."""
    first = None
    for one, other in zip(segments, others, strict=True):
        is_fixed, is_other_fixed = isinstance(one, str), isinstance(other, str)
        if is_fixed and is_other_fixed and one != other:
            return False
        if first is None and is_fixed != is_other_fixed:
            first = is_fixed
    return first is True


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
