"""What the two sides of an exchange are to each other, and to those around them."""

from typing import TYPE_CHECKING, Protocol

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import Outbox

if TYPE_CHECKING:  # it imports this
    from gateway.proxy.upstream.connection import ServerConnection


class Asker(Protocol):
    """Whoever asked: takes an answer in pieces."""

    is_head: bool
    out: list[bytes]  # pieces of the body, sent by the next `response_continued`

    @property
    def wants_upgrade(self) -> bool:
        """Return whether the request asks for another protocol (RFC 9110 §7.8)."""

    def interim_received(self, status: int, fields: bytes) -> None:
        """Take a 1xx answer other than 100 and 101."""

    def login_received(self) -> None:
        """Take that somebody logs in on the connection: it is nobody else's from now on."""

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Take the final head; each of its *fields* begins with the end of the line before.

        Where there is a body, a *length* of None means that it must be framed anew.
        """


class Sender(Protocol):
    """Whoever sends bytes to the server."""

    def server_blocked(self) -> None:
        """Take that the server reads more slowly than the client sends."""

    def server_ready(self) -> None:
        """Take that the server reads again."""


class Far(Sender, Protocol):
    """The far end of a tunnel."""

    def from_server(self, data: bytes) -> None:
        """Take bytes."""

    def server_ended(self) -> None:
        """Take that no more bytes will come."""

    def server_lost(self) -> None:
        """Take that the connection is gone."""


class Waiting(Asker, Sender, Protocol):
    """The exchange that waits for an answer."""

    sent_at: float  # when its request was sent, on the monotonic clock

    def request_complete(self) -> bool:
        """Return whether all of the request was sent."""

    def response_continued(self) -> None:
        """Send what was taken in so far."""

    def response_ended(self) -> None:
        """Take the end of the answer; the connection is no longer this exchange's."""

    def protocol_switched(self, protocol: bytes, lines: list[bytes], rest: bytes) -> Far | None:
        """Take a 101; return the tunnel to feed from now on, or None to give up.

        *lines* are its fields, flat: prefix, value, prefix, value; *rest* came behind them.
        """

    def is_repeatable(self) -> bool:
        """Return whether it can be sent again, although a service may have acted on it."""

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Take the failure; *unsent* says that no byte of the request can have been read.

        *stale* says that a connection that was kept ended, and that it is to be sent again.
        """

    def give_up(self) -> None:
        """End what an error of ours has ended."""


class Times(Protocol):
    """Whoever is told how long answers took."""

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Take that an answer began."""


class Observed(Protocol):
    """Whoever has them."""

    @property
    def times(self) -> Times:
        """Return who is told of each answer."""


class Home(Protocol):
    """The pool a connection belongs to."""

    @property
    def outbox(self) -> Outbox:
        """Return where what is to be sent waits."""

    @property
    def counts(self) -> Observed:
        """Return who is told of answers."""

    @property
    def body_seconds(self) -> float:
        """Return how long the server may take nothing."""

    @property
    def is_distrusted(self) -> bool:
        """Return whether the server once sent a body with an answer that has none."""

    @property
    def authority(self) -> str:
        """Return what a Host field would say."""

    def distrust(self) -> None:
        """Take that the server sent a body with an answer that has none."""

    def put(self, server: "ServerConnection") -> None:
        """Take back a connection that can serve again."""

    def forget(self, server: "ServerConnection") -> None:
        """Take that the connection is gone."""

    def fail(self, sent_at: float) -> None:
        """Take that a request came to nothing, and that this is the service's doing."""

    def abandon(self, sent_at: float) -> None:
        """Take that a request ended, and that this says nothing about the service."""
