"""One request and its answer: decide, forward, pass the answer on, write it down."""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys
from gateway.proxy.pool import Pool, Unreachable
from gateway.proxy.port import Port
from gateway.proxy.record import record
from gateway.proxy.refusal import render_refusal
from gateway.proxy.request import Request
from gateway.proxy.request_head import render_request_head
from gateway.proxy.server import ServerConnection
from gateway.proxy.status_line import STATUS_LINES
from gateway.proxy.tunnel import Tunnel
from gateway.proxy.upload import Upload

# Requests whose framing was not understood, or that never ended: what follows them on the
# connection could be anything (RFC 9112 §6.3, §9.3).
_UNFRAMED: Final = frozenset(
    (
        Reason.REQUEST_MALFORMED,
        Reason.REQUEST_TIMEOUT,
        Reason.BODY_TOO_LARGE,
        Reason.TARGET_TOO_LONG,
        Reason.HEADERS_TOO_LARGE,
    )
)

# How the access log calls a request whose client went away before the end of the answer.
CLIENT_GONE: Final = 499


class Client(Protocol):
    """The connection a request came on."""

    peer: str

    @property
    def write(self) -> Callable[[bytes], object]:
        """Return what sends bytes to the client."""

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say who asked, and through whom."""

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk."""

    def hold(self) -> None:
        """Read no more until ``go_on``: the other side cannot take it."""

    def go_on(self) -> None:
        """Read again."""

    def exchange_done(self, *, close: bool) -> None:
        """Take that the answer is out; *close* says that the connection ends with it."""

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""

    def end_writing(self) -> None:
        """Send the end of the tunnel's server side."""

    def abort(self) -> None:
        """Cut the connection, so that no truncated answer looks complete."""


