"""Build what a route rewrites in its requests and responses."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import quote

from gateway.decision.identity import CGI_PREFIX, canonical_alias
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Route
from gateway.decision.routes.segments import split_segments
from gateway.settings.build.identity import RESERVED
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.rewrite import FieldEditsModel, QueryEditsModel, RewriteModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.schema.types import TOKEN
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.values.rewrite import (
    NO_FIELDS,
    NO_QUERY,
    FieldEdits,
    HostField,
    QueryEdits,
    Rewrite,
)

_HOST_WORDS = {"keep": HostField.KEEP, "upstream": HostField.UPSTREAM}

# RFC 9110 §5.5 without the obsolete octets: visible ASCII, with spaces and tabs inside.
_VALUE = re.compile(r"[!-~](?:[\t -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class _FieldKind:
    """The names that cannot be changed (*never*), or can only be removed (*never_set*).

    A name with *put_in_front*, a prefix that some services add, counts as the same name.
    """

    never: frozenset[bytes]
    never_starts: tuple[bytes, ...]
    never_set: frozenset[bytes]
    never_set_starts: tuple[bytes, ...]
    put_in_front: bytes


# Fields that frame the message, name the host, carry the credential, or are written by the
# gateway. A cookie, a range or a condition belongs to one client: it can be removed, but one
# value for all clients makes no sense.
_REQUEST_FIELDS = _FieldKind(
    never=(RESERVED - {b"cookie", b"set-cookie", b"range", b"date"}) | {b"http2-settings"},
    never_starts=(
        *(b"content-", b"proxy-", b"x-forwarded-", b"sec-websocket-"),
        # Some services read these as the requested path or method.
        *(b"x-original-", b"x-rewrite-", b"x-http-method", b"x-method-override"),
    ),
    never_set=frozenset((b"cookie", b"set-cookie", b"range", b"date")),
    never_set_starts=(b"sec-", b"if-"),
    put_in_front=CGI_PREFIX,
)
# In responses, each cookie is for one client; `cors` and `rate_limits` own the fields that they
# write; and only the service knows what belongs in Vary.
_RESPONSE_FIELDS = _FieldKind(
    never=frozenset(
        b"connection keep-alive te trailer upgrade transfer-encoding content-length content-type"
        b" content-encoding content-range date via vary www-authenticate x-request-id"
        b" ratelimit ratelimit-policy".split()
    ),
    never_starts=(b"proxy-", b"sec-websocket-", b"access-control-"),
    never_set=frozenset((b"set-cookie", b"location", b"etag", b"last-modified", b"retry-after")),
    never_set_starts=(),
    put_in_front=b"",
)


def build_rewrites(
    named: Collection[Named[RouteModel]],
    routes: Collection[Route],
    identity: frozenset[bytes],
    faults: list[Fault],
) -> Mapping[str, Rewrite]:
    """Return the rewrites of the valid *routes* by name; most routes have none.

    *identity* has the aliases of the identity headers, which no rewrite may touch.
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
        faults.append(
            part.fault(Code.MISSING_KEY, "`rewrite` is empty: leave it out, or set something")
        )
    cut_segments, prefix = _prefix(model, route, part, faults)
    return Rewrite(
        cut_segments,
        prefix,
        _host(model.host, part.child("host"), faults),
        _field_edits(
            model.request_headers, _REQUEST_FIELDS, identity, part.child("request_headers"), faults
        ),
        _field_edits(
            model.answer_headers, _RESPONSE_FIELDS, identity, part.child("answer_headers"), faults
        ),
        _query(model.query, part.child("query"), faults),
    )


def _prefix(
    model: RewriteModel, route: Route, part: Part, faults: list[Fault]
) -> tuple[int, bytes]:
    replaced = model.replace_prefix
    if model.strip_prefix is not None:
        if replaced is not None:
            message = "`strip_prefix` and `replace_prefix` are mutually exclusive"
            faults.append(part.child("replace_prefix").key_fault(Code.CONFLICTING_KEYS, message))
        return _cut(model.strip_prefix, route, part.child("strip_prefix"), faults), b""
    if replaced is None:
        return 0, b""
    at = part.child("replace_prefix")
    cut_segments = _cut(replaced.from_, route, at.child("from"), faults)
    if replaced.to == "/":
        return cut_segments, b""
    problem = _prefix_problem(replaced.to)
    if problem is not None:
        faults.append(at.child("to").fault(Code.BAD_VALUE, problem))
        return 0, b""
    return cut_segments, replaced.to.encode()


