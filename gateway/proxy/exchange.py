"""One request and its answer: decide, forward, pass the answer on, write it down."""

from time import monotonic
from typing import Final, Protocol

from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys
from gateway.proxy.forwarding import appended, is_trusted, replaced
from gateway.proxy.pool import Pool, Unreachable
from gateway.proxy.port import Port
from gateway.proxy.record import record
from gateway.proxy.refusal import render_refusal
from gateway.proxy.request import Request
from gateway.proxy.request_head import render_request_head
from gateway.proxy.server import ServerConnection

# Body bytes that may wait for a decision or a connection before the client is slowed down.
_MAX_PENDING_BYTES: Final = 64 * 1024

# Requests whose framing was not understood, or that never ended: what follows them on the
# connection could be anything (RFC 9112 §6.3, §9.3).
_UNFRAMED: Final = frozenset(
    (
        Reason.REQUEST_MALFORMED,
        Reason.REQUEST_TIMEOUT,
        Reason.BODY_TOO_LARGE,
        Reason.TARGET_TOO_LONG,
        Reason.HEADERS_TOO_LARGE,
        Reason.DRAINING,
    )
)

# How the access log calls a request whose client went away before the end of the answer.
CLIENT_GONE: Final = 499


class Client(Protocol):
    """The connection a request came on."""

    peer: str

    def write(self, data: bytes) -> None:
        """Send *data* to the client."""

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk."""

    def hold(self) -> None:
        """Read no more until ``go_on``: the other side cannot take it."""

    def go_on(self) -> None:
        """Read again."""

    def exchange_done(self, exchange: "Exchange", *, close: bool) -> None:
        """Take that the answer is out; *close* says that the connection ends with it."""

    def begin_tunnel(self) -> None:
        """Pass on all further bytes as they are."""

    def close_write(self) -> None:
        """Send the end of the tunnel's server side."""

    def abort(self) -> None:
        """Cut the connection, so that no truncated answer looks complete."""


