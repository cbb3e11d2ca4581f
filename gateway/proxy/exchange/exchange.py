"""One request and its response: decide, forward, pass the response on, record it."""

from collections.abc import Iterable
from time import monotonic, time
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, Needed, NeedIntrospection, NeedKeys, Publish
from gateway.http.cors import cors_fields, edit_response, edit_trailers, refused_path_fields
from gateway.http.reading.cookies import kept_private, without_own_cookies
from gateway.http.reading.field_collector import Section
from gateway.http.reading.handshake import check_agreement, is_websocket, select_bearer
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.http.writing.own_response import has_no_body, own_response_fields
from gateway.http.writing.published import published_fields
from gateway.http.writing.refusal import UNFRAMED, login_refusal_parts, refusal_parts
from gateway.http.writing.request_head import render_request_head, render_request_trailers
from gateway.proxy.exchange.admit import Admitted, admit, admit_after
from gateway.proxy.exchange.by_login import act_on_login
from gateway.proxy.exchange.response_stream import ResponseStream, is_event_stream, may_pause
from gateway.proxy.port import HeldSlots, Port
from gateway.proxy.recording.record import CLIENT_GONE, record
from gateway.proxy.recording.record_spans import record_spans
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.event_stream import EventStream
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.streams.websocket_tunnel import WebSocketTunnel
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR, report_unexpected_error
from gateway.proxy.transport.write_buffer import LARGE_BYTES
from gateway.proxy.upstream.lease import Lease, LeaseOwner
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.telemetry.tracing.tracer import RecordedTrace

_NO_LOGIN: Final = "a login on a connection, which the requests of others share over HTTP/2"


