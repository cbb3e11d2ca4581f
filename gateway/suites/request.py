"""Read a request as people write it down: a method, a URL, and header fields."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.decision.host import canonical_host

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A request that nobody sends.

    *authority* is what a Host field would say, *host* the same in canonical form, *target* in
    origin form, *headers* the fields besides Host, in order.
    """

    method: str
    is_tls: bool
    authority: str
    host: str
    target: bytes
    headers: Headers = ()

    def credentials(self) -> tuple[bytes, ...]:
        """Return the values of its own Authorization fields."""
        return tuple(
            value.encode("latin-1", "replace")
            for name, value in self.headers
            if name.lower() == "authorization"
        )


class BadRequestError(ValueError):
    """What is wrong with a request, in words for the person who wrote it."""


def parse_request(method: str, url: str, headers: Iterable[tuple[str, str]] = ()) -> AskedRequest:
    """Return the request; raises BadRequestError.

    The path goes as it is written: nothing is encoded, decoded or shortened on its way.
    """
    if not url.isprintable() or " " in url:
        raise BadRequestError("a URL has no spaces and no control characters")
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
    return AskedRequest(
        method, scheme.lower() == "https", authority, host, target.encode(), tuple(headers)
    )
