"""A response that lasts, a tunnel or an event stream: it ends with its token or in a drain."""

import math
import re
from typing import Final, Protocol

from gateway.decision.decide import settle
from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import with_reporter
from gateway.decision.verdict import Allow, Deny
from gateway.http.reading.request import Request
from gateway.proxy.exchange.admit import admit_again
from gateway.proxy.exchange.followed_session import SESSION_ENDED, FollowedSession
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.port import Port
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.event_stream import EventStream
from gateway.proxy.streams.tunnel import CLOSE_SECONDS, Tunnel
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR

# In a head that we wrote: one space after the colon. Of several types, in one field or in several,
# browsers take the last one that they can read (Fetch, "extract a MIME type").
_EVENT_STREAM: Final = re.compile(
    rb"\r\ncontent-type: (?:[^\r]*,)?[ \t]*text/event-stream[ \t]*[;,\r]"
)

# Responses without an end, whose next piece may come as late as that of a tunnel.
_LASTING: Final = re.compile(
    rb"\r\ncontent-type: (?:[^\r]*,)?[ \t]*"
    rb"(?:text/event-stream|application/grpc[^;,\r]*|multipart/x-mixed-replace)[ \t]*[;,\r]"
)

# However short an answer may be remembered, the issuer is not asked more often about one stream.
_LEAST_ASKING_SECONDS: Final = 10.0

_EXPIRED: Final = Deny(Reason.TOKEN_EXPIRED, "the token of the stream has expired")
_DRAINING: Final = Deny(Reason.DRAINING, "the stream ended because the gateway is shutting down")

# RFC 6455 §7.4.1: an endpoint goes away, such as a server that goes down.
_GOING_AWAY: Final = 1001

# For the Close frame of a WebSocket.
_CLOSE_REASONS: Final = {
    Reason.TOKEN_EXPIRED: b"token expired",
    Reason.TOKEN_REVOKED: b"token revoked",
    Reason.TOKEN_INACTIVE: b"token not active",
    Reason.LOGIN_REQUIRED: b"session ended",
}
_NOT_ALLOWED: Final = b"no longer allowed"


def is_event_stream(head: bytes) -> bool:
    """Return whether the response with *head*, in lower case, is a stream of events."""
    return b"text/event-stream" in head and _EVENT_STREAM.search(head) is not None


def may_pause(head: bytes) -> bool:
    """Return whether the response with *head*, in lower case, may be silent like a tunnel."""
    return _LASTING.search(head) is not None


class Owner(Protocol):
    """The exchange whose response lasts."""

    port: Port
    client: Client
    allow: Allow | None
    deny: Deny | None
    request: Request
    is_over: bool

    def end_early(self) -> None:
        """End the response before the upstream does."""

    def end_tunnel(self) -> None:
        """End after both sides of the tunnel have; what was written is still sent."""

    def abort(self) -> None:
        """Cut both connections."""


def _end_of(token: SignedToken) -> float:
    return token.claims.expires_at + token.issuer.leeway_seconds


def _expiry_of(allow: Allow, token: SignedToken) -> Deny:
    """Return the refusal for the token of *allow* that ends first; a second one by its field."""
    sources = allow.route.sources
    if allow.also is None or sources is None or sources.second is None:
        return with_reporter(_EXPIRED, token.issuer)
    if _end_of(token) <= _end_of(allow.also):
        return with_reporter(_EXPIRED, token.issuer)
    name = sources.second.name
    return _EXPIRED._replace(detail=f"{name}: {_EXPIRED.detail}", field=name)


