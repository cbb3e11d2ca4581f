"""Match a path with `%2F` or `;` if its route allows them, and no reading leads elsewhere.

Some services keep an encoded slash as a character, others decode it and see another path; some
keep `;v=1` as part of the segment, others cut it off. So a path passes only if no such reading
leads to what another route guards.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match, Question, Route, RouteTable
from gateway.decision.routes.segments import split_segments
from gateway.decision.verdict import Deny

# Placeholders for `%2F` and `%2f` in an otherwise decoded path. A checked path has no control
# characters of its own.
_UPPER: Final = "\x01"
_LOWER: Final = "\x02"

_parameters: Final = re.compile(";[^/]*")

# What services do to such a path, in any order.
_STEPS: Final[tuple[Callable[[str], str], ...]] = (
    # Equivalent (RFC 3986 §2.1), but some code replaces only one of them.
    lambda text: text.replace(_UPPER, "/"),
    lambda text: text.replace(_LOWER, "/"),
    lambda text: _parameters.sub("", text),  # Tomcat and its derivatives
    lambda text: text.partition(";")[0],  # CVE-2020-1957: Shiro cuts off the whole rest
    # Spring before 6 and many others: `/admin%2F` or `/admin/;` may become `/admin`.
    lambda text: text.rstrip("/") or "/",
)

_AMBIGUOUS: Final = Deny(
    Reason.PATH_REJECTED, "some services read the path as that of another route"
)


def find_odd(routes: RouteTable, question: Question, refusal: Deny) -> Match | Deny:
    """Return the match of a path that the strict rules refuse with *refusal*, if it has one.

    Its route must allow what is in it, and own all its readings that have an owner. A path known
    under other methods has an owner: a method is no protection if a service overrides it.
    """
    path, host, method = question
    decoded = path.replace(b"%2F", b"/").replace(b"%2f", b"/")
    has_slash, has_semicolon = len(decoded) != len(path), b";" in path
    if not has_slash and not has_semicolon:
        return refusal
    fault = _find_fault(decoded)
    if fault is not None:
        return Deny(Reason.PATH_REJECTED, fault)
    own, *others = _all_readings(_mark(path))
    match = routes.find(host, _split(own), method)
    if not isinstance(match, Match) or not _allows(match.route, has_slash, has_semicolon):
        return refusal
    variables = []
    for reading in others:
        other = routes.find(host, _split(reading), method)
        if isinstance(other, Match) and other.route is match.route:
            variables.append(other.variables)
        elif isinstance(other, Match) or other.methods:
            return _AMBIGUOUS
    if match.route.claims:  # they may compare variables
        match = match._replace(other_variables=tuple(variables))
    routes.remember(question, match)
    return match


def _find_fault(decoded: bytes) -> str | None:
    """Return the strict rule that some reading breaks, or None.

    With its slashes *decoded*, a path has the shortest segments of all readings: whole ones, here
    with a harmless character for `;`, and those before a `;`. If none of them is empty or a dot
    segment, no segment composed of them is.
    """
    for text in (decoded.replace(b";", b"="), re.sub(rb";[^/]*", b"", decoded)):
        answer = split_segments(text)
        if isinstance(answer, str):
            return answer
    return None


def _mark(path: bytes) -> str:
    """Decode *path*, with marks for encoded slashes."""
    marked = path.replace(b"%2F", _UPPER.encode()).replace(b"%2f", _LOWER.encode())
    return unquote_to_bytes(marked).decode()


def _all_readings(text: str) -> list[str]:
    """Return every path that a service may read in *text*, itself first, each once."""
    readings = [text]
    for reading in readings:  # it grows until no step leads to anything new
        for step in _STEPS:
            other = step(reading)
            if other not in readings:
                readings.append(other)
    return readings


def _allows(route: Route, has_slash: bool, has_semicolon: bool) -> bool:
    return (route.allow_encoded_slash or not has_slash) and (
        route.allow_semicolon or not has_semicolon
    )


def _split(reading: str) -> list[str]:
    parted = reading[1:].replace("/", "\0")
    return parted.replace(_UPPER, "/").replace(_LOWER, "/").split("\0")
