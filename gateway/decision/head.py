"""The head of a request, as far as the decision reads it."""

from typing import NamedTuple


class RequestHead(NamedTuple):
    """What the wire said. A NamedTuple because one is made for every request.

    *host* is canonical (see ``host.canonical_host``): lower case, without port and trailing
    dot. *target* is the request target in origin form, bytes as received, query included.
    *authorization* holds the value of every Authorization field, in order.
    """

    method: str
    host: str
    target: bytes
    authorization: tuple[bytes, ...]

    def __repr__(self) -> str:
        """Show all but the credentials."""
        return f"RequestHead({self.method!r}, {self.host!r}, {self.target!r})"
