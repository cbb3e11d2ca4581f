"""Take leave of both ends of a WebSocket: its token has ended, or the gateway shuts down."""

from secrets import token_bytes
from typing import Final, Protocol

from gateway.proxy.streams.tunnel import PATIENCE_SECONDS, Near, Owner, Tunnel
from gateway.proxy.streams.websocket_frames import Frames, close_frame
from gateway.proxy.upstream.connection import ServerConnection

# RFC 6455 §7.4.1: a policy was violated.
_POLICY_VIOLATION: Final = 1008


class Ending(Owner, Protocol):
    """The exchange, as a tunnel that ends by itself sees it."""

    def tunnel_cut(self) -> None:
        """Cut both connections."""


class _Way:
    """One direction: what passes, until a Close frame of ours is the last thing that did."""

    __slots__ = ("frames", "is_done", "is_told")

    def __init__(self, *, masked: bool) -> None:
        self.frames = Frames(masked=masked)
        self.is_told = False  # the receiver was told that nothing more will come
        self.is_done = False  # the sender's side of the connection has ended

    def has_answered(self) -> bool:
        """Return whether the sender took leave, too."""
        return self.is_done or self.frames.has_closed


class WebSocketTunnel(Tunnel):
    """A tunnel that follows the frames in it, so that it can put a Close frame between two."""

    __slots__ = ("_can_wait", "_code", "_down", "_ending", "_is_ending", "_up", "_words")

    def __init__(self, owner: Ending, client: Near, server: ServerConnection) -> None:
        super().__init__(owner, client, server)
        self._ending = owner
        self._is_ending = False
        self._can_wait = False  # for frames under way to end, however long that takes
        self._code = _POLICY_VIOLATION
        self._words = b""  # what is said to both ends
        self._down = _Way(masked=False)  # from the server to the client
        self._up = _Way(masked=True)

    def from_server(self, data: bytes) -> None:
        """Pass *data* to the client; after a Close frame of ours, nothing more."""
        if not self._is_ending:
            self._down.frames.follow(data)
            super().from_server(data)
            return
        at = 0
        if not self._down.is_told:
            at = self._down.frames.follow_one(data)
            super().from_server(data[:at])
        self._go_on(self._down, data[at:])

    def from_client(self, data: bytes) -> None:
        """Pass *data* to the server; after a Close frame of ours, nothing more."""
        if not self._is_ending:
            self._up.frames.follow(data)
            super().from_client(data)
            return
        at = 0
        if not self._up.is_told:
            at = self._up.frames.follow_one(data)
            super().from_client(data[:at])
        self._go_on(self._up, data[at:])

    # --- taking leave

    def token_ended(self, words: bytes) -> None:
        """Send Close frames where frames begin, and wait for theirs (RFC 6455 §7.1.2)."""
        self._can_wait = False
        self._ending.tunnel_leaves(PATIENCE_SECONDS)
        self._take_leave(_POLICY_VIOLATION, words)

    def leave(self, code: int, words: bytes) -> None:
        """Send Close frames with *code*, as ``token_ended`` does, but cut no frame under way."""
        if not self._is_ending:
            self._can_wait = True
            self._take_leave(code, words)

    def _take_leave(self, code: int, words: bytes) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._code = code
        self._words = words
        # What has ended takes no more bytes.
        self._down.is_done = self._down.is_told = self._server_done
        self._up.is_done = self._up.is_told = self._client_done
        self._settle()

    def patience_ended(self) -> None:
        """End: properly where the client was told, else by a cut."""
        if self._down.is_told:
            self._owner.tunnel_over()
        else:
            self._ending.tunnel_cut()

    def server_ended(self) -> None:
        """Take leave of the client, too; amid a frame of the server's that cannot be done."""
        if not self._is_ending:
            super().server_ended()
            return
        self._down.is_done = True
        if self._down.is_told:
            self._settle()
        else:
            self._ending.tunnel_cut()

    def client_ended(self) -> None:
        """Close the server's side behind the client's last byte."""
        if not self._is_ending:
            super().client_ended()
            return
        self._up.is_done = self._up.is_told = True
        self.server.end_writing()
        self._settle()

    def server_lost(self) -> None:
        """End, but wait for a client that was told."""
        if not self._is_ending or not self._down.is_told:
            super().server_lost()
            return
        self._down.is_done = self._up.is_told = True
        self._settle()

    def server_blocked(self) -> None:
        """Slow down the client, as long as what it sends is passed on."""
        if not self._up.is_told:
            super().server_blocked()

    def _go_on(self, way: _Way, dropped: bytes) -> None:
        """Look for a Close frame in what is not passed on, and act on what is known now."""
        self._tell(way)
        way.frames.follow(dropped)
        self._settle()

    def _settle(self) -> None:
        """Send the Close frames that can be sent, and end once both ends took leave."""
        down, up = self._down, self._up
        if down.frames.is_lost or up.frames.is_lost:
            self._ending.tunnel_cut()  # no place in the stream is known to be a frame's end
            return
        self._tell(down)
        self._tell(up)
        if self._can_wait and down.is_told and up.is_told:
            self._can_wait = False  # for their answers not
            self._ending.tunnel_leaves(PATIENCE_SECONDS)
        if down.is_told and up.has_answered():
            if down.has_answered():
                self._owner.tunnel_over()
            else:
                # RFC 6455 §7.1.1: of the two, the client waits for the connection to close.
                self._client.end_writing()

    def _tell(self, way: _Way) -> None:
        """Send a Close frame *way*, if it is time; after the sender's own it is not needed."""
        if way.is_told or not way.frames.is_between:
            return
        way.is_told = True
        own = not way.frames.has_closed
        if way is self._down:
            if own:
                self._client.write(close_frame(self._code, self._words))
            if not self._can_wait:
                self._ending.tunnel_leaves(PATIENCE_SECONDS)
            self.server.resume_reading()  # what comes is dropped, and waits for nobody
        else:
            if own:
                self.server.write(close_frame(self._code, self._words, token_bytes(4)))
            self._client.resume_reading()
