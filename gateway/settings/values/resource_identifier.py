"""Read the identifier of a protected resource, which says where its metadata belongs."""

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
# Each challenge has it in one field, beside the scopes; clients mostly take 8 KiB of a field.
_MAX_CHARACTERS = 2048
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Identifier:
    """The URL of a protected resource, character by character what clients compare.

    *host* is canonical, and *metadata_path* the path of a request for its metadata there.
    *segments* are what the path of each of its routes begins with, decoded.
    """

    text: str
    host: str
    segments: tuple[str, ...]
    metadata_url: str
    metadata_path: bytes


def parse_identifier(text: str) -> Identifier | str:
    """Return the identifier that *text* is, or what is wrong with it.

    Stricter than RFC 9728 §1.2: without query, since the query never chooses a route here, and
    in the one spelling in which requests are compared. So no part of it needs any quoting.
    """
    if len(text) > _MAX_CHARACTERS:
        return f"an identifier has at most {_MAX_CHARACTERS} characters"
    if "#" in text or "?" in text:
        return "an identifier has no query and no fragment"
    found = _URL.fullmatch(text)
    if found is None:
        return "not a URL: write it like https://api.example.com/orders"
    scheme, authority, path = found["scheme"], found["host"], found["path"] or ""
    problem = _host_problem(authority) or _port_problem(found["port"], scheme)
    if problem is not None:
        return problem
    if scheme == "http" and not is_loopback(authority.strip("[]")):
        return "tokens for plain http can be read on the way: use https"
    segments = _segments(path)
    if isinstance(segments, Deny):
        return segments.detail
    # RFC 9728 §3.1: between host and path; the slash of a bare host is left out.
    metadata_path = WELL_KNOWN + ("" if path == "/" else path)
    origin = text.removesuffix(path)
    return Identifier(
        text, authority, segments, origin + metadata_path, metadata_path.encode("ascii")
    )


def _host_problem(authority: str) -> str | None:
    if "*" in authority:
        # Clients compare it with the URL that they asked for (RFC 9728 §3.3).
        return "an identifier has one host, no wildcard: give each host a resource of its own"
    canonical = canonical_host(authority.encode("utf-8", "replace"))
    if canonical is None:
        return "what stands for its host is not one"
    if canonical != authority:
        return f"write its host as requests are compared: {shorten(canonical)}"
    return None


def _port_problem(port: str | None, scheme: str) -> str | None:
    if port is None:
        return None
    if port.startswith("0") or int(port) > _MAX_PORT:
        return f"the port is not between 1 and {_MAX_PORT}"
    if int(port) == _DEFAULT_PORTS[scheme]:
        return "leave its port out, as clients do: it is the default one"
    return None


def _segments(path: str) -> tuple[str, ...] | Deny:
    """Return the segments of *path* without the empty one that a slash at its end makes."""
    parsed = parse_path(path.encode() or b"/")
    if isinstance(parsed, Deny):
        return parsed
    return parsed.segments if parsed.segments[-1] else parsed.segments[:-1]
