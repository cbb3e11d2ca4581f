"""One call of gRPC: an exchange whose failures are statuses of gRPC, and that may last."""

import re
from time import monotonic, time
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.http.reading.grpc_request import NO_TIMEOUT, read_timeout, replace_timeout
from gateway.http.reading.request import Request
from gateway.http.writing.grpc_status import GrpcStatus, grpc_status_of, read_grpc_status
from gateway.http.writing.refusal import UNFRAMED, grpc_refusal_fields, grpc_refusal_trailers
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.exchange.response_stream import ResponseStream
from gateway.proxy.port import Port
from gateway.proxy.streams.client import Client
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR
from gateway.proxy.upstream.lease import Lease

# In a head that we wrote: one space after the colon.
_GRPC: Final = re.compile(rb"\r\ncontent-type: application/grpc(?=[+;\r]|\Z)", re.IGNORECASE)

_LATE: Final = Deny(Reason.DEADLINE_EXCEEDED, "grpc-timeout has passed")
_SILENT: Final = Deny(Reason.REQUEST_TIMEOUT, "nothing was sent either way for timeouts.tunnel")
_TOO_LONG: Final = Deny(Reason.UPSTREAM_TIMEOUT, "the total timeout has passed")
_DRAINING: Final = Deny(Reason.DRAINING, "the call was not over at the end of the drain")


class GrpcCall(Exchange):
    """A call of gRPC, unary or of any kind of stream, which only its two ends can tell apart.

    From the moment it is sent on, it ends with its token, as event streams do. Neither end has to
    send anything: a call is given up if both are silent for as long as a tunnel may be. Its first
    messages are kept, so that a call which no service has seen can be sent again.

    *grpc_status* is how it ended, as far as that is known. *ends_at* is the client's deadline, by
    the monotonic clock.
    """

    __slots__ = ("_active_at", "_moved_bytes", "_takes_trailers", "ends_at", "grpc_status")

    def __init__(self, port: Port, client: Client, request: Request) -> None:
        super().__init__(port, client, request)
        self.grpc_status: int | None = None
        # A client of gRPC reads trailers in any case: without them there is no status.
        request.fields.accepts_trailers = True
        self.ends_at = self.started_at + read_timeout(request.fields)
        self._takes_trailers = False
        self._active_at = self.started_at
        self._moved_bytes = 0

    # --- forwarding

    def _attach(self, server: Lease, allow: Allow) -> None:
        """Send the head with what is left of the time, and follow the token from now on."""
        if self.ends_at != NO_TIMEOUT:
            left = self.ends_at - monotonic()
            if left <= 0:
                server.give_back()
                self.fail(_LATE)
                return
            replace_timeout(self.request.fields, left)
        if self.upload is not None:
            self.upload.keep_sent()
        super()._attach(server, allow)
        if self.stream is None and not self.is_over:
            self.stream = stream = ResponseStream(self)
            stream.end_with_token()

    def lasts(self) -> bool:
        """Return False: a drain lets it end by itself for as long as possible."""
        return False

    # --- the response

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Take the final head, which has the status already if nothing follows.

        UNAVAILABLE there is what 503 is elsewhere, so it counts like one against the server.
        """
        if self.upload is not None:
            self.upload.forget_sent()
        self.grpc_status = found = read_grpc_status(fields)
        is_unavailable = status == 200 and found == GrpcStatus.UNAVAILABLE
        super().head_received(503 if is_unavailable else status, fields, length, has_body)
        self.status = status
        self._takes_trailers = length is None and _GRPC.search(fields) is not None

    def trailers_received(self, fields: bytes) -> None:
        """Take the trailers, of which the status is one."""
        super().trailers_received(fields)
        self.grpc_status = read_grpc_status(fields)

    def _begin_pieces(self, fields: bytes) -> None:
        """Prepare for a response that may be a stream: no limit on requests in flight holds it."""
        super()._begin_pieces(fields)
        self._release_slots()

    # --- failures

    def refuse(self, deny: Deny) -> None:
        """Respond with the refusal *deny*, in one head."""
        self.deny = deny
        reason = deny.reason
        self.status = reason.status
        self.grpc_status = grpc_status_of(reason)
        fields = grpc_refusal_fields(deny, self.id, time())
        self.client.respond(200, fields, b"", reason in UNFRAMED, self._own_fields(deny))
        self._end()

    def refuse_with_login(self, deny: Deny, login_url: str) -> None:
        """Respond with the refusal *deny*: nobody logs in by a call."""
        self.refuse(deny)

    def fail(self, deny: Deny) -> None:
        """End with the status of *deny*, if the response has a place for one, or else cut it.

        A status other than OK says that the call failed, also behind a part of a message: no
        truncated response looks complete.
        """
        if self.is_over:
            return
        self._leave_server()
        if not self._is_responding:
            self.refuse(deny)
            return
        self.deny = deny
        self.grpc_status = grpc_status_of(deny.reason)
        if self._takes_trailers:
            self._flush()
            self.client.end(grpc_refusal_trailers(deny))
        else:
            self.client.cut()
        self._end()

    def end_early(self) -> None:
        """End before the upstream does: whoever calls this has said why in *deny*."""
        self.fail(self.deny or INTERNAL_ERROR)

    def client_lost(self) -> None:
        """End: the client has cancelled the call, or is gone."""
        if not self.is_over:
            self.grpc_status = GrpcStatus.CANCELLED
        super().client_lost()

    # --- timeouts

    def check(self, now: float) -> None:
        """Give up what takes too long.

        There is no minimum rate, and no limit on the whole: a stream lasts as long as its ends
        like, and may be silent like a tunnel. Only once the client has sent all, and nothing has
        come of the response, it is as in any other exchange.
        """
        if now >= self.ends_at:
            self.fail(_LATE)
            return
        upload = self.upload
        moved = self.sent_bytes + (0 if upload is None else upload.received_bytes)
        if moved != self._moved_bytes:
            self._moved_bytes, self._active_at = moved, now
        elif self._active_at + self.port.timeouts.tunnel_seconds < now:
            self.fail(_SILENT)
            return
        if self._is_responding or not self.request_complete():
            return
        since = self.started_at if upload is None else upload.sent_at or self.started_at
        if since + self.total_seconds() < now:
            self.fail(_TOO_LONG)

    def end_now(self) -> None:
        """End now: the time for draining is over."""
        self.fail(_DRAINING)
