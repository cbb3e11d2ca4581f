"""One request and its answer: decide, forward, pass the answer on, write it down."""

from time import monotonic, time

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys, Publish, Verdict
from gateway.http.reading.request import Request
from gateway.http.writing.published import render_published
from gateway.http.writing.refusal import UNFRAMED, render_refusal
from gateway.proxy.exchange.admit import admit, admit_with_keys
from gateway.proxy.exchange.answering import Client
from gateway.proxy.exchange.sending import render_head
from gateway.proxy.exchange.streaming import Streaming
from gateway.proxy.port import Port
from gateway.proxy.recording.record import CLIENT_GONE, record
from gateway.proxy.recording.record_spans import record_spans
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR, report_bug
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.roles import Home
from gateway.telemetry.tracing.tracer import RecordedTrace


class Exchange(Streaming):
    """One request on its way through; made when its head is complete."""

    __slots__ = ("_resent", "id", "started_at")

    def __init__(self, port: Port, client: Client, request: Request) -> None:
        # All at once, the other half's too: one is made for every request.
        self.port = port
        self.client = client
        self.request = request
        tracer, trace = port.tracer, request.trace
        self.trace = trace if tracer is None else tracer.begin(trace, client.is_trusted)
        self.is_head = request.method == "HEAD"
        self.wants_upgrade = request.wants_upgrade
        self.out = []
        self.server = self.upload = self.tunnel = self.upstream_seconds = self.entrance = None
        self.allow = None
        self.deny = None
        self.events = None
        self.status = self.sent_bytes = 0
        self.sent_at = 0.0
        self.waited = self.is_over = self._answer_started = self._chunked_out = self._close = False
        self._resent = False
        self._head = self.limit_fields = b""
        self.started_at = monotonic()
        self.id = b"%b%09x" % (port.id_prefix, next(port.ids))

    # --- deciding

    def use(self, port: Port) -> None:
        """Be decided under *port* instead; only before it is acted on a verdict."""
        self.port = port
        self.request.fields.judge_again(port.names)

    def begin(self) -> None:
        """Decide, and act on the verdict."""
        self.act(admit(self.port, self.request))

    def act(self, verdict: Verdict) -> None:
        """Do what *verdict* says."""
        kind = type(verdict)  # cheaper than isinstance, and these are final
        try:
            if kind is Allow:
                self.forward(verdict)  # type: ignore[arg-type]
            elif kind is Deny:
                self.refuse(verdict)  # type: ignore[arg-type]
            elif kind is Publish:
                self._publish(verdict)  # type: ignore[arg-type]
            else:
                self.port.spawn(self._begin_with_keys(verdict), self.give_up)  # type: ignore[arg-type]
        except Exception as bug:
            report_bug("a bug ended a request", bug)
            self.give_up()

    async def _begin_with_keys(self, need: NeedKeys) -> None:
        self.waited = True
        verdict = await admit_with_keys(self.port, self.request, need)
        if self.is_over:
            return
        latest = self.port.latest()
        if latest is self.port:
            self.act(verdict)
        else:
            # A reload came first, and what it asks for counts: nothing was decided before it.
            self.use(latest)
            self.begin()

    def forward(self, allow: Allow) -> None:
        """Send the request on, once it is within the limits of its route, if there are any."""
        self.allow = allow
        state = self.port.routes[allow.route.index]
        if not self.request.is_plain:
            fault = self.request.check_allowed(allow.route, state.body_bytes)
            if fault is None and self.upload is not None and self.upload.limit(state.body_bytes):
                fault = Deny(Reason.BODY_TOO_LARGE, "the body is over the limit", allow.route)
            if fault is not None:
                self.refuse(fault)
                return
            if self.request.logs_in():
                self.client.bind(state.pool)
        if state.limits is None:
            self.dispatch(allow)
        else:
            state.limits.begin(self, allow)

    def dispatch(self, allow: Allow) -> None:
        """Send the request by a connection that is kept, else by one that is made."""
        pool = self.port.routes[allow.route.index].pool
        bound = self.client.bound
        server = pool.take() if bound is None else bound.take(pool)
        if server is None:
            self.port.spawn(self._connect(pool), self.give_up)
        else:
            self._attach(server, allow)

    async def _connect(self, pool: Pool, avoid: Home | None = None, is_new: bool = False) -> None:
        self.waited = True
        try:
            server = await pool.connect(avoid, lambda: not self.is_over, is_new)
        except NoServer as failure:
            # A 503 says that it was not sent: not of one that was, and is not sent again.
            reason = Reason.UPSTREAM_UNREACHABLE if self._resent else failure.reason
            if not self.is_over:
                self.refuse(Deny(reason, str(failure)))
            return
        if self.is_over or self.allow is None:
            server.home.put(server)
            return
        if self.client.bound is not None:
            self.client.bound.adopt(pool, server)
        self._attach(server, self.allow)

    def _attach(self, server: ServerConnection, allow: Allow) -> None:
        """Send the head, and what has come of the body."""
        self.server = server
        request, port, trace = self.request, self.port, self.trace
        if self.waited:
            self._drop_new_names()
        if trace is not None and isinstance(trace, RecordedTrace):
            trace.note_server(server.transport)
        head = render_head(self, server, allow)
        self.sent_at = now = monotonic()
        server.send(self, head, now, port.routes[allow.route.index].answer_seconds)
        upload = self.upload
        if upload is not None:
            if request.fields.expects_continue and upload.has_not_come():
                self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            upload.attach(server)

    def _drop_new_names(self) -> None:
        """Drop the client's fields that a reload has made identity fields while it waited.

        It is sent as it was decided, by the former rules in all else; but its service may believe
        these fields from the reload on.
        """
        latest = self.port.latest()
        if latest is not self.port:
            self.request.fields.drop_identity(latest.names.is_identity)

    def answer_login(self) -> None:
        """Have the connection serve this client alone: somebody logs in on it."""
        server, allow = self.server, self.allow
        if server is not None and allow is not None:
            pool = self.port.routes[allow.route.index].pool
            self.client.bind(pool).adopt(pool, server)

    def body_rate(self) -> int | None:
        """Return how many bytes a second of its body must come, on average."""
        port, allow = self.port, self.allow
        if allow is None:
            return port.limits.body_rate
        return port.routes[allow.route.index].options.body_rate

    def read_rate(self) -> int | None:
        """Return how many bytes a second the client must take, on average, of what waits."""
        port, allow = self.port, self.allow
        if allow is None:
            return port.limits.read_rate
        return port.routes[allow.route.index].options.read_rate

    def total_seconds(self) -> float:
        """Return how long all may take, from the head to the end of the answer."""
        port, allow = self.port, self.allow
        return (port.timeouts if allow is None else port.routes[allow.route.index]).total_seconds

    # --- endings

    def refuse(self, deny: Deny) -> None:
        """Answer in our own name; *deny* says why."""
        self.deny = deny
        reason = deny.reason
        self.status = reason.status
        close = reason in UNFRAMED or self._must_close()
        write = self.client.write
        write(render_refusal(deny, self.id, time(), self.is_head, close, self._own_fields(deny)))
        self._end(close)

    def _publish(self, publish: Publish) -> None:
        """Answer with what is for everybody."""
        self.status = publish.status
        self.sent_bytes = 0 if self.is_head else len(publish.document)
        close = self._must_close()
        self.client.write(render_published(publish, self.id, time(), self.is_head, close))
        self._end(close)

    def _must_close(self) -> bool:
        """Return whether an answer of our own ends the connection."""
        request = self.request
        return (
            not request.keep_alive
            or self._is_last()
            or self.wants_upgrade
            or not (self.upload is None or self.upload.complete or request.body_ends_soon())
        )

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

    def is_repeatable(self) -> bool:
        """Return whether it is sent again where a kept connection ended before an answer."""
        allow = self.allow
        if allow is None or not self._is_whole(Reason.UPSTREAM_UNREACHABLE):
            return False
        return self.port.routes[allow.route.index].pool.repeats(self.request.method)

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Send the request again where that is safe, or allowed, else give up."""
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
        # On a new connection: those that are kept may all have ended by now.
        self.port.spawn(self._connect(pool, server.home, is_new=stale), self.give_up)

    def _is_whole(self, reason: Reason) -> bool:
        """Return whether all of the request is at hand still, and nothing of an answer came."""
        if self._resent or self.wants_upgrade or reason is not Reason.UPSTREAM_UNREACHABLE:
            return False
        return self.upload is None or not self.upload.begun

    def give_up(self) -> None:
        """End what a bug of ours has ended."""
        self.fail(INTERNAL_ERROR)

    def expire(self) -> None:
        """Give up on a client that does not send its body in time, or on a silent tunnel."""
        if self.tunnel is not None:
            self.tunnel_cut()
            return
        self.fail(Deny(Reason.REQUEST_TIMEOUT, "the client sent its body too slowly"))

    def expire_unread(self) -> None:
        """Cut a client that takes too little of what was sent; it would not read a refusal."""
        if self.is_over:
            return
        self._leave_server()
        reason = Reason.REQUEST_TIMEOUT
        self.deny = Deny(reason, "the client took its answers too slowly")
        self.status = self.status or reason.status
        self.client.abort()
        self._end(True)

    def client_lost(self) -> None:
        """Give up: nobody waits for the answer."""
        if not self.is_over:
            if self.tunnel is None and self.deny is not INTERNAL_ERROR:
                self.status = CLIENT_GONE
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
        if self.entrance is not None:
            self._leave_entrance()
        if self.upload is not None:
            self.upload.detach()
        if self.tunnel is not None:
            self.port.metrics.tunnels_open -= 1
        now = monotonic()
        try:
            record(self.port, self, now)
            trace = self.trace
            if trace is not None and isinstance(trace, RecordedTrace):
                record_spans(self.port, self, trace, now)
        except Exception as bug:  # the answer is out, and the client may ask for more
            report_bug("a request could not be recorded", bug)
        self.client.exchange_done(close, now)
        self.tunnel = None  # which holds us, too