class Exchange:
    """One request on its way through; made when its head is complete.

    Not slotted: like Request, most of what follows is rarely set, and a default that stands
    on the class costs a request nothing.
    """

    allow: Allow | None = None
    deny: Deny | None = None
    server: ServerConnection | None = None
    upload: Upload | None = None
    tunnel: Tunnel | None = None
    status = 0
    is_over = False
    sent_bytes = 0
    sent_at = 0.0
    upstream_seconds: float | None = None
    _resent = False
    _chunked_out = False
    _close = False
    _answer_started = False
    _head: bytes | None = None

    def __init__(self, port: Port, client: Client, request: Request) -> None:
        self.port = port
        self.client = client
        self.request = request
        self.is_head = request.method == "HEAD"
        self.wants_upgrade = request.wants_upgrade
        self.started_at = monotonic()
        self.id = b"%b%09x" % (port.id_prefix, next(port.ids))
        self.out: list[bytes] = []
        port.metrics.requests_in_flight += 1

    # --- deciding

    def begin(self) -> None:
        """Decide, and act on the verdict."""
        request = self.request
        port = self.port
        if not request.is_plain:
            request.check(port.limits.target_bytes, port.pseudonym)
        fields = request.fields
        host = port.hosts[fields.host]
        if fields.fault is not None:
            self.refuse(fields.fault)
            return
        if host is None:
            self.refuse(Deny(Reason.REQUEST_MALFORMED, "the Host field is not a host"))
            return
        head = RequestHead(request.method, host, request.target, fields.authorization, fields.known)
        verdict = port.admission.decide(head)
        kind = verdict.__class__  # cheaper than isinstance, and these are final
        if kind is Allow:
            fields.known = verdict.token  # type: ignore[union-attr]
            self._forward(verdict)  # type: ignore[arg-type]
        elif kind is Deny:
            self.refuse(verdict)  # type: ignore[arg-type]
        else:
            port.spawn(self._begin_with_keys(head, verdict))  # type: ignore[arg-type]

    async def _begin_with_keys(self, head: RequestHead, need: NeedKeys) -> None:
        verdict = await self.port.admission.decide_with_keys(head, need)
        if self.is_over:
            return
        if isinstance(verdict, Allow):
            self._forward(verdict)
        else:
            self.refuse(verdict)

    def _forward(self, allow: Allow) -> None:
        self.allow = allow
        request = self.request
        if not request.is_plain:
            fault = request.check_allowed(allow.route, self.port.limits.body_bytes)
            if fault is not None:
                self.refuse(fault)
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
        request = self.request
        head = render_request_head(
            request, allow, self.id, self.client.forwarding(request), self.port.forward_token
        )
        self.sent_at = now = monotonic()
        server.send(self, head, now)
        upload = self.upload
        if upload is not None:
            if (
                request.fields.expects_continue
                and not upload.received_bytes
                and not upload.complete
            ):
                self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            upload.attach(server)

    def request_complete(self) -> bool:
        """Return whether all of the request was read, and sent on."""
        return self.upload is None or self.upload.complete

    def client_blocked(self) -> None:
        """Slow down the server."""
        if self.tunnel is not None:
            self.tunnel.server.hold()
        elif self.server is not None:
            self.server.hold()

    def client_ready(self) -> None:
        """Let the server go on."""
        if self.tunnel is not None:
            self.tunnel.server.go_on()
        elif self.server is not None:
            self.server.go_on()

    def server_blocked(self) -> None:
        """Slow down the client."""
        self.client.hold()

    def server_ready(self) -> None:
        """Let the client go on."""
        self.client.go_on()

    # --- the answer, from the server

    def answer_interim(self, status: int, lines: list[bytes]) -> None:
        """Pass on a 1xx answer; HTTP/1.0 does not know them (RFC 9110 §15.2)."""
        if self.request.is_http11:
            self.client.write(b"".join((STATUS_LINES[status], *lines, b"\r\n\r\n")))

    def answer_head(
        self, status: int, lines: list[bytes], length: int | None, has_body: bool
    ) -> None:
        """Take the final head, and frame the body for this client."""
        self.upstream_seconds = monotonic() - self.sent_at
        self.status = status
        request = self.request
        out = self.out
        out.append(STATUS_LINES[status])
        out += lines
        upload = self.upload
        if not request.keep_alive or self.port.is_draining:
            self._close = True
        elif upload is not None and not upload.complete:
            self._close = True  # an early answer: the rest of the body is not read
        if has_body and length is None:
            if request.is_http11:
                self._chunked_out = True
                out.append(b"\r\nTransfer-Encoding: chunked")
            else:
                self._close = True
        out.append(b"\r\nConnection: close\r\n\r\n" if self._close else b"\r\n\r\n")
        if self._chunked_out:
            self._head = b"".join(out)
            out.clear()

    def answer_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.sent_bytes += len(data)
        self.out.append(data)

    def answer_flush(self) -> None:
        """Send what was taken in so far."""
        self._answer_started = True
        if self._head is not None:
            self.client.write(self._head)
            self._head = None
        out = self.out
        if out:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            if self._chunked_out:
                self.client.write_chunk(data)
            else:
                self.client.write(data)

    def answer_end(self) -> None:
        """End the exchange."""
        self.server = None
        self.answer_flush()
        if self._chunked_out:
            self.client.write(b"0\r\n\r\n")
        self._end(self._close)

    def answer_switch(self, protocol: bytes, lines: list[bytes], rest: bytes) -> Tunnel | None:
        """Become a tunnel, if the server switched to what was asked for (RFC 9110 §7.8)."""
        server, self.server = self.server, None
        if server is None or protocol.lower() != self.request.fields.upgrade.lower():
            self.fail(Deny(Reason.UPSTREAM_INVALID, "the service switched to another protocol"))
            return None
        self.upstream_seconds = monotonic() - self.sent_at
        self.status = 101
        self._answer_started = True
        self.port.metrics.tunnels_open += 1
        self.tunnel = tunnel = Tunnel(self, self.client, server)
        self.client.begin_tunnel(tunnel)
        fields = b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
        self.client.write(b"".join((STATUS_LINES[101], *lines, fields)))
        if rest:
            tunnel.from_server(rest)
        return tunnel

    # --- endings

    def refuse(self, deny: Deny) -> None:
        """Answer in our own name; *deny* says why."""
        self.deny = deny
        self.status = deny.reason.status
        close = (
            not self.request.keep_alive
            or self.port.is_draining
            or deny.reason in _UNFRAMED
            or self.wants_upgrade
            or not self.request_complete()
        )
        self.client.write(
            render_refusal(deny, self.id, self.port.clock(), is_head=self.is_head, close=close)
        )
        self._end(close)

    def fail(self, deny: Deny) -> None:
        """Refuse if nothing of an answer went out, else cut the connection."""
        if self.is_over:
            return
        self._leave_server()
        if self._answer_started:
            self.deny = deny
            self.client.abort()
            self._end(True)
        else:
            self.refuse(deny)

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool) -> None:
        """Send the request again if no byte of it can have been acted on, else give up."""
        self.server = None
        begun = self.upload is not None and self.upload.begun
        if unsent and not begun and not self._resent and self.allow is not None:
            self._resent = True
            self.port.spawn(self._connect(self.port.routes[self.allow.route.index].pool))
            return
        self.fail(Deny(reason, detail))

    def expire(self) -> None:
        """Give up on a client that does not send its body, or take its answer, in time."""
        if self.tunnel is not None:
            self.client_lost()
            self.client.abort()
            return
        self.fail(Deny(Reason.REQUEST_TIMEOUT, "the client made no progress"))

    def client_lost(self) -> None:
        """Give up: nobody waits for the answer."""
        if not self.is_over:
            if self.tunnel is None:
                self.status = CLIENT_GONE
            self._leave_server()
            self._end(True)

    def tunnel_over(self) -> None:
        """End the exchange with the tunnel."""
        if not self.is_over:
            self._leave_server()
            self._end(True)

    def _leave_server(self) -> None:
        server, self.server = self.server, None
        if self.tunnel is not None:
            server = self.tunnel.server
        if server is not None:
            server.close()

    def _end(self, close: bool) -> None:
        self.is_over = True
        if self.upload is not None:
            self.upload.detach()
        if self.tunnel is not None:
            self.port.metrics.tunnels_open -= 1
        self.port.metrics.requests_in_flight -= 1
        record(self.port, self)
        self.client.exchange_done(close=close)
