"""Keep what lasts apart from other answers: tunnels, and streams of events."""

import re
from time import monotonic
from typing import Final

from gateway.decision.decide import settle
from gateway.decision.reason import Reason
from gateway.decision.tokens.authenticate import sign
from gateway.decision.verdict import Allow, Deny
from gateway.http.answer_edits import edit_answer
from gateway.http.cors import refused_path_fields, sharing_fields
from gateway.http.reading.handshake import check_agreement, is_websocket
from gateway.http.writing.status_line import STATUS_LINES
from gateway.proxy.exchange.answering import Answering
from gateway.proxy.streams.events import Events
from gateway.proxy.streams.tunnel import PATIENCE_SECONDS, Tunnel
from gateway.proxy.streams.websocket_tunnel import WebSocketTunnel
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR

# In a head that we wrote: one space behind the colon. Of several types, in a list or in fields
# of their own, browsers take the last one that they can read (Fetch, "extract a MIME type").
_EVENT_STREAM: Final = re.compile(
    rb"\r\ncontent-type: (?:[^\r]*,)?[ \t]*text/event-stream[ \t]*[;,\r]"
)

# Answers that last, and may pause for as long as a tunnel: of these a client wants each piece
# when it comes, and there need not be a next one.
_LASTING: Final = re.compile(
    rb"\r\ncontent-type: (?:[^\r]*,)?[ \t]*"
    rb"(?:text/event-stream|application/grpc[^;,\r]*|multipart/x-mixed-replace)[ \t]*[;,\r]"
)

_EXPIRED: Final = Deny(Reason.TOKEN_EXPIRED, "the token of a stream has expired")
_DRAINING: Final = Deny(Reason.DRAINING, "a stream was ended, for the gateway is shutting down")

# RFC 6455 §7.4.1: an endpoint goes away, such as a server that goes down.
_GOING_AWAY: Final = 1001

# For the Close frame of a WebSocket.
_WORDS: Final = {
    Reason.TOKEN_EXPIRED: b"token expired",
    Reason.TOKEN_REVOKED: b"token revoked",
}


