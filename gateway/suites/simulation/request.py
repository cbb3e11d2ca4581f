"""Read a request as people write it: a method, a URL, and header fields."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.decision.routes.host import canonical_host

# RFC 9110 §5.6.2
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

_OF_CALLS = (("Content-Type", "application/grpc"), ("TE", "trailers"))

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A request that is decided but never sent.

    *authority* is the value of its Host field, *host* the same in canonical form, *target* is in
    origin form, *headers* are the fields besides Host and the persona's own, in order. If it
    *is_grpc*, it is a call of gRPC over HTTP/2.
    """

    method: str
    authority: str
    host: str
    target: bytes
    headers: Headers = ()
    is_grpc: bool = False

    @property
    def line(self) -> str:
        """Return the request line, for people."""
        return f"{self.method} {self.authority}{self.target.decode('ascii', 'backslashreplace')}"


def as_call(request: SimulatedRequest) -> SimulatedRequest:
    """Return *request* as a call of gRPC: a POST with the fields that every client sends."""
    known = {name.lower() for name, _ in request.headers}
    own = tuple(one for one in _OF_CALLS if one[0].lower() not in known)
    return replace(request, method="POST", headers=(*own, *request.headers), is_grpc=True)


class BadRequestError(ValueError):
    """The error in a request, in words for the person who wrote it."""


def parse_request(
    method: str, url: str, headers: Iterable[tuple[str, str]] = ()
) -> SimulatedRequest:
    """Return the request; raises BadRequestError.

    The path stays as written: nothing is encoded, decoded or shortened.
    """
    fields = tuple(headers)
    if not _TOKEN.fullmatch(method):
        raise BadRequestError("not a method: write it like GET")
    for name, value in fields:
        check_field(name, value)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise BadRequestError("a URL is plain ASCII without spaces: percent-encode the rest")
    scheme, separator, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or not separator:
        raise BadRequestError("not a URL: write it like https://api.example.com/orders/7")
    if "#" in url:
        raise BadRequestError("a fragment is never sent: leave out `#` and what follows")
    end = min(find for find in (rest.find("/"), rest.find("?"), len(rest)) if find >= 0)
    authority, target = rest[:end], rest[end:]
    host = canonical_host(authority.encode())
    if host is None:
        raise BadRequestError("the URL has no valid host")
    if not target.startswith("/"):
        target = f"/{target}"
    return SimulatedRequest(method, authority, host, target.encode(), fields)


def check_field(name: str, value: str) -> None:
    """Raise BadRequestError if a field could not be sent, or would change on the way."""
    if not _TOKEN.fullmatch(name):
        raise BadRequestError("not the name of a header field")
    if not value.replace("\t", "").isprintable():
        raise BadRequestError(f"the value of {name} has control characters")
