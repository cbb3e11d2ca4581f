"""Close a WebSocket properly at both ends: its token has ended, or the gateway shuts down."""

from secrets import token_bytes
from typing import Final

from gateway.proxy.streams.tunnel import CLOSE_SECONDS, Tunnel, TunnelClient, TunnelOwner
from gateway.proxy.streams.websocket_frames import FrameTracker, close_frame
from gateway.proxy.upstream.lease import Lease

# RFC 6455 §7.4.1: a policy was violated.
_POLICY_VIOLATION: Final = 1008


class _Direction:
    """One direction: what passes, until our Close frame is the last thing that did."""

    __slots__ = ("frames", "is_closed", "is_done")

    def __init__(self, *, masked: bool) -> None:
        self.frames = FrameTracker(masked=masked)
        self.is_closed = False  # the receiver was told that nothing more will come
        self.is_done = False  # the sender's side of the connection has ended

    def has_answered(self) -> bool:
        """Return whether the sender has closed, too."""
        return self.is_done or self.frames.has_closed


class WebSocketTunnel(Tunnel):
    """A tunnel that follows the frames in it, so that it can put a Close frame between two."""

    __slots__ = ("_can_wait", "_code", "_down", "_is_ending", "_reason", "_up")

    def __init__(self, owner: TunnelOwner, client: TunnelClient, server: Lease) -> None:
        super().__init__(owner, client, server)
        self._is_ending = False
        self._can_wait = False  # for the frames in transit to end, however long that takes
        self._code = _POLICY_VIOLATION  # of our Close frames, as is the reason
        self._reason = b""
        self._down = _Direction(masked=False)  # from the server to the client
        self._up = _Direction(masked=True)

    def from_server(self, data: bytes) -> None:
        """Pass *data* to the client; after our Close frame, nothing more."""
        if not self._is_ending:
            self._down.frames.follow(data)
            super().from_server(data)
            return
        at = 0
        if not self._down.is_closed:
            at = self._down.frames.follow_one(data)
            super().from_server(data[:at])
        self._continue_ending(self._down, data[at:])

    def from_client(self, data: bytes) -> None:
        """Pass *data* to the server; after our Close frame, nothing more."""
        if not self._is_ending:
            self._up.frames.follow(data)
            super().from_client(data)
            return
        at = 0
        if not self._up.is_closed:
            at = self._up.frames.follow_one(data)
            super().from_client(data[:at])
        self._continue_ending(self._up, data[at:])

    # --- closing

    def token_ended(self, reason: bytes) -> None:
        """Send Close frames where frames begin, and wait for the answers (RFC 6455 §7.1.2)."""
        self._can_wait = False
        self._owner.set_close_timeout(CLOSE_SECONDS)
        self._begin_ending(_POLICY_VIOLATION, reason)

    def drain(self, code: int, reason: bytes) -> None:
        """Send Close frames with *code*, as ``token_ended`` does, but cut no frame in transit."""
        if not self._is_ending:
            self._can_wait = True
            self._begin_ending(code, reason)

    def _begin_ending(self, code: int, reason: bytes) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._code = code
        self._reason = reason
        # A side that has ended takes no more bytes.
        self._down.is_done = self._down.is_closed = self._server_done
        self._up.is_done = self._up.is_closed = self._client_done
        self._settle()

    def timed_out(self) -> None:
        """End: properly if the client got a Close frame, otherwise by a cut."""
        if self._down.is_closed:
            self._owner.tunnel_ended()
        else:
            self._owner.cut_tunnel()

    def server_ended(self) -> None:
        """Close towards the client, too; in the middle of a frame of the server's, cut."""
        if not self._is_ending:
            super().server_ended()
            return
        self._down.is_done = True
        if self._down.is_closed:
            self._settle()
        else:
            self._owner.cut_tunnel()

    def client_ended(self) -> None:
        """Half-close towards the server after the client's last byte."""
        if not self._is_ending:
            super().client_ended()
            return
        self._up.is_done = self._up.is_closed = True
        self.server.end_writing()
        self._settle()

    def server_lost(self) -> None:
        """End, but wait for a client that got a Close frame."""
        if not self._is_ending or not self._down.is_closed:
            super().server_lost()
            return
        self._down.is_done = self._up.is_closed = True
        self._settle()

    def server_blocked(self) -> None:
        """Slow down the client, as long as what it sends is passed on."""
        if not self._up.is_closed:
            super().server_blocked()

    def _continue_ending(self, direction: _Direction, dropped: bytes) -> None:
        """Look for a Close frame in what is not passed on, and act on what is known now."""
        self._close(direction)
        direction.frames.follow(dropped)
        self._settle()

    def _settle(self) -> None:
        """Send the Close frames that can be sent, and end once both ends have closed."""
        down, up = self._down, self._up
        if down.frames.is_lost or up.frames.is_lost:
            self._owner.cut_tunnel()  # no place in the stream is known to be a frame's end
            return
        self._close(down)
        self._close(up)
        if self._can_wait and down.is_closed and up.is_closed:
            self._can_wait = False  # the answers have a timeout
            self._owner.set_close_timeout(CLOSE_SECONDS)
        if down.is_closed and up.has_answered():
            if down.has_answered():
                self._owner.tunnel_ended()
            else:
                # RFC 6455 §7.1.1: the client waits for the server to close the connection.
                self._client.end_writing()

    def _close(self, direction: _Direction) -> None:
        """Send a Close frame if one may begin here; after the sender's own none is needed."""
        if direction.is_closed or not direction.frames.is_between:
            return
        direction.is_closed = True
        own = not direction.frames.has_closed
        if direction is self._down:
            if own:
                self._client.write(close_frame(self._code, self._reason))
            if not self._can_wait:
                self._owner.set_close_timeout(CLOSE_SECONDS)
            self.server.resume_reading()  # what still comes is dropped, so nothing slows it down
        else:
            if own:
                self.server.write(close_frame(self._code, self._reason, token_bytes(4)))
            self._client.resume_reading()
