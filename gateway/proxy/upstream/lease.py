"""What a request is sent on: a connection to a server, or one stream of a connection."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import WriteBuffer


class ResponseSink(Protocol):
    """The request whose response is read."""

    is_head: bool
    out: list[bytes]  # pieces of the body; the sink empties it

    @property
    def wants_upgrade(self) -> bool:
        """Return whether the request asks for another protocol (RFC 9110 §7.8)."""

    def interim_received(self, status: int, fields: bytes) -> None:
        """Take a 1xx response other than 100 and 101."""

    def login_received(self) -> None:
        """Stop sharing the connection: somebody logs in on it (NTLM, Negotiate)."""

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        r"""Take the final head; each of its *fields* begins with ``\r\n``.

        If there is a body whose *length* is None, it must be framed anew.
        """

    def trailers_received(self, fields: bytes) -> None:
        r"""Take the fields that came after the whole body; each begins with ``\r\n``."""


class Sender(Protocol):
    """The source of the bytes that are sent to the server."""

    def server_blocked(self) -> None:
        """Stop sending: the server reads more slowly than bytes come."""

    def server_ready(self) -> None:
        """Continue to send."""


class TunnelPeer(Sender, Protocol):
    """The tunnel that the connection has become, as its server side sees it."""

    def from_server(self, data: bytes) -> None:
        """Pass *data* on."""

    def server_ended(self) -> None:
        """Note that the server will send no more."""

    def server_lost(self) -> None:
        """Note that the connection is gone."""


class Requester(ResponseSink, Sender, Protocol):
    """The exchange, or the health check, that waits for a response."""

    sent_at: float  # when its request was sent, on the monotonic clock

    @property
    def sends_body(self) -> bool:
        """Return whether a body follows the head of the request; asked only over HTTP/2."""

    @property
    def takes_trailers(self) -> bool:
        """Return whether trailers of the response are passed on; asked only over HTTP/2."""

    def request_complete(self) -> bool:
        """Return whether the whole request was sent."""

    def response_continued(self) -> None:
        """Send on what has come of the response."""

    def response_ended(self) -> None:
        """Take the end of the response; the lease is over."""

    def protocol_switched(
        self, protocol: bytes, lines: list[bytes], rest: bytes
    ) -> TunnelPeer | None:
        """Take a 101; return the tunnel to feed from now on, or None to close the connection.

        *lines* are its fields, flat: prefix, value, prefix, value; *rest* came after them.
        """

    def is_repeatable(self) -> bool:
        """Return whether the request may be sent again although a server may have acted on it."""

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Take the failure; *unsent* says that the server cannot have read a byte of the request.

        *stale* says that a kept connection ended, so that the request should be sent again.
        """

    def give_up(self) -> None:
        """Fail after an unexpected error."""


class LeaseOwner(Protocol):
    """The pool that a lease comes from."""

    @property
    def write_buffer(self) -> WriteBuffer:
        """Return the buffer that collects what is to be sent."""

    @property
    def observe(self) -> Callable[[str, int, float], None]:
        """Return the function that counts a response: its method, status and seconds."""

    @property
    def body_seconds(self) -> float:
        """Return how long the server may read nothing."""

    @property
    def authority(self) -> str:
        """Return the value for a Host field."""

    def fail(self, sent_at: float) -> None:
        """Count a failed request, sent at *sent_at*, against the server."""

    def abandon(self, sent_at: float) -> None:
        """Note that a request ended, which says nothing about the server."""


class Lease(Protocol):
    """Carries one request and its response, from ``send`` to the end of the response.

    It is over when its requester gets ``response_ended`` or ``server_failed``, or calls ``close``.
    A connection of HTTP/1.1 is its own lease; of HTTP/2, each stream is one.
    """

    @property
    def owner(self) -> LeaseOwner:
        """Return the pool that it comes from."""

    @property
    def transport(self) -> asyncio.Transport:
        """Return the transport, which other leases may share."""

    @property
    def is_open(self) -> bool:
        """Return whether a request can be sent."""

    def send(self, requester: Requester, head: bytes, now: float, response_seconds: float) -> None:
        """Send the head of a request, in the form that HTTP/1.1 has; its body follows.

        The response must begin within *response_seconds* after the end of the request.
        """

    # --- the body of the request

    def expect_nothing(self) -> None:
        """Set no deadline: the client still sends its request."""

    def write(self, data: bytes) -> None:
        """Send a piece of a body whose length is known, or bytes of a tunnel."""

    def write_chunk(self, data: bytes) -> None:
        """Send a piece of a body whose length is not known."""

    def end_chunks(self, trailers: bytes) -> None:
        """End a body whose length is not known, with *trailers*: lines, each after its line end."""

    def expect_response(self) -> None:
        """Set a deadline for the response, or for the rest of it: the request is complete."""

    # --- the response

    def allow_pauses(self, seconds: float) -> None:
        """Allow pauses of *seconds* in the response that has begun."""

    def pause_reading(self) -> None:
        """Slow down the server until ``resume_reading``: the client cannot take more."""

    def resume_reading(self) -> None:
        """Let the server continue."""

    # --- endings

    def give_back(self) -> None:
        """Give it back unused: nothing was sent."""

    def close(self) -> None:
        """Leave the exchange; what is not yet sent is dropped."""

    def end_writing(self) -> bool:
        """Half-close a tunnel towards the server; return False if that is impossible."""

    def finish(self) -> None:
        """Leave a tunnel, and close after everything was sent."""
