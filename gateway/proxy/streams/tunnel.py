"""Pass bytes both ways between a client and a server that agreed on another protocol."""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from gateway.proxy.transport.write_buffer import LARGE_BYTES
from gateway.proxy.upstream.connection import ServerConnection

# How long either end may take to answer once it was told that this is over. A browser waits for
# its own Close frame to be answered about as long.
PATIENCE_SECONDS: Final = 5.0


class Near(Protocol):
    """The client's connection, at the near end."""

    @property
    def write(self) -> Callable[[bytes], object]:
        """Return what sends bytes to the client."""

    def end_writing(self) -> bool:
        """Send the end of the server's side; return False if that cannot be said."""

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Resume reading."""


class Owner(Protocol):
    """The exchange that became a tunnel."""

    def tunnel_over(self) -> None:
        """Take that both ends are done; what was written is still sent."""

    def tunnel_leaves(self, seconds: float) -> None:
        """Take that ``patience_ended`` is to be called after *seconds*."""


class Tunnel:
    """Two connections joined (RFC 9110 §7.8); over when both sides have ended.

    TLS has no half of a connection to close: there, one side's end is the end of both.

    *active_at* is when the last byte passed, either way.
    """

    __slots__ = (
        "_client",
        "_client_done",
        "_is_leaving",
        "_owner",
        "_server_done",
        "active_at",
        "from_client_bytes",
        "from_server_bytes",
        "server",
    )

    def __init__(self, owner: Owner, client: Near, server: ServerConnection) -> None:
        self._owner = owner
        self._client = client
        self.server = server
        self._client_done = False
        self._is_leaving = False
        self._server_done = False
        self.active_at = monotonic()
        self.from_client_bytes = 0
        self.from_server_bytes = 0

    def from_server(self, data: bytes) -> None:
        """Pass *data* to the client; behind the end that it was told, nothing more."""
        if self._is_leaving:
            return
        self.active_at = monotonic()
        self.from_server_bytes += len(data)
        self._client.write(data)
        if len(data) >= LARGE_BYTES:
            self.server.owner.write_buffer.flush()

    def from_client(self, data: bytes) -> None:
        """Pass *data* to the server; behind the end that it was told, nothing more."""
        if self._is_leaving:
            return
        self.active_at = monotonic()
        self.from_client_bytes += len(data)
        self.server.write(data)

    def server_ended(self) -> None:
        """Close the client's side behind the server's last byte."""
        self._server_done = True
        if not self._client.end_writing() or self._client_done:
            self._owner.tunnel_over()

    def client_ended(self) -> None:
        """Close the server's side behind the client's last byte."""
        self._client_done = True
        if not self.server.end_writing() or self._server_done:
            self._owner.tunnel_over()

    def server_lost(self) -> None:
        """End: there is no one left to talk to."""
        self._owner.tunnel_over()

    def token_ended(self, words: bytes) -> None:
        """End: what bytes mean here is not known, so there is nothing to say, not even *words*."""
        self._owner.tunnel_over()

    def leave(self, code: int, words: bytes) -> None:
        """Tell both ends that no more will come, and wait until they say so, too.

        Only that can be told where it is not known what bytes mean: no *code*, and no *words*.
        """
        if self._is_leaving:
            return
        both_told = self._client.end_writing() and self.server.end_writing()
        self._is_leaving = True
        if not both_told:
            self._owner.tunnel_over()
            return
        self._owner.tunnel_leaves(PATIENCE_SECONDS)
        # What comes is dropped, and waits for nobody.
        self._client.resume_reading()
        self.server.resume_reading()

    def patience_ended(self) -> None:
        """End, if that has not happened."""
        self._owner.tunnel_over()

    def server_blocked(self) -> None:
        """Slow down the client."""
        self._client.pause_reading()

    def server_ready(self) -> None:
        """Let the client go on."""
        self._client.resume_reading()
