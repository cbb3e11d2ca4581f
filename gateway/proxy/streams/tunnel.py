"""Pass bytes both ways between a client and a server that agreed on another protocol."""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from gateway.proxy.transport.write_buffer import LARGE_BYTES
from gateway.proxy.upstream.lease import Lease

# How long either end may take to close after it was told to. A browser waits about as long for
# the answer to its own Close frame.
CLOSE_SECONDS: Final = 5.0


class TunnelClient(Protocol):
    """The client's connection."""

    @property
    def write(self) -> Callable[[bytes], object]:
        """Return the function that sends bytes to the client."""

    def end_writing(self) -> bool:
        """Half-close towards the client; return False if the connection cannot."""

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Resume reading."""


class TunnelOwner(Protocol):
    """The response that became a tunnel."""

    def tunnel_ended(self) -> None:
        """End: both sides have; what was written is still sent."""

    def set_close_timeout(self, seconds: float) -> None:
        """Call ``timed_out`` after *seconds*."""

    def cut_tunnel(self) -> None:
        """Cut both connections."""


class Tunnel:
    """Two connections joined (RFC 9110 §7.8); over when both sides have ended.

    TLS connections cannot be half-closed: there, the end of one side ends both. *active_at* is
    when the last byte passed, either way.
    """

    __slots__ = (
        "_client",
        "_client_done",
        "_is_draining",
        "_owner",
        "_server_done",
        "active_at",
        "from_client_bytes",
        "from_server_bytes",
        "server",
    )

    def __init__(self, owner: TunnelOwner, client: TunnelClient, server: Lease) -> None:
        self._owner = owner
        self._client = client
        self.server = server
        self._client_done = False
        self._is_draining = False
        self._server_done = False
        self.active_at = monotonic()
        self.from_client_bytes = 0
        self.from_server_bytes = 0

    def from_server(self, data: bytes) -> None:
        """Pass *data* to the client, unless that side was closed by ``drain``."""
        if self._is_draining:
            return
        self.active_at = monotonic()
        self.from_server_bytes += len(data)
        self._client.write(data)
        if len(data) >= LARGE_BYTES:
            self.server.owner.write_buffer.flush()

    def from_client(self, data: bytes) -> None:
        """Pass *data* to the server, unless that side was closed by ``drain``."""
        if self._is_draining:
            return
        self.active_at = monotonic()
        self.from_client_bytes += len(data)
        self.server.write(data)

    def server_ended(self) -> None:
        """Half-close towards the client after the server's last byte."""
        self._server_done = True
        if not self._client.end_writing() or self._client_done:
            self._owner.tunnel_ended()

    def client_ended(self) -> None:
        """Half-close towards the server after the client's last byte."""
        self._client_done = True
        if not self.server.end_writing() or self._server_done:
            self._owner.tunnel_ended()

    def server_lost(self) -> None:
        """End: the server's connection is gone."""
        self._owner.tunnel_ended()

    def token_ended(self, reason: bytes) -> None:
        """End; without knowing the protocol, there is no way to tell *reason*."""
        self._owner.tunnel_ended()

    def drain(self, code: int, reason: bytes) -> None:
        """Half-close both sides, and wait until they close too.

        Without knowing the protocol, there is no way to tell *code* and *reason*.
        """
        if self._is_draining:
            return
        both_closed = self._client.end_writing() and self.server.end_writing()
        self._is_draining = True
        if not both_closed:
            self._owner.tunnel_ended()
            return
        self._owner.set_close_timeout(CLOSE_SECONDS)
        # What still comes is dropped, so nothing slows it down.
        self._client.resume_reading()
        self.server.resume_reading()

    def timed_out(self) -> None:
        """End: a side did not close in time."""
        self._owner.tunnel_ended()

    def server_blocked(self) -> None:
        """Slow down the client."""
        self._client.pause_reading()

    def server_ready(self) -> None:
        """Let the client continue."""
        self._client.resume_reading()
