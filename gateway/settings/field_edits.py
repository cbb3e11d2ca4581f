"""Build which header fields a route sets and removes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.decision.identity import CGI_PREFIX, canonical_alias
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.identity import RESERVED
from gateway.settings.rewrite_models import FieldEditsModel
from gateway.settings.rewrite_values import NO_FIELDS, FieldEdits
from gateway.settings.scalars import shorten
from gateway.settings.types import TOKEN

# RFC 9110 §5.5, without what only obsolete texts have: visible ASCII, with spaces and tabs within.
_VALUE = re.compile(r"[!-~](?:[\t -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class FieldKind:
    """The names that may not be touched: *never*, or *never_set* (they may be removed).

    A name is the same one with what some services *put_in_front* of it.
    """

    never: frozenset[bytes]
    never_starts: tuple[bytes, ...]
    never_set: frozenset[bytes]
    never_set_starts: tuple[bytes, ...]
    put_in_front: bytes


# Whatever frames the message, names the host, carries the credential, or is written by the
# gateway itself. A cookie, a range or a condition is a client's own: it can be left out, but
# nobody can say it for everybody.
REQUEST_FIELDS = FieldKind(
    never=(RESERVED - {b"cookie", b"set-cookie", b"range", b"date"}) | {b"http2-settings"},
    never_starts=(
        *(b"content-", b"proxy-", b"x-forwarded-", b"sec-websocket-"),
        # What some services take for the path or the method that was asked for.
        *(b"x-original-", b"x-rewrite-", b"x-http-method", b"x-method-override"),
    ),
    never_set=frozenset((b"cookie", b"set-cookie", b"range", b"date")),
    never_set_starts=(b"sec-", b"if-"),
    put_in_front=CGI_PREFIX,
)
# Of answers the service's cookies are for one client each; what `cors` and `rate_limits` write
# has one owner; and Vary says to caches what the service knows.
ANSWER_FIELDS = FieldKind(
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


def build_field_edits(
    model: FieldEditsModel | None,
    kind: FieldKind,
    identity: frozenset[bytes],
    part: Part,
    faults: list[Fault],
) -> FieldEdits:
    """Return what *model* says; *identity* are aliases that belong to the gateway."""
    if model is None:
        return NO_FIELDS
    if not model.model_fields_set:
        faults.append(part.fault(Code.MISSING_KEY, "one of `set` and `remove` is missing"))
    owners: dict[bytes, str] = {}
    fields = model.set_ or {}
    for name, value in fields.items():
        at = part.child("set").child(name)
        problems = _name_problems(name, kind, identity, owners, is_set=True)
        faults.extend(at.key_fault(Code.BAD_VALUE, problem) for problem in problems)
        if not _VALUE.fullmatch(value):
            message = "this is no value of a header field: printable ASCII, no space at its ends"
            faults.append(at.fault(Code.BAD_VALUE, message))
    for number, name in enumerate(model.remove or ()):
        at = part.child("remove").child(number)
        problems = _name_problems(name, kind, identity, owners, is_set=False)
        faults.extend(at.fault(Code.BAD_VALUE, problem) for problem in problems)
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    return FieldEdits(frozenset(owners), lines.encode("ascii", "replace"))


def _name_problems(
    name: str,
    kind: FieldKind,
    identity: frozenset[bytes],
    owners: dict[bytes, str],
    *,
    is_set: bool,
) -> Iterator[str]:
    if not TOKEN.fullmatch(name):
        yield f"`{shorten(name)}` is not the name of a header field"
        return
    alias = canonical_alias(name.encode("ascii")).removeprefix(kind.put_in_front)
    # A service that shows what it got may be kept from it: of an answer they can be removed.
    if alias in identity and (is_set or kind is REQUEST_FIELDS):
        yield f"`{shorten(name)}` says who is calling: only `identity` has a say in it"
    elif alias in kind.never or alias.startswith(kind.never_starts):
        yield f"`{shorten(name)}` is the gateway's own affair, or the message's"
    elif is_set and (alias in kind.never_set or alias.startswith(kind.never_set_starts)):
        yield f"`{shorten(name)}` can be removed, but not set: it is another one each time"
    owner = owners.setdefault(alias, name)
    if owner is not name:
        yield f"`{shorten(name)}` and `{shorten(owner)}` are one name to some services"