class Exchange:
    """One request on its way through; made when its head is complete.

    Not slotted: like Request, most of what follows is rarely set.
    """

    allow: Allow | None = None
    deny: Deny | None = None
    server: ServerConnection | None = None
    status = 0
    request_complete = False
    is_over = False
    received_bytes = 0
    sent_bytes = 0
    pending_bytes = 0
    sent_at = 0.0
    upstream_seconds: float | None = None
    is_tunnel = False
    _resent = False
    _chunked_out = False
    _close = False
    _head = b""
    _answer_started = False
    _body_forwarded = False
    _tunnel_ends = 0

    def __init__(self, port: Port, client: Client, request: Request) -> None:
        self.port = port
        self.client = client
        self.peer = client.peer
        self.request = request
        self.is_head = request.method == "HEAD"
        self.wants_upgrade = request.wants_upgrade
        self.pending: list[bytes] = []
        self.out: list[bytes] = []
        self.started_at = monotonic()
        self.id = port.next_request_id()
        port.metrics.requests_in_flight += 1

    # --- deciding

    def begin(self) -> None:
        """Decide, and act on the verdict."""
        request = self.request
        port = self.port
        request.check(port.limits.target_bytes)
        host = port.hosts[request.host]
        if host is None:
            request.find(Reason.REQUEST_MALFORMED, "the Host field is not a host")
        if request.fault is not None or host is None:
            self.refuse(request.fault or Deny(Reason.REQUEST_MALFORMED, "no host"))
            return
        request.canonical_host = host
        if request.via and port.pseudonym in request.via:
            self.refuse(Deny(Reason.REQUEST_MALFORMED, "the request came through here before"))
            return
        head = RequestHead(request.method, host, request.target, request.authorization)
        verdict = port.admission.decide(head)
        if verdict.__class__ is NeedKeys:
            port.spawn(self._begin_with_keys(head, verdict))
        else:
            self._act(verdict)  # type: ignore[arg-type]  # NeedKeys was ruled out, cheaply

    async def _begin_with_keys(self, head: RequestHead, need: NeedKeys) -> None:
        verdict = await self.port.admission.decide_with_keys(head, need)
        if not self.is_over:
            self._act(verdict)

    def _act(self, verdict: Allow | Deny) -> None:
        if verdict.__class__ is Deny:
            self.refuse(verdict)
            return
        self._forward(verdict)  # type: ignore[arg-type]  # Deny was ruled out

    def _forward(self, allow: Allow) -> None:
        self.allow = allow
        request = self.request
        limit = self.port.limits.body_bytes
        if limit is not None and (request.content_length or 0) > limit:
            self.refuse(Deny(Reason.BODY_TOO_LARGE, "Content-Length over the limit"))
            return
        if request.wants_upgrade:
            protocol = request.upgrade.decode("ascii").lower()
            if protocol not in allow.route.upgrades:
                self.refuse(Deny(Reason.NOT_SUPPORTED, "the route does not allow this upgrade"))
                return
        pool = self.port.routes[allow.route.index].pool
        server = pool.take()
        if server is None:
            self.port.spawn(self._connect(pool))
        else:
            self._attach(server, allow)

    async def _connect(self, pool: Pool) -> None:
        try:
            server = await pool.connect()
        except Unreachable:
            if not self.is_over:
                self.refuse(Deny(Reason.UPSTREAM_UNREACHABLE, "no server could be connected to"))
            return
        if self.is_over or self.allow is None:
            server.home.put(server)
            return
        self._attach(server, self.allow)

    def _attach(self, server: ServerConnection, allow: Allow) -> None:
        """Send the head, and what has come of the body."""
        self.server = server
        self.sent_at = now = monotonic()
        server.send(self, self._render_head(allow), now)
        request = self.request
        if request.content_length or request.is_chunked:
            if request.expects_continue and not self.received_bytes and not self.request_complete:
                self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.flush_body()
            self.client.go_on()

    def _render_head(self, allow: Allow) -> bytes:
        request = self.request
        port = self.port
        peer = self.peer
        if request.incoming is not None and is_trusted(peer, port.trusted_proxies):
            forwarding = appended(peer, port.proto, request.host, request.incoming)
        else:
            forwarding = replaced(peer, port.proto, request.host)
        return render_request_head(
            request,
            allow,
            self.id,
            forwarding,
            port.via,
            keep_authorization=bool(request.authorization) and self._keeps_authorization(allow),
        )

    def _keeps_authorization(self, allow: Allow) -> bool:
        """Return whether the service gets the Authorization field.

        A bearer token stays here unless the configuration asks for it. On a public route
        other schemes are the service's own affair (a token endpoint's client secret, say).
        """
        values = self.request.authorization
        if len(values) != 1:
            return False
        if self.port.forward_token:
            return True
        return allow.route.public and values[0][:6].lower() != b"bearer"

    # --- the request body, from the client

    def body(self, data: bytes) -> None:
        """Take a piece of the body; it is sent by the next ``flush_body``."""
        if self.is_over:
            return
        self.received_bytes += len(data)
        limit = self.port.limits.body_bytes
        if limit is not None and self.received_bytes > limit:
            self.fail(Deny(Reason.BODY_TOO_LARGE, "the body is over the limit"))
            return
        self.pending.append(data)
        self.pending_bytes += len(data)

    def flush_body(self) -> None:
        """Send what has come of the body, and its end if it has ended."""
        server = self.server
        if server is None:
            if self.pending_bytes > _MAX_PENDING_BYTES:
                self.client.hold()
            return
        if self.pending:
            data = self.pending[0] if len(self.pending) == 1 else b"".join(self.pending)
            self.pending.clear()
            self.pending_bytes = 0
            self._body_forwarded = True
            if self.request.is_chunked:
                server.write_chunk(data)
            else:
                server.write(data)
        if self.request_complete and self.request.is_chunked:
            self._body_forwarded = True
            server.write(b"0\r\n\r\n")  # trailers are dropped (RFC 9110 §6.5.1)

    def server_blocked(self) -> None:
        """Slow down the client."""
        self.client.hold()

    def server_ready(self) -> None:
        """Let the client go on."""
        self.client.go_on()

    # --- the answer, from the server

    def answer_interim(self, status: int, reason: bytes, lines: list[bytes]) -> None:
        """Pass on a 1xx answer; HTTP/1.0 does not know them (RFC 9110 §15.2)."""
        if self.request.is_http11:
            self.client.write(
                b"".join((b"HTTP/1.1 %d %b" % (status, reason), *lines, b"\r\n\r\n"))
            )

    def answer_head(
        self, status: int, reason: bytes, lines: list[bytes], length: int | None, has_body: bool
    ) -> None:
        """Take the final head, and frame the body for this client."""
        self.upstream_seconds = monotonic() - self.sent_at
        self.status = status
        request = self.request
        if not request.keep_alive or not self.request_complete or self.port.is_draining:
            self._close = True
        framing = b""
        if has_body and length is None:
            if request.is_http11:
                self._chunked_out = True
                framing = b"\r\nTransfer-Encoding: chunked"
            else:
                self._close = True
        end = b"\r\nConnection: close\r\n\r\n" if self._close else b"\r\n\r\n"
        self._head = b"".join((b"HTTP/1.1 %d %b" % (status, reason), *lines, framing, end))

    def answer_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.sent_bytes += len(data)
        self.out.append(data)

    def answer_flush(self) -> None:
        """Send what was taken in so far."""
        out = self.out
        head = self._head
        if head:
            self._head = b""
            self._answer_started = True
        elif not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        if not self._chunked_out:
            self.client.write(head + data if head else data)
            return
        if head:
            self.client.write(head)
        if data:
            self.client.write_chunk(data)

    def answer_end(self) -> None:
        """End the exchange."""
        self.server = None
        self.answer_flush()
        if self._chunked_out:
            self.client.write(b"0\r\n\r\n")
        self._end(close=self._close)

    def answer_switch(self, protocol: bytes, lines: list[bytes], rest: bytes) -> None:
        """Become a tunnel, if the server switched to what was asked for (RFC 9110 §7.8)."""
        request = self.request
        if protocol.lower() != request.upgrade.lower() or self.server is None:
            server, self.server = self.server, None
            if server is not None:
                server.close()
            self.server_failed(Reason.UPSTREAM_INVALID, "switched to another protocol", unsent=False)
            return
        self.upstream_seconds = monotonic() - self.sent_at
        self.status = 101
        self.is_tunnel = True
        self.port.metrics.tunnels_open += 1
        self.client.begin_tunnel()
        self.client.write(
            b"".join(
                (
                    b"HTTP/1.1 101 Switching Protocols",
                    *lines,
                    b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol,
                    rest,
                )
            )
        )
        self.sent_bytes += len(rest)

    def tunnel_data(self, data: bytes) -> None:
        """Pass bytes of the tunnel to the client."""
        self.sent_bytes += len(data)
        self.client.write(data)

    def tunnel_from_client(self, data: bytes) -> None:
        """Pass bytes of the tunnel to the server."""
        self.received_bytes += len(data)
        if self.server is not None:
            self.server.write(data)

    def tunnel_end(self) -> None:
        """Close the client's side behind the server's last byte."""
        self._tunnel_ends += 1
        self.client.close_write()
        if self._tunnel_ends > 1 or self.server is None or not self.server.is_open:
            self._end(close=True)

    def client_ended(self) -> None:
        """Close the server's side of the tunnel behind the client's last byte."""
        self._tunnel_ends += 1
        if self._tunnel_ends > 1 or self.server is None:
            self._end(close=True)
        else:
            self.server.end_tunnel()

    # --- endings

    def refuse(self, deny: Deny) -> None:
        """Answer in our own name; *deny* says why."""
        self.deny = deny
        reason = deny.reason
        self.status = reason.status
        close = (
            reason in _UNFRAMED
            or not self.request_complete
            or not self.request.keep_alive
            or self.wants_upgrade
            or self.port.is_draining
        )
        self.client.write(
            render_refusal(
                deny, self.id, self.port.clock(), is_head=self.is_head, close=close
            )
        )
        self._end(close=close)

    def fail(self, deny: Deny) -> None:
        """Refuse if nothing of an answer went out, else cut the connection."""
        server, self.server = self.server, None
        if server is not None:
            server.close()
        if self.is_over:
            return
        if self._answer_started or self.is_tunnel:
            self.deny = deny
            self.client.abort()
            self._end(close=True)
        else:
            self.refuse(deny)

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool) -> None:
        """Send the request again if no byte of it can have been acted on, else give up."""
        self.server = None
        if unsent and not self._resent and not self._body_forwarded and self.allow is not None:
            self._resent = True
            self.port.spawn(self._connect(self.port.routes[self.allow.route.index].pool))
            return
        self.fail(Deny(reason, detail))

    def expire(self) -> None:
        """Give up on a client that does not send its body, or take its answer, in time."""
        if self.is_tunnel:
            self.client_lost()
            self.client.abort()
            return
        self.fail(Deny(Reason.REQUEST_TIMEOUT, "the client made no progress"))

    def client_lost(self) -> None:
        """Give up: nobody waits for the answer."""
        server, self.server = self.server, None
        if server is not None:
            server.close()
        if not self.is_over:
            if not self.is_tunnel:
                self.status = CLIENT_GONE
            self._end(close=True)

    def _end(self, *, close: bool) -> None:
        if self.is_over:
            return
        self.is_over = True
        server, self.server = self.server, None
        if server is not None:
            server.close()
        self.pending.clear()
        if self.is_tunnel:
            self.port.metrics.tunnels_open -= 1
        self.port.metrics.requests_in_flight -= 1
        record(self.port, self)
        self.client.exchange_done(self, close=close)