class ResponseStream:
    """How the response of *owner* ends: *tunnel* if it is one, otherwise *events*.

    ``port.streams`` refers to it weakly, and calls it when its token or a timeout has ended.
    """

    __slots__ = ("__weakref__", "_is_ending", "_owner", "_session", "events", "tunnel")

    def __init__(self, owner: Owner, events: EventStream | None = None) -> None:
        self._owner = owner
        self._is_ending = False
        self._session: FollowedSession | None = None
        self.events = events
        self.tunnel: Tunnel | None = None

    # --- events

    def follow(self, out: list[bytes]) -> None:
        """Note where events end in *out*, which is sent next; while draining, cut it there."""
        events = self.events
        if events is None:
            return
        data = b"".join(out)
        if events.is_draining:
            data = data[: events.first_end(data)]
        events.follow(data)
        out[:] = (data,)

    def end_if_drained(self) -> None:
        """End between two events if the gateway drains."""
        events = self.events
        if events is not None and events.is_draining and events.is_between():
            self._owner.end_early()

    # --- the end of the token

    def end_with_token(self) -> None:
        """Register to be ended when the token does, if there is one; or with its session."""
        owner = self._owner
        session = owner.request.fields.session
        if isinstance(session, CachedSession):
            self._session = FollowedSession(owner.request, session)
            owner.port.streams.follow(self, self._session.check_at)
        else:
            self._follow_answer()
        self._expire_with_token()

    def _follow_answer(self) -> None:
        """Have the issuer asked again about the token once its answer is no longer fresh."""
        port, allow = self._owner.port, self._owner.allow
        tokens = () if allow is None else (allow.token, allow.also)
        fresh_until = min((one.fresh_until for one in tokens if one is not None), default=math.inf)
        if fresh_until != math.inf:
            port.streams.follow(self, fresh_until, _LEAST_ASKING_SECONDS)

    def _expire_with_token(self) -> None:
        port, allow = self._owner.port, self._owner.allow
        token = None if allow is None else allow.token
        if allow is None or token is None:
            return
        expires_at = (
            _end_of(token) if allow.also is None else min(map(_end_of, (token, allow.also)))
        )
        port.streams.add(self, expires_at + port.timeouts.token_grace_seconds)

    def is_revoked(self) -> bool:
        """Return whether the token that allowed this is revoked."""
        return self._find_revocation() is not None

    def _find_revocation(self) -> Deny | None:
        owner, allow = self._owner, self._owner.allow
        if owner.is_over or allow is None or allow.token is None:
            return None
        # The lists of the port that this began with are no longer updated after a reload.
        admission = owner.port.latest().admission
        found = admission.find_revocation(allow.token)
        return admission.find_revocation(allow.also) if found is None and allow.also else found

    def token_ended(self) -> None:
        """End, or begin to: a token has expired or was revoked.

        An expired token of a session may have a successor by now; a second token has none.
        """
        owner, allow, session = self._owner, self._owner.allow, self._session
        if owner.is_over or allow is None or allow.token is None:
            return
        revoked = self._find_revocation()
        if revoked is not None or session is None:
            self._end_for(revoked or _expiry_of(allow, allow.token))
            return
        session.is_last = True
        if not session.is_asking:
            self._ask(session)

    def _end_for(self, ended: Deny) -> None:
        """End, or begin to, for a reason that a request would be refused for now."""
        owner, allow = self._owner, self._owner.allow
        if owner.is_over or self._is_ending or allow is None:
            return
        if self._session is not None:
            self._session = None
            owner.port.streams.discard(self)
        token = ended.token or allow.token
        settled = settle(ended._replace(route=allow.route, token=token), allow.target)
        if isinstance(settled, Allow):
            owner.allow = settled  # report mode: it goes on, and its log line says so
            return
        self._is_ending = True
        owner.deny = settled
        owner.port.routes[allow.route.index].metrics.streams_expired += 1
        if self.tunnel is not None:
            self.tunnel.token_ended(_CLOSE_REASONS.get(ended.reason, _NOT_ALLOWED))
        else:
            owner.end_early()

    # --- the session

    @property
    def session_id(self) -> bytes:
        """Return the id of the session; empty if it ends without one."""
        return b"" if self._session is None else self._session.id

    def session_ended(self) -> None:
        """End, or begin to: the session has ended."""
        self._end_for(SESSION_ENDED)

    def check_session(self) -> None:
        """Ask for news of the session or the token, and follow it further."""
        session, owner = self._session, self._owner
        if owner.is_over or self._is_ending:
            return
        if session is None:
            owner.port.spawn(self._ask_issuer(), self.cut)
        elif not session.is_asking:
            self._ask(session)

    async def _ask_issuer(self) -> None:
        owner = self._owner
        verdict = await admit_again(owner.port.latest(), owner.request)
        allow = owner.allow
        if owner.is_over or self._is_ending or allow is None:
            return
        if isinstance(verdict, Allow):
            self._renew(allow, verdict)
            self._follow_answer()
        else:
            # What a request would be refused for now ends this, too: nobody vouches for it.
            self._end_for(verdict if isinstance(verdict, Deny) else _EXPIRED)

    def _ask(self, session: FollowedSession) -> None:
        session.is_asking = True
        self._owner.port.spawn(self._follow(session), self.cut)

    async def _follow(self, session: FollowedSession) -> None:
        owner = self._owner
        verdict = await session.judge(owner.port.latest())
        allow = owner.allow
        if owner.is_over or self._session is not session or allow is None:
            return
        owner.port.streams.follow(self, session.check_at)
        if isinstance(verdict, Deny):
            self._end_for(verdict)
        elif verdict is not None:
            session.is_last = False
            self._renew(allow, verdict)
        elif session.is_last and allow.token is not None:
            self._end_for(with_reporter(_EXPIRED, allow.token.issuer))

    def _renew(self, allow: Allow, verdict: Allow) -> None:
        """Go on with the tokens of *verdict*, which may be of a later configuration.

        On the route of *allow*: that of *verdict* is counted and limited by another port.
        """
        self._owner.allow = allow._replace(
            token=verdict.token, also=verdict.also, would_deny=verdict.would_deny
        )
        self._expire_with_token()

    # --- draining

    def lasts(self) -> bool:
        """Return whether it is a tunnel or an event stream."""
        return self.tunnel is not None or self.events is not None

    def is_endless(self) -> bool:
        """Return whether it ends only when one of its ends wants it to."""
        return self.tunnel is not None or (self.events is not None and self.events.is_endless)

    def drain(self) -> None:
        """End, or begin to: the gateway drains."""
        owner, allow, events = self._owner, self._owner.allow, self.events
        if owner.is_over or allow is None:
            return
        if self.tunnel is not None:
            self._note_draining(allow)
            self.tunnel.drain(_GOING_AWAY, b"shutting down")
        elif events is not None and events.is_endless and not events.is_draining:
            self._note_draining(allow)
            events.is_draining = True
            if events.is_between():
                owner.end_early()
            else:
                self.set_close_timeout(CLOSE_SECONDS)

    def _note_draining(self, allow: Allow) -> None:
        if self._owner.deny is None:
            self._owner.deny = _DRAINING._replace(route=allow.route, token=allow.token)

    def end_now(self) -> None:
        """End at once: the time for draining is over."""
        if self.tunnel is None:
            self.drain()
        self.timed_out()

    def timed_out(self) -> None:
        """End at once: the other side did not end in time."""
        if self.tunnel is not None:
            self.tunnel.timed_out()
        elif not self._owner.is_over and self.events is not None and self.events.is_draining:
            self._owner.end_early()

    def cut(self) -> None:
        """Cut both connections: ending this failed with an unexpected error."""
        if not self._owner.is_over:
            self._owner.deny = INTERNAL_ERROR
        self._owner.abort()

    # --- from the tunnel

    def set_close_timeout(self, seconds: float) -> None:
        """Call ``timed_out`` after *seconds*."""
        self._owner.port.streams.set_timeout(self, seconds)

    def tunnel_ended(self) -> None:
        """End: both sides of the tunnel have."""
        if not self._owner.is_over:
            self._owner.end_tunnel()

    def cut_tunnel(self) -> None:
        """Cut both connections of the tunnel."""
        self._owner.abort()