class Exchange:
    """One request and its response; made when the head of the request is complete.

    *allow* and *deny* are what became of it: a request can be allowed and fail later. *server*
    is the lease that it uses now. *stream* is set once the response is a tunnel or an event
    stream. *waited* says that the time it took is not the gateway's own, because it waited for
    something else than the upstream's response.

    One is made for each request, so it is flat: every object inside of it would cost an
    allocation, and a look-up each time one of its attributes is used.
    """

    __slots__ = (
        "_fields",
        "_has_body",
        "_is_responding",
        "_length",
        "_resent",
        "_trailers",
        "allow",
        "client",
        "deny",
        "id",
        "is_head",
        "is_over",
        "limit_fields",
        "out",
        "port",
        "request",
        "sent_at",
        "sent_bytes",
        "server",
        "slots",
        "started_at",
        "status",
        "stream",
        "trace",
        "upload",
        "upstream_seconds",
        "waited",
    )

    # Of a call of gRPC alone; others have no slot for it.
    grpc_status: int | None = None

    def __init__(self, port: Port, client: Client, request: Request) -> None:
        self.port = port
        self.client = client
        self.request = request
        tracer, trace = port.tracer, request.trace
        self.trace: Trace | None = (
            trace if tracer is None else tracer.begin(trace, client.peer.is_trusted)
        )
        self.is_head = request.method == "HEAD"  # asked for by the reader of the response
        self.allow: Allow | None = None
        self.deny: Deny | None = None
        self.server: Lease | None = None
        self.upload: Upload | None = None
        self.stream: ResponseStream | None = None
        self.slots: HeldSlots | None = None
        self.status = 0
        self.out: list[bytes] = []  # pieces of the body, sent by the next flush
        self.sent_bytes = 0
        self.sent_at = 0.0
        self.upstream_seconds: float | None = None
        self.limit_fields = b""  # each begins with a line end; for any response, also our own
        self.waited = self.is_over = False
        # Of the response, until its head is sent; its length and whether it has a body, too.
        self._fields: bytes | None = None
        self._is_responding = self._resent = False
        self.started_at = monotonic()
        self.id = next(port.request_ids)

    # --- deciding

    def use(self, port: Port) -> None:
        """Switch to *port* after a reload; only before a verdict was acted on."""
        self.port = port
        self.request.fields.judge_again(port.names)

    def begin(self) -> None:
        """Decide, and act on the verdict."""
        self.act(admit(self.port, self.request))

    def act(self, verdict: Admitted) -> None:
        """Act on *verdict*."""
        # By type: cheaper than isinstance or match, and none of these has a subclass. Allow
        # first, since nearly every request of a busy gateway is allowed.
        kind = type(verdict)
        try:
            if kind is Allow:
                self.forward(verdict)  # type: ignore[arg-type]
            elif kind is Deny:
                self.refuse(verdict)  # type: ignore[arg-type]
            elif kind is Publish:
                self._publish(verdict)  # type: ignore[arg-type]
            elif kind is NeedKeys or kind is NeedIntrospection:
                self.port.spawn(self._begin_after(verdict), self.give_up)  # type: ignore[arg-type]
            else:
                act_on_login(self, verdict)  # type: ignore[arg-type]
        except Exception as bug:
            report_unexpected_error("a request failed", bug)
            self.give_up()

    async def _begin_after(self, need: Needed) -> None:
        self.waited = True
        verdict = await admit_after(self.port, self.request, need)
        if self.is_over:
            return
        latest = self.port.latest()
        if latest is self.port:
            self.act(verdict)
        else:
            # A reload came first. Nothing has been acted on, so the new rules apply.
            self.use(latest)
            self.begin()

    # --- forwarding

    def forward(self, allow: Allow) -> None:
        """Send the request to its upstream, if it is within the limits of its route."""
        self.allow = allow
        state = self.port.routes[allow.route.index]
        # A plain request has no body, asks for no upgrade and logs in on no connection.
        if not self.request.is_plain:
            fault = self.request.check_allowed(allow.route, state.body_bytes)
            if fault is None and self.upload is not None and self.upload.limit(state.body_bytes):
                fault = Deny(Reason.BODY_TOO_LARGE, "the body is over the limit", allow.route)
            if fault is not None:
                self.refuse(fault)
                return
            if self.request.logs_in():
                if state.pool.shares_connections:
                    self.refuse(Deny(Reason.NOT_SUPPORTED, _NO_LOGIN, allow.route))
                    return
                self.client.bind(state.pool)
        if state.limits is None:
            self.dispatch(allow)
        else:
            state.limits.begin(self, allow)

    def dispatch(self, allow: Allow) -> None:
        """Send the request on a pooled connection, or on a new one if none is idle."""
        pool = self.port.routes[allow.route.index].pool
        bound = self.client.bound
        server = pool.take() if bound is None else bound.take(pool)
        if server is None:
            self.port.spawn(self._connect(pool), self.give_up)
        else:
            self._attach(server, allow)

    async def _connect(
        self, pool: Pool, avoid: LeaseOwner | None = None, is_new: bool = False
    ) -> None:
        self.waited = True
        try:
            server = await pool.connect(avoid, lambda: not self.is_over, is_new)
        except NoServer as failure:
            # A 503 says that the request was not sent, so it must not answer one that was.
            reason = Reason.UPSTREAM_UNREACHABLE if self._resent else failure.reason
            if not self.is_over:
                self.refuse(Deny(reason, str(failure)))
            return
        if self.is_over or self.allow is None:
            server.give_back()
            return
        if self.client.bound is not None:
            self.client.bound.adopt(pool, server)
        self._attach(server, self.allow)

    def _attach(self, server: Lease, allow: Allow) -> None:
        """Send the head to *server*, and the part of the body that has arrived."""
        self.server = server
        request, port, trace, route = self.request, self.port, self.trace, allow.route
        if self.waited:
            self._drop_new_names()
        if trace is not None and isinstance(trace, RecordedTrace):
            trace.note_server(server.transport)
        forwarding = self.client.peer.forwarding(request)
        if port.sign_assertion is not None and allow.token is not None:
            forwarding += port.sign_assertion(allow.token, route.upstream, self)
        state = port.routes[route.index]
        head = render_request_head(
            request,
            allow,
            self.id,
            forwarding,
            port.forward_token,
            trace,
            state.options.rewrite,
            server.owner,
        )
        self.sent_at = now = monotonic()
        server.send(self, head, now, state.response_seconds)
        upload = self.upload
        if upload is not None:
            if request.fields.expects_continue and upload.has_not_come():
                self.client.interim(100, b"")
            upload.attach(server, self._render_trailers)

    def _render_trailers(self, trailers: Section) -> bytes:
        """Return those of the *trailers* that the upstream gets, by the names of the latest reload.

        Its upstream may trust fields that were the client's own when the request was decided.
        """
        port, allow = self.port, self.allow
        rewrite = None if allow is None else port.routes[allow.route.index].options.rewrite
        return render_request_trailers(trailers, self.request, port.latest().names, rewrite)

    def _drop_new_names(self) -> None:
        """Drop what a reload made the gateway's own, while it waited: identity fields, cookies.

        In all else the request is sent as it was decided, under the former configuration; but
        from the reload on its upstream may trust these fields.
        """
        latest = self.port.latest()
        if latest is not self.port:
            self.request.fields.drop_new(latest.names)

    # --- what applies to it

    def body_rate(self) -> int | None:
        """Return the minimum rate of the request body, on average, in bytes a second."""
        port, allow = self.port, self.allow
        if allow is None:
            return port.limits.body_rate
        return port.routes[allow.route.index].options.body_rate

    def read_rate(self) -> int | None:
        """Return the minimum rate at which the client must read, on average, in bytes a second."""
        port, allow = self.port, self.allow
        if allow is None:
            return port.limits.read_rate
        return port.routes[allow.route.index].options.read_rate

    def total_seconds(self) -> float:
        """Return how long the exchange may take, from the head to the end of the response."""
        port, allow = self.port, self.allow
        return (port.timeouts if allow is None else port.routes[allow.route.index]).total_seconds

    @property
    def wants_upgrade(self) -> bool:
        """Return whether the request asks for another protocol (RFC 9110 §7.8)."""
        return self.request.wants_upgrade

    @property
    def sends_body(self) -> bool:
        """Return whether a body follows the head of the request."""
        return self.upload is not None

    @property
    def takes_trailers(self) -> bool:
        """Return whether the client reads trailers of the response."""
        return self.request.accepts_trailers()

    def request_complete(self) -> bool:
        """Return whether the whole request was read and sent."""
        return self.upload is None or self.upload.complete

    def is_responding(self) -> bool:
        """Return whether a part of the response was sent."""
        return self._is_responding

    def lasts(self) -> bool:
        """Return whether the response is a tunnel or an event stream."""
        return self.stream is not None and self.stream.lasts()

    def check_total(self, now: float) -> None:
        """Fail if the total timeout has passed; it does not hold for tunnels and event streams."""
        if self.lasts() or self.started_at + self.total_seconds() >= now:
            return
        reason = Reason.UPSTREAM_TIMEOUT if self.request_complete() else Reason.REQUEST_TIMEOUT
        self.fail(Deny(reason, "the total timeout has passed"))

    # --- the response of the upstream

    def interim_received(self, status: int, fields: bytes) -> None:
        """Pass on a 1xx response."""
        if self.port.removes_own_cookies:
            fields = without_own_cookies(fields)
        self.client.interim(status, fields)

    def login_received(self) -> None:
        """Reserve the connection for this client: it logs in on it."""
        server, allow = self.server, self.allow
        if server is not None and allow is not None:
            pool = self.port.routes[allow.route.index].pool
            self.client.bind(pool).adopt(pool, server)

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Take the final head; it is sent with what comes next."""
        self.upstream_seconds = seconds = monotonic() - self.sent_at
        self.status = status
        port, request, server = self.port, self.request, self.server
        if port.edits_responses and (allow := self.allow) is not None:
            fields = edit_response(fields, port.routes[allow.route.index].options, request)
            if port.removes_own_cookies:
                fields = without_own_cookies(fields)
            if request.fields.is_private:
                fields = kept_private(fields)
        if server is not None:
            server.owner.observe(request.method, status, seconds)
        self._fields = fields + self.limit_fields if self.limit_fields else fields
        self._length = length
        self._has_body = has_body

    def trailers_received(self, fields: bytes) -> None:
        """Take the trailers, if the client reads them; the response then does not go as a whole."""
        if not self.request.accepts_trailers():
            return
        self._flush()
        port, allow = self.port, self.allow
        if port.edits_responses and allow is not None:
            fields = edit_trailers(fields, port.routes[allow.route.index].options)
        self._trailers = fields

    def response_continued(self) -> None:
        """Send what has arrived of a response that is not complete yet."""
        if self._fields is not None:
            self._begin_pieces(self._fields)
        stream = self.stream
        if stream is not None:
            stream.follow(self.out)
        before = self.sent_bytes
        self._flush()
        if self.sent_bytes - before >= LARGE_BYTES:
            self.port.write_buffer.flush()
        if stream is not None:
            stream.end_if_drained()

    def _begin_pieces(self, fields: bytes) -> None:
        """Prepare for a response that comes in pieces; its *fields* have not been sent yet."""
        self.waited = True
        head = fields.lower() + b"\r\n"
        server, allow = self.server, self.allow
        if server is not None and allow is not None:
            seconds = self.port.routes[allow.route.index].stall_seconds
            if may_pause(head):
                seconds = max(seconds, self.port.timeouts.tunnel_seconds)
                if self.stream is None and b"application/grpc" in head:
                    # A service took for a call what did not come as one: see ``end_early``.
                    self.stream = stream = ResponseStream(self)
                    stream.end_with_token()
            server.allow_pauses(seconds)
        self._wait_for_client()
        if is_event_stream(head):
            self.stream = stream = ResponseStream(self, EventStream(head))
            stream.end_with_token()
            self._release_slots()

    def _wait_for_client(self) -> None:
        """Pause the server while the client has enough to read from former responses.

        The client's connection reported that before there was a server, and does not repeat it.
        """
        if self.client.takes_no_more():
            self.client_blocked()

    def _flush(self) -> None:
        fields, out = self._fields, self.out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self.sent_bytes += len(data)
        if fields is not None:
            self._fields = None
            self._trailers = b""
            self._is_responding = True
            self.client.begin(self.status, fields, self._length, self._has_body, data)
        elif data:
            self.client.body(data)

    def response_ended(self) -> None:
        """End the exchange: the response is complete."""
        self.server = None
        client, fields = self.client, self._fields
        if fields is None:
            self._flush()
            client.end(self._trailers)
        else:
            # It came whole, as most do: that takes no call but one.
            self._fields = None
            self._is_responding = True
            out = self.out
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self.sent_bytes = len(data)
            client.whole(self.status, fields, self._length, self._has_body, data)
        self._end()

    def protocol_switched(self, protocol: bytes, lines: list[bytes], rest: bytes) -> Tunnel | None:
        """Become a tunnel if the server switched to the requested protocol (RFC 9110 §7.8)."""
        server, self.server = self.server, None
        fault = self._switch_fault(protocol, lines)
        if server is None or fault is not None:
            self.fail(Deny(Reason.UPSTREAM_INVALID, fault or "the upstream closed the connection"))
            return None
        self.server = server
        self.upstream_seconds = seconds = monotonic() - self.sent_at
        self.status = 101
        self.waited = True
        server.owner.observe(self.request.method, 101, seconds)
        self._is_responding = True
        self.port.metrics.tunnels_open += 1
        self.stream = stream = ResponseStream(self)
        kind = WebSocketTunnel if is_websocket(protocol) else Tunnel
        stream.tunnel = tunnel = kind(stream, self.client, server)
        stream.end_with_token()
        self._release_slots()
        fields = b"".join(lines)
        if self.port.removes_own_cookies:
            fields = without_own_cookies(fields)
        if self.request.fields.credentials and is_websocket(protocol):
            fields += select_bearer(self.request.fields, lines)
        self.client.begin_tunnel(tunnel, protocol, fields + self.limit_fields)
        if rest:
            tunnel.from_server(rest)
        self._wait_for_client()
        return tunnel

    def _switch_fault(self, protocol: bytes, lines: list[bytes]) -> str | None:
        fields = self.request.fields
        if protocol.lower() != fields.upgrade.lower():
            return "the upstream switched to another protocol"
        return check_agreement(fields, lines) if is_websocket(protocol) else None

    # --- flow control

    def server_blocked(self) -> None:
        """Pause the client: the server takes no more."""
        self.client.pause_reading()

    def server_ready(self) -> None:
        """Resume the client."""
        self.client.resume_reading()

    def client_blocked(self) -> None:
        """Pause the server: the client takes no more."""
        if self.server is not None:
            self.server.pause_reading()

    def client_ready(self) -> None:
        """Resume the server."""
        if self.server is not None:
            self.server.resume_reading()

    # --- responses of our own

    def refuse(self, deny: Deny) -> None:
        """Respond with the refusal *deny*."""
        fields, body = refusal_parts(deny, self.id, time())
        self._respond_for(deny, fields, body)

    def refuse_with_login(self, deny: Deny, login_url: str) -> None:
        """Respond with the refusal *deny*, and where a person can log in."""
        fields, body = login_refusal_parts(deny, login_url, self.id, time())
        self._respond_for(deny, fields, body)

    def _respond_for(self, deny: Deny, fields: bytes, body: bytes) -> None:
        self.deny = deny
        reason = deny.reason
        self.status = status = reason.status
        body = b"" if self.is_head else body
        self.client.respond(status, fields, body, reason in UNFRAMED, self._own_fields(deny))
        self._end()

    def respond(
        self, status: int, fields: Iterable[tuple[str, str]], body: bytes, deny: Deny | None
    ) -> None:
        """Respond with a response of a login; *deny* is the refusal that led to it, if any."""
        self.deny = deny
        self.status = status
        more = self.limit_fields if deny is None else self._own_fields(deny)
        lines = own_response_fields(status, fields, len(body), self.id, time()) + more
        self.sent_bytes = 0 if self.is_head else len(body)
        self.client.respond(status, lines, b"" if self.is_head or has_no_body(status) else body)
        self._end()

    def _publish(self, publish: Publish) -> None:
        """Respond with a public document."""
        self.status = status = publish.status
        body = b"" if self.is_head else publish.document
        self.sent_bytes = len(body)
        self.client.respond(status, published_fields(publish, self.id, time()), body)
        self._end()

    def _own_fields(self, deny: Deny) -> bytes:
        """Return the fields about rate limits and CORS of a refusal."""
        port, route = self.port, deny.route
        if not port.edits_responses:
            return self.limit_fields
        if route is None and self.allow is not None:
            route = self.allow.route
        if route is None and deny.reason is Reason.PATH_REJECTED:
            return self.limit_fields + refused_path_fields(port.host_cors, self.request)
        cors = None if route is None else port.routes[route.index].options.cors
        return self.limit_fields + cors_fields(cors, self.request)

    # --- failures

    def fail(self, deny: Deny) -> None:
        """Refuse the request, or reset the connection if a part of a response was sent."""
        if self.is_over:
            return
        self._leave_server()
        if self._is_responding:
            self.deny = deny
            self.client.cut()
            self._end()
        else:
            self.refuse(deny)

    def give_up(self) -> None:
        """Fail after an unexpected error."""
        self.fail(INTERNAL_ERROR)

    def is_repeatable(self) -> bool:
        """Return whether it is sent again if a kept connection ended before a response."""
        allow = self.allow
        if allow is None or not self._is_whole(Reason.UPSTREAM_UNREACHABLE):
            return False
        return self.port.routes[allow.route.index].pool.repeats(self.request.method)

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Retry the request if that is safe or configured, else fail."""
        server, self.server = self.server, None
        allow, method = self.allow, self.request.method
        pool = None if allow is None else self.port.routes[allow.route.index].pool
        if (
            server is None
            or pool is None
            or not self._is_whole(reason)
            or not pool.may_repeat(method, unsent, stale)
        ):
            self.fail(Deny(reason, detail))
            return
        self._resent = True
        if self.upload is not None:
            self.upload.wait()
        # On a new connection if a kept one ended: the others may all have ended by now.
        self.port.spawn(self._connect(pool, server.owner, is_new=stale), self.give_up)

    def _is_whole(self, reason: Reason) -> bool:
        """Return whether the whole request is still here, and nothing of a response has come."""
        if self._resent or self.request.wants_upgrade or reason is not Reason.UPSTREAM_UNREACHABLE:
            return False
        return self.upload is None or not self.upload.begun

    def expire(self) -> None:
        """Fail because the client sends its body too slowly, or the tunnel is idle."""
        if self.stream is not None and self.stream.tunnel is not None:
            self.abort()
            return
        self.fail(Deny(Reason.REQUEST_TIMEOUT, "the client sent its body too slowly"))

    def expire_unread(self) -> None:
        """Cut a client that reads too slowly; it would not read a refusal either."""
        if self.is_over:
            return
        self._leave_server()
        reason = Reason.REQUEST_TIMEOUT
        self.deny = Deny(reason, "the client read the response too slowly")
        self.status = self.status or reason.status
        self.client.cut()
        self._end()

    # --- the end

    def end_lasting(self) -> None:
        """End a tunnel or an event stream, or begin to: the gateway drains."""
        if self.stream is not None:
            self.stream.drain()

    def end_now(self) -> None:
        """End now, as well as is still possible: the time for draining is over."""
        stream = self.stream
        if stream is not None and stream.is_endless():
            stream.end_now()
        elif not self.request_complete():
            detail = "the request was incomplete at the end of the drain"
            self.fail(Deny(Reason.REQUEST_TIMEOUT, detail))
        elif self.server is None:
            self.fail(Deny(Reason.DRAINING, "the request was not sent before the end of the drain"))
        else:
            detail = "the upstream did not respond before the end of the drain"
            self.fail(Deny(Reason.UPSTREAM_TIMEOUT, detail))

    def client_lost(self) -> None:
        """End: the client is gone."""
        if not self.is_over:
            is_tunnel = self.stream is not None and self.stream.tunnel is not None
            if not is_tunnel and self.deny is not INTERNAL_ERROR:
                self.status = CLIENT_GONE
            self._leave_server()
            self._end()

    def abort(self) -> None:
        """Cut both connections; what was written before is still sent."""
        self.port.write_buffer.flush()
        self.client.cut()
        self.client_lost()

    def end_early(self) -> None:
        """End the response before the upstream does; cut one that would then look complete."""
        if not self.lasts():
            self.fail(self.deny or INTERNAL_ERROR)
            return
        self._leave_server()
        self.client.end_early()
        self._end()

    def end_tunnel(self) -> None:
        """End after both sides of the tunnel have; what was written is still sent."""
        server, self.server = self.server, None
        if server is not None:
            server.finish()
        self._end()

    def _leave_server(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.close()

    def _release_slots(self) -> None:
        """Release the slots it holds: at its end, or when it becomes a tunnel or event stream."""
        slots, self.slots = self.slots, None
        if slots is not None:
            slots.release(self)

    def _end(self) -> None:
        self.is_over = True
        if self.slots is not None:
            self._release_slots()
        if self.upload is not None:
            self.upload.detach()
        stream = self.stream
        if stream is not None and stream.tunnel is not None:
            self.port.metrics.tunnels_open -= 1
        now = monotonic()
        try:
            record(self.port, self, now)
            trace = self.trace
            if trace is not None and isinstance(trace, RecordedTrace):
                record_spans(self.port, self, trace, now)
        except Exception as bug:  # the response is sent, and the client may send more requests
            report_unexpected_error("a request could not be recorded", bug)
        self.client.exchange_done(now)
        self.stream = None  # it refers to this exchange: without a cycle both are freed at once
