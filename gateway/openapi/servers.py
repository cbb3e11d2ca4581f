"""Read the servers of a description: the hosts, and the base paths of its operations."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.decision.routes.host import canonical_host
from gateway.openapi.nodes import Node
from gateway.openapi.references import References
from gateway.openapi.templates import make_template
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_MOST_SERVERS = 50


@dataclass(frozen=True, slots=True)
class Servers:
    """Where operations are: *hosts* (empty if relative) and *bases* without a slash at the end."""

    hosts: tuple[str, ...] = ()
    bases: tuple[str, ...] = ("",)  # the default of OpenAPI: one server at `/`


def read_servers(node: Node, references: References) -> Servers | None:
    """Return the servers in the list *node*; None after a fault.

    A variable has its default value.
    """
    items = node.items
    if items is None or not items or len(items) > _MOST_SERVERS:
        message = f"expected a list of 1 to {_MOST_SERVERS} servers"
        references.refuse(node.place, Code.WRONG_TYPE, message)
        return None
    hosts: dict[str, None] = {}
    bases: dict[str, None] = {}
    for item in items:
        found = _read_server(item, references)
        if found is None:
            return None
        host, base = found
        bases[base] = None
        if host:
            hosts[host] = None
    return Servers(tuple(hosts), tuple(bases))


def _read_server(item: Node, references: References) -> tuple[str, str] | None:
    members = references.plain_table(item, "a server, e.g. `url: https://api.example.com/v1`")
    if members is None:
        return None
    url = item.child("url")
    text = None if url is None else url.text
    if url is None or text is None:
        references.refuse(item.place, Code.MISSING_KEY, "the key `url` is missing")
        return None
    filled = _fill(text, item)
    try:
        parts = None if filled is None else urlsplit(filled)
        authority = "" if parts is None else parts.netloc.rpartition("@")[2]
    except ValueError:
        parts, authority = None, ""
    path = "" if parts is None else f"/{parts.path.strip('/')}".rstrip("/")
    host = canonical_host(authority.encode("utf-8", "replace")) if authority else ""
    is_usable = not path or isinstance(make_template(path), str) is False
    if parts is None or parts.query or parts.fragment or host is None or not is_usable:
        message = f"`{shorten(text)}` is not the URL of a server, with its variables filled"
        references.refuse(url.place, Code.BAD_VALUE, message)
        return None
    return host, path


def _fill(text: str, server: Node) -> str | None:
    """Return *text* with the default of each variable; None if one has none."""
    variables = server.child("variables")
    filled = text
    for name in set(_VARIABLE.findall(text)):
        variable = None if variables is None else variables.child(name)
        default = None if variable is None else variable.child("default")
        value = None if default is None else default.text
        if value is None:
            return None
        filled = filled.replace(f"{{{name}}}", value)
    return None if "{" in filled or "}" in filled else filled
