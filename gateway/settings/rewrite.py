"""Build what a route changes of its requests and answers."""

from collections.abc import Collection, Mapping
from itertools import takewhile
from urllib.parse import quote

from gateway.decision.host import canonical_host
from gateway.decision.routing import Route
from gateway.decision.segments import split_segments
from gateway.decision.template import parse_template
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.field_edits import ANSWER_FIELDS, REQUEST_FIELDS, build_field_edits
from gateway.settings.rewrite_models import QueryEditsModel, RewriteModel
from gateway.settings.rewrite_values import NO_QUERY, HostField, QueryEdits, Rewrite
from gateway.settings.route_models import RouteModel
from gateway.settings.scalars import shorten
from gateway.settings.sections import Named

_HOST_WORDS = {"keep": HostField.KEEP, "upstream": HostField.UPSTREAM}


def build_rewrites(
    named: Collection[Named[RouteModel]],
    routes: Collection[Route],
    identity: frozenset[bytes],
    faults: list[Fault],
) -> Mapping[str, Rewrite]:
    """Return what each of the sound *routes* changes, by name; most change nothing.

    *identity* are the aliases of identity headers, which nothing else may touch.
    """
    parts = {one.name: one for one in named}
    rewrites = {}
    for route in routes:
        one = parts[route.name]
        if one.model is not None and one.model.rewrite is not None:
            at = one.part.child("rewrite")
            rewrites[route.name] = _build(one.model.rewrite, route, at, identity, faults)
    return rewrites


def _build(
    model: RewriteModel, route: Route, part: Part, identity: frozenset[bytes], faults: list[Fault]
) -> Rewrite:
    if not model.model_fields_set:
        faults.append(part.fault(Code.MISSING_KEY, "nothing is rewritten here"))
    cut_segments, prefix = _prefix(model, route, part, faults)
    return Rewrite(
        cut_segments,
        prefix,
        _host(model.host, part.child("host"), faults),
        build_field_edits(
            model.request_headers, REQUEST_FIELDS, identity, part.child("request_headers"), faults
        ),
        build_field_edits(
            model.answer_headers, ANSWER_FIELDS, identity, part.child("answer_headers"), faults
        ),
        _query(model.query, part.child("query"), faults),
    )


def _prefix(
    model: RewriteModel, route: Route, part: Part, faults: list[Fault]
) -> tuple[int, bytes]:
    replaced = model.replace_prefix
    if model.strip_prefix is not None:
        if replaced is not None:
            message = "`strip_prefix` and `replace_prefix` exclude each other"
            faults.append(part.child("replace_prefix").key_fault(Code.CONFLICTING_KEYS, message))
        return _cut(model.strip_prefix, route, part.child("strip_prefix"), faults), b""
    if replaced is None:
        return 0, b""
    at = part.child("replace_prefix")
    cut_segments = _cut(replaced.from_, route, at.child("from"), faults)
    if replaced.to == "/":
        return cut_segments, b""
    problem = _problem(replaced.to)
    if problem is not None:
        faults.append(at.child("to").fault(Code.BAD_VALUE, problem))
        return 0, b""
    return cut_segments, replaced.to.encode()


def _cut(text: str, route: Route, part: Part, faults: list[Fault]) -> int:
    """Return how many segments *text* is; every path of *route* must begin with them.

    So what is left of a path that was matched is one that begins with a slash, of segments that
    were matched: nothing can appear in it that was not there.
    """
    problem = _problem(text)
    segments = split_segments(text.encode(errors="replace"))
    literals = tuple(
        takewhile(lambda one: isinstance(one, str), parse_template(route.path, route.is_prefix))
    )
    if problem is None and literals[: len(segments)] != segments:
        problem = (
            f"not every path of `{route.name}` begins with `{shorten(text)}`: `{route.path}` must"
            " begin with it, segment by segment"
        )
    if problem is not None:
        faults.append(part.fault(Code.BAD_VALUE, problem))
        return 0
    return len(segments)


def _problem(text: str) -> str | None:
    """Return why *text* is no beginning of a path, by the rules for the paths of requests."""
    segments = split_segments(text.encode(errors="replace"))
    if isinstance(segments, str):
        return f"`{shorten(text)}`: {segments}"
    if not segments[-1]:
        return f"`{shorten(text)}`: write it without the slash at its end, as in /api"
    return None


def _host(text: str, part: Part, faults: list[Fault]) -> bytes | HostField:
    word = _HOST_WORDS.get(text)
    if word is not None:
        return word
    value = text.encode(errors="replace")
    if canonical_host(value) is None:
        message = f"`{shorten(text)}` is not a host: `keep`, `upstream`, or one like a.example:8080"
        faults.append(part.fault(Code.BAD_VALUE, message))
    return value


def _query(model: QueryEditsModel | None, part: Part, faults: list[Fault]) -> QueryEdits:
    if model is None:
        return NO_QUERY
    if not model.model_fields_set:
        faults.append(part.fault(Code.MISSING_KEY, "one of `set` and `remove` is missing"))
    parameters = model.set_ or {}
    for number, name in enumerate(model.remove or ()):
        if name in parameters:
            message = f"`{shorten(name)}` is set, too: then no other is left of that name anyway"
            at = part.child("remove").child(number)
            faults.append(at.fault(Code.CONFLICTING_KEYS, message))
    added = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in parameters.items())
    names = frozenset(
        name.encode(errors="replace") for name in (*parameters, *(model.remove or ()))
    )
    return QueryEdits(names, added.encode())


def _escape(text: str) -> str:
    return quote(text, safe="", errors="replace")