def _cut(text: str, route: Route, part: Part, faults: list[Fault]) -> int:
    """Return the number of segments of *text*; every path of *route* must begin with them.

    So the rest of a matched path begins with a slash and consists of matched segments: the cut
    cannot create anything that was not there.
    """
    problem = _prefix_problem(text)
    segments = split_segments(text.encode(errors="replace"))
    literals = tuple(takewhile(lambda one: isinstance(one, str), route.segments))
    if problem is None and literals[: len(segments)] != segments:
        problem = (
            f"not every path of `{route.name}` begins with `{shorten(text)}`: `{route.path}` must"
            " begin with it, segment by segment"
        )
    if problem is not None:
        faults.append(part.fault(Code.BAD_VALUE, problem))
        return 0
    return len(segments)


def _prefix_problem(text: str) -> str | None:
    """Return why *text* is not a path prefix, by the rules for request paths, or None."""
    segments = split_segments(text.encode(errors="replace"))
    if isinstance(segments, str):
        return f"`{shorten(text)}`: {segments}"
    if not segments[-1]:
        return f"`{shorten(text)}`: write it without the trailing slash, e.g. /api"
    return None


def _host(text: str, part: Part, faults: list[Fault]) -> bytes | HostField:
    word = _HOST_WORDS.get(text)
    if word is not None:
        return word
    value = text.encode(errors="replace")
    if canonical_host(value) is None:
        message = (
            f"`{shorten(text)}` is not a host: write `keep`, `upstream`, or a name like"
            " a.example:8080"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))
    return value


def _field_edits(
    model: FieldEditsModel | None,
    kind: _FieldKind,
    identity: frozenset[bytes],
    part: Part,
    faults: list[Fault],
) -> FieldEdits:
    """Return the edits in *model*; the aliases in *identity* belong to the gateway."""
    if model is None:
        return NO_FIELDS
    if not model.model_fields_set:
        faults.append(part.fault(Code.MISSING_KEY, "`set` or `remove` is required"))
    owners: dict[bytes, str] = {}
    fields = model.set_ or {}
    for name, value in fields.items():
        at = part.child("set").child(name)
        problems = _name_problems(name, kind, identity, owners, is_set=True)
        faults.extend(at.key_fault(Code.BAD_VALUE, problem) for problem in problems)
        if not _VALUE.fullmatch(value):
            message = "not a header field value: use printable ASCII, without spaces at either end"
            faults.append(at.fault(Code.BAD_VALUE, message))
    for number, name in enumerate(model.remove or ()):
        at = part.child("remove").child(number)
        problems = _name_problems(name, kind, identity, owners, is_set=False)
        faults.extend(at.fault(Code.BAD_VALUE, problem) for problem in problems)
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    return FieldEdits(frozenset(owners), lines.encode("ascii", "replace"))


def _name_problems(
    name: str,
    kind: _FieldKind,
    identity: frozenset[bytes],
    owners: dict[bytes, str],
    *,
    is_set: bool,
) -> Iterator[str]:
    if not TOKEN.fullmatch(name):
        yield f"`{shorten(name)}` is not a header field name"
        return
    alias = canonical_alias(name.encode("ascii")).removeprefix(kind.put_in_front)
    # Responses may drop them: some services echo the fields that they receive.
    if alias in identity and (is_set or kind is _REQUEST_FIELDS):
        yield f"`{shorten(name)}` is an identity header: only `identity` can change it"
    elif alias in kind.never or alias.startswith(kind.never_starts):
        yield f"`{shorten(name)}` is reserved: the gateway sets it, or it frames the message"
    elif is_set and (alias in kind.never_set or alias.startswith(kind.never_set_starts)):
        yield f"`{shorten(name)}` can be removed but not set: its value differs for each message"
    owner = owners.setdefault(alias, name)
    if owner is not name:
        yield f"some services read `{shorten(name)}` and `{shorten(owner)}` as the same name"


def _query(model: QueryEditsModel | None, part: Part, faults: list[Fault]) -> QueryEdits:
    if model is None:
        return NO_QUERY
    if not model.model_fields_set:
        faults.append(part.fault(Code.MISSING_KEY, "`set` or `remove` is required"))
    parameters = model.set_ or {}
    for number, name in enumerate(model.remove or ()):
        if name in parameters:
            message = (
                f"`{shorten(name)}` is also in `set`, which removes all others of that name anyway"
            )
            at = part.child("remove").child(number)
            faults.append(at.fault(Code.CONFLICTING_KEYS, message))
    added = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in parameters.items())
    names = frozenset(
        name.encode(errors="replace") for name in (*parameters, *(model.remove or ()))
    )
    return QueryEdits(names, added.encode())


def _escape(text: str) -> str:
    return quote(text, safe="", errors="replace")