class Streaming(Answering):
    """The half of an exchange that may outlast its token, and then ends."""

    # Weakly referenced by those who know when that is.
    __slots__ = ("__weakref__", "allow", "deny")

    allow: Allow | None
    deny: Deny | None

    def answer_switch(self, protocol: bytes, lines: list[bytes], rest: bytes) -> Tunnel | None:
        """Become a tunnel, if the server switched to what was asked for (RFC 9110 §7.8)."""
        server, self.server = self.server, None
        fault = self._switch_fault(protocol, lines)
        if server is None or fault is not None:
            self.fail(Deny(Reason.UPSTREAM_INVALID, fault or "the service is gone"))
            return None
        self.upstream_seconds = seconds = monotonic() - self.sent_at
        self.status = 101
        self.waited = True
        server.home.counts.times.observe(self.request.method, 101, seconds)
        self._answer_started = True
        self.port.metrics.tunnels_open += 1
        self._end_with_token()
        self._leave_entrance()
        tunnel = (WebSocketTunnel if is_websocket(protocol) else Tunnel)(self, self.client, server)
        self.tunnel = tunnel
        self.client.begin_tunnel(tunnel)
        end = b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
        self.client.write(STATUS_LINES[101] + b"".join(lines) + self.limit_fields + end)
        if rest:
            tunnel.from_server(rest)
        self._wait_for_client()
        return tunnel

    def _switch_fault(self, protocol: bytes, lines: list[bytes]) -> str | None:
        fields = self.request.fields
        if protocol.lower() != fields.upgrade.lower():
            return "the service switched to another protocol"
        return check_agreement(fields, lines) if is_websocket(protocol) else None

    def _answer_goes_on(self, head: bytes) -> None:
        self.waited = True
        head = head.lower()
        self._allow_pauses(head)
        self._wait_for_client()
        if b"text/event-stream" in head and _EVENT_STREAM.search(head) is not None:
            self.events = Events(head)
            self._end_with_token()
            self._leave_entrance()

    def _wait_for_client(self) -> None:
        """Slow down the server where the client has enough to read of what came before this.

        It was told so before there was a server, and is told no second time.
        """
        if self.client.takes_no_more():
            self.client_blocked()

    def _allow_pauses(self, head: bytes) -> None:
        """Say how long its service may be silent before the next piece."""
        server, allow = self.server, self.allow
        if server is None or allow is None:
            return
        seconds = self.port.routes[allow.route.index].stall_seconds
        if _LASTING.search(head) is not None:
            seconds = max(seconds, self.port.timeouts.tunnel_seconds)
        server.allow_pauses(seconds)

    def _leave_entrance(self) -> None:
        """Give back the places it holds, once: as it ends, or as it becomes what lasts."""
        entrance, self.entrance = self.entrance, None
        if entrance is not None:
            entrance.leave(self)

    def _end_with_token(self) -> None:
        """See to it that this ends when its token has."""
        token = None if self.allow is None else self.allow.token
        if token is None:
            return
        expires_at = token.claims.expires_at + token.issuer.leeway_seconds
        ends_at = expires_at + self.port.timeouts.token_grace_seconds
        self.port.streams.add(self, ends_at)

    def _edit(self, fields: bytes) -> bytes:
        allow = self.allow
        if allow is None:
            return fields
        return edit_answer(fields, self.port.routes[allow.route.index].options, self.request)

    def _own_fields(self, deny: Deny) -> bytes:
        """Return what our own answer says besides: where the limits stand, and to browsers."""
        port, route = self.port, deny.route
        if not port.edits_answers:
            return self.limit_fields
        if route is None and self.allow is not None:
            route = self.allow.route
        if route is None and deny.reason is Reason.PATH_REJECTED:
            return self.limit_fields + refused_path_fields(port.sharing, self.request)
        cors = None if route is None else port.routes[route.index].options.cors
        return self.limit_fields + sharing_fields(cors, self.request)

    # --- the end

    def is_revoked(self) -> bool:
        """Say whether the token that allowed this is revoked."""
        return self._find_revocation() is not None

    def _find_revocation(self) -> Deny | None:
        allow = self.allow
        if self.is_over or allow is None or allow.token is None:
            return None
        # The lists of the port that this began with are no longer kept after a reload.
        return self.port.latest().admission.find_revocation(allow.token)

    def token_ended(self) -> None:
        """End, or begin to: nothing may last longer than what allowed it."""
        allow = self.allow
        if self.is_over or allow is None or allow.token is None:
            return
        ended = self._find_revocation() or sign(_EXPIRED, allow.token.issuer)
        deny = ended._replace(route=allow.route, token=allow.token)
        settled = settle(deny, allow.target)
        if isinstance(settled, Allow):
            self.allow = settled  # only to be reported: it goes on, and is told of when it is over
            return
        self.deny = settled
        self.port.routes[allow.route.index].metrics.streams_expired += 1
        if self.tunnel is not None:
            self.tunnel.token_ended(_WORDS[ended.reason])
        else:
            self._end_answer()

    def _end_answer(self) -> None:
        """End an answer in the middle of it, but no event of it where that can be helped."""
        self._leave_server()
        if self._chunked_out:
            # A whole answer: a reset could take away events that the client has not read yet.
            self.client.write(b"0\r\n\r\n")
        self._end(self._close or not self._chunked_out or self._is_last())

    def lasts(self) -> bool:
        """Return whether this is a tunnel, or a stream of events."""
        return self.tunnel is not None or self.events is not None

    def take_leave(self) -> None:
        """End, or begin to, what would not by itself: the gateway is shutting down."""
        allow, tunnel, events = self.allow, self.tunnel, self.events
        if self.is_over or allow is None:
            return
        if tunnel is not None:
            self._note_leaving(allow)
            tunnel.leave(_GOING_AWAY, b"shutting down")
        elif events is not None and events.is_endless and not events.is_leaving:
            self._note_leaving(allow)
            events.is_leaving = True
            if events.is_between():
                self._end_answer()
            else:
                self.tunnel_leaves(PATIENCE_SECONDS)

    def _note_leaving(self, allow: Allow) -> None:
        if self.deny is None:
            self.deny = _DRAINING._replace(route=allow.route, token=allow.token)

    def patience_ended(self) -> None:
        """End now."""
        if self.tunnel is not None:
            self.tunnel.patience_ended()
        elif not self.is_over and self.events is not None and self.events.is_leaving:
            self._end_answer()

    def time_is_up(self) -> None:
        """End now, in the best way that is left: the gateway ends."""
        events = self.events
        if self.tunnel is not None:
            self.tunnel.patience_ended()
        elif events is not None and events.is_endless:
            self.take_leave()
            self.patience_ended()
        elif not self.request_complete():
            self.fail(Deny(Reason.REQUEST_TIMEOUT, "the request was not whole when we ended"))
        elif self.server is None:
            self.fail(Deny(Reason.DRAINING, "it was not sent to a service yet"))
        else:
            self.fail(Deny(Reason.UPSTREAM_TIMEOUT, "the service had not answered when we ended"))

    def cut(self) -> None:
        """End at once, whatever is the matter with this: an error of ours, not of the client's."""
        if not self.is_over:
            self.deny = INTERNAL_ERROR
        self.client.abort()

    def tunnel_leaves(self, seconds: float) -> None:
        """Take that ``patience_ended`` is to be called after *seconds*."""
        self.port.streams.bound(self, seconds)

    def tunnel_over(self) -> None:
        """End with the tunnel, behind what was written to either side."""
        tunnel = self.tunnel
        if tunnel is not None and not self.is_over:
            tunnel.server.finish()
            self._end(True)

    def tunnel_cut(self) -> None:
        """Cut both connections of the tunnel."""
        self.client_lost()
        self.client.abort()

    def fail(self, deny: Deny) -> None:
        """Refuse if nothing of an answer went out, else cut the connection."""
        raise NotImplementedError

    def client_lost(self) -> None:
        """Give up: nobody waits for the answer."""
        raise NotImplementedError

    def _leave_server(self) -> None:
        raise NotImplementedError
