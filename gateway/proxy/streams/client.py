"""The connection of a client, as the exchanges on it see it."""

from collections.abc import Callable
from typing import Protocol

from gateway.http.writing.request_head import Peer
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.pool import Pool


class Client(Protocol):
    """The connection that a request came on."""

    peer: Peer
    bound: BoundConnections | None  # to upstreams, if the client logged in on one

    @property
    def write(self) -> Callable[[Piece], object]:
        """Return the function that sends bytes to the client."""

    def bind(self, pool: Pool) -> BoundConnections:
        """Reserve connections of *pool* that serve this client for it alone from now on."""

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk."""

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``: the other side cannot take more."""

    def resume_reading(self) -> None:
        """Resume reading."""

    def has_more(self) -> bool:
        """Return whether bytes have arrived that are no part of the current request."""

    def exchange_done(self, close: bool, now: float) -> None:
        """Continue with the next request, or *close* the connection after this response."""

    def takes_no_more(self) -> bool:
        """Return whether too much waits to be sent: the upstream has to wait."""

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass all further bytes to *tunnel* as they are."""

    def end_writing(self) -> bool:
        """Half-close towards the client; return False if the connection cannot."""

    def abort(self) -> None:
        """Reset the connection, so that no truncated response looks complete."""
