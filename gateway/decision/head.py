"""The head of a request, as far as the decision reads it."""

from typing import NamedTuple

from gateway.decision.token import SignedToken


class RequestHead(NamedTuple):
    """What the wire said. A NamedTuple because one is made for every request.

    *host* is canonical (see ``host.canonical_host``): lower case, without port and trailing
    dot. *target* is the request target in origin form, bytes as received, query included.
    *authorization* holds the value of every Authorization field, in order. *known* may hold
    what ``authenticate`` made of these very values before; it is used only where it would
    say the same now.
    """

    method: str
    host: str
    target: bytes
    authorization: tuple[bytes, ...]
    known: SignedToken | None = None

    def __repr__(self) -> str:
        """Show all but the credentials."""
        return f"RequestHead({self.method!r}, {self.host!r}, {self.target!r})"
