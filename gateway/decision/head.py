"""The parts of a request head that the decision reads."""

from typing import Final, NamedTuple

from gateway.decision.token import SignedToken


class RequestHead(NamedTuple):
    """A request head. A NamedTuple because one is made for every request.

    *host* is canonical (see ``host.canonical_host``): lower case, without port and trailing dot.
    *target* is the request target in origin form, as received, query included. *authorization*
    has the value of every Authorization field, in order. *known* may hold an earlier result of
    ``authenticate`` for these values; it is used only if the result would be the same now.

    Once NeedCredentials has asked for them, *authorization* has the first token from wherever the
    route says, and *also* the second one: both as if they had been sent in Authorization.
    """

    method: str
    host: str
    target: bytes
    authorization: tuple[bytes, ...]
    known: SignedToken | None = None
    also: tuple[bytes, ...] | None = None

    def __repr__(self) -> str:
        """Show everything but the credentials."""
        return f"RequestHead({self.method!r}, {self.host!r}, {self.target!r})"


class SessionCredential(NamedTuple):
    """The access token of a session that was begun with *login*, as a value of Authorization.

    *authorization* and *known* are as in ``RequestHead``. *login* is empty without a session.
    """

    login: str
    authorization: tuple[bytes, ...]
    known: SignedToken | None = None

    def __repr__(self) -> str:
        """Show everything but the token."""
        return f"SessionCredential({self.login!r})"


NO_SESSION: Final = SessionCredential("", ())
