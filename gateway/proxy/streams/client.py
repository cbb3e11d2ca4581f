"""Where a request came from, and its response goes, as its exchange sees it."""

from collections.abc import Callable
from typing import Protocol

from gateway.http.writing.request_head import Peer
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.pool import Pool


class Client(Protocol):
    """What a request came on: a connection, or one stream of a connection.

    An exchange writes its response in parts, and knows nothing of their framing: a client has the
    framing of its protocol, and decides whether its connection ends with the response. *fields*
    are lines, each with the line end before it. Content-Length is one of them if it is known,
    while Connection and Transfer-Encoding never are.
    """

    @property
    def peer(self) -> Peer:
        """Return the other end of the connection."""

    @property
    def bound(self) -> BoundConnections | None:
        """Return the connections to upstreams that are for it alone, if it logged in on one."""

    def bind(self, pool: Pool) -> BoundConnections:
        """Reserve connections of *pool* that serve this client for it alone from now on."""

    # --- the response

    def interim(self, status: int, fields: bytes) -> None:
        """Send an interim response, if the version of the request knows any (RFC 9110 §15.2)."""

    def begin(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send the head of the response, and *data*, which is what has come of its body.

        The body has *length* bytes; None if that is not known. A response to HEAD can have a
        length and no body.
        """

    def body(self, data: bytes) -> None:
        """Send a piece of the body, which is not empty."""

    def end(self, trailers: bytes = b"") -> None:
        """End the response, which is complete, with *trailers* if its framing has a place for them.

        They are lines like *fields*, and only there if the request says that the client reads them.
        """

    def whole(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send a response that has come whole, as ``begin`` and ``end`` would."""

    def end_early(self) -> None:
        """End a response before its upstream does; it looks complete only if it has no length."""

    def respond(
        self, status: int, fields: bytes, body: bytes, must_close: bool = False, more: bytes = b""
    ) -> None:
        """Send a whole response of the gateway's own; to HEAD, the *body* is empty.

        *must_close* says that nothing more can be read on the connection. *more* are fields that
        come last.
        """

    def cut(self) -> None:
        """Give up the response, so that no truncated one looks complete."""

    def takes_no_more(self) -> bool:
        """Return whether too much waits to be sent: the upstream has to wait."""

    def exchange_done(self, now: float) -> None:
        """Continue without the exchange, which is over; its response may be incomplete."""

    # --- the body of the request

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``: the other side cannot take more."""

    def resume_reading(self) -> None:
        """Resume reading."""

    # --- tunnels

    def begin_tunnel(self, tunnel: Tunnel, protocol: bytes, fields: bytes) -> None:
        """Switch to *protocol*, and pass all further bytes to *tunnel* as they are."""

    @property
    def write(self) -> Callable[[Piece], object]:
        """Return the function that sends bytes of a tunnel."""

    def end_writing(self) -> bool:
        """Half-close towards the client; return False if that is impossible."""
