"""Read the identifier of a protected resource, and derive its metadata URL from it."""

import re
from dataclasses import dataclass

from gateway.decision.path import parse_path
from gateway.decision.routes.host import canonical_host
from gateway.decision.verdict import Deny
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import is_loopback

WELL_KNOWN = "/.well-known/oauth-protected-resource"

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^]/?#@]*\]|[^]\[:/?#@]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?"
)
_DEFAULT_PORTS = {"https": 443, "http": 80}
# Each challenge has it in one field, next to the scopes; most clients accept 8 KiB per field.
_MAX_CHARACTERS = 2048
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Identifier:
    """The URL of a protected resource, character by character what clients compare.

    *host* is canonical; its metadata is served there at *metadata_path*. *segments* are the
    decoded path prefix of its routes.
    """

    text: str
    host: str
    segments: tuple[str, ...]
    metadata_url: str
    metadata_path: bytes


def parse_identifier(text: str) -> Identifier | str:
    """Return the identifier in *text*, or what is wrong with it.

    Stricter than RFC 9728 §1.2: no query, since the query never selects a route here, and only
    in canonical form. So no part of it needs any quoting.
    """
    if len(text) > _MAX_CHARACTERS:
        return f"an identifier has at most {_MAX_CHARACTERS} characters"
    if "#" in text or "?" in text:
        return "an identifier must not have a query or a fragment"
    found = _URL.fullmatch(text)
    if found is None:
        return "not a URL: write it like https://api.example.com/orders"
    scheme, authority, path = found["scheme"], found["host"], found["path"] or ""
    problem = _host_problem(authority) or _port_problem(found["port"], scheme)
    if problem is not None:
        return problem
    if scheme == "http" and not is_loopback(authority.strip("[]")):
        return "tokens sent over plain http can be read in transit: use https"
    segments = _segments(path)
    if isinstance(segments, Deny):
        return segments.detail
    # RFC 9728 §3.1: inserted between host and path; the slash of a bare host is left out.
    metadata_path = WELL_KNOWN + ("" if path == "/" else path)
    origin = text.removesuffix(path)
    return Identifier(
        text, authority, segments, origin + metadata_path, metadata_path.encode("ascii")
    )


def _host_problem(authority: str) -> str | None:
    if "*" in authority:
        # Clients compare it with the URL that they asked for (RFC 9728 §3.3).
        return "an identifier cannot have a wildcard: write a resource for each host"
    canonical = canonical_host(authority.encode("utf-8", "replace"))
    if canonical is None:
        return "its host is not valid"
    if canonical != authority:
        return f"write its host in canonical form: {shorten(canonical)}"
    return None


def _port_problem(port: str | None, scheme: str) -> str | None:
    if port is None:
        return None
    if port.startswith("0") or int(port) > _MAX_PORT:
        return f"the port is not between 1 and {_MAX_PORT}"
    if int(port) == _DEFAULT_PORTS[scheme]:
        return "leave out the default port, as clients do"
    return None


def _segments(path: str) -> tuple[str, ...] | Deny:
    """Return the segments of *path* without the empty one of a trailing slash."""
    parsed = parse_path(path.encode() or b"/")
    if isinstance(parsed, Deny):
        return parsed
    return parsed.segments if parsed.segments[-1] else parsed.segments[:-1]
