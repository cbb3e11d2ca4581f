"""Give requests the token of their upstream, in place of what the client sent."""

from collections.abc import Callable, Mapping
from copy import copy
from hashlib import sha256
from time import monotonic
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.tokens.bearer import bearer_token
from gateway.decision.verdict import Allow, Deny
from gateway.http.reading.request import Request
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.port import HeldSlots, Limited, Measured, Port
from gateway.proxy.streams.open_streams import Clocks
from gateway.service_tokens.requests import (
    Found,
    NoServiceToken,
    ServiceToken,
    ServiceTokens,
)
from gateway.settings.values.configuration import Upstream

_UNAUTHORIZED: Final = 401

_NOTHING: Final = "the request has no token that could be exchanged"


class OwnCredential:
    """The gateway's own token for the routes of one upstream (RFC 6749 §4.4).

    *steady* is the machine's monotonic clock.
    """

    __slots__ = ("_held", "_steady", "_tokens", "_upstream")

    def __init__(
        self, upstream: str, tokens: ServiceTokens, steady: Callable[[], float] = monotonic
    ) -> None:
        self._upstream = upstream
        self._steady = steady
        self._tokens = tokens
        self._held: Mapping[str, ServiceToken] = tokens.held

    def begin(self, exchange: Limited, allow: Allow) -> None:
        """Dispatch *exchange* with the token; later, if there is none at hand."""
        token = self._held.get(self._upstream)
        if token is not None and self._steady() < token.until:
            self._act(exchange, allow, token)
        else:
            exchange.waited = True
            exchange.port.spawn(self._find(exchange, allow), exchange.give_up)

    async def _find(self, exchange: Limited, allow: Allow) -> None:
        found = await self._tokens.find(self._upstream)
        if not exchange.is_over:
            self._act(exchange, allow, found)

    def _act(self, exchange: Limited, allow: Allow, found: Found) -> None:
        _act(exchange, allow, found, lambda token: self._tokens.reject(self._upstream, token, None))


class ExchangedCredential:
    """The tokens of callers, exchanged for tokens of one upstream (RFC 8693).

    *wall* returns seconds since the epoch.
    """

    __slots__ = ("_max_token_bytes", "_tokens", "_upstream", "_wall")

    def __init__(
        self,
        upstream: str,
        tokens: ServiceTokens,
        max_token_bytes: int,
        wall: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._tokens = tokens
        self._max_token_bytes = max_token_bytes
        self._wall = wall

    def begin(self, exchange: Limited, allow: Allow) -> None:
        """Dispatch *exchange* with the caller's token of the upstream; later, if it is not at hand.

        Without a verified token of the caller's there is nothing to exchange, and nothing is sent.
        """
        subject = _subject(exchange.request, self._max_token_bytes)
        if allow.token is None or isinstance(subject, Deny):
            reason = Reason.SERVICE_TOKEN_UNAVAILABLE
            exchange.refuse(allow.would_deny or Deny(reason, _NOTHING, allow.route, allow.token))
            return
        digest = sha256(subject).digest()
        found = self._tokens.recall(self._upstream, digest)
        if found is not None:
            self._act(exchange, allow, found, digest)
            return
        claims, leeway = allow.token.claims, allow.token.issuer.leeway_seconds
        seconds = claims.expires_at + leeway - self._wall()
        exchange.waited = True
        work = self._exchange(exchange, allow, subject, digest, seconds)
        exchange.port.spawn(work, exchange.give_up)

    async def _exchange(
        self, exchange: Limited, allow: Allow, subject: bytes, digest: bytes, seconds: float
    ) -> None:
        found = await self._tokens.exchange(self._upstream, digest, subject, seconds)
        if not exchange.is_over:
            self._act(exchange, allow, found, digest)

    def _act(self, exchange: Limited, allow: Allow, found: Found, digest: bytes) -> None:
        def reject(token: ServiceToken) -> None:
            self._tokens.reject(self._upstream, token, digest)

        _act(exchange, allow, found, reject)


def _subject(request: Request, max_token_bytes: int) -> bytes | Deny:
    """Return the token that *request* was allowed by: its own, or that of its session."""
    fields = request.fields
    authorization = fields.authorization
    if isinstance(fields.session, CachedSession):
        authorization = fields.session.credential.authorization
    return bearer_token(authorization, max_token_bytes)


def _act(
    exchange: Limited, allow: Allow, found: Found, reject: Callable[[ServiceToken], None]
) -> None:
    if isinstance(found, NoServiceToken):
        exchange.refuse(Deny(found.reason, found.detail, allow.route, allow.token))
        return
    request = exchange.request
    if allow.route.public or allow.would_deny is not None:
        # Here another scheme than Bearer would be forwarded. A copy: the connection remembers these
        # fields for its next request.
        request.fields = copy(request.fields)
        request.fields.authorization = ()
    exchange.allow = allow = allow._replace(identity_fields=allow.identity_fields + found.line)
    exchange.slots = _Used(found, reject, exchange.slots)
    exchange.dispatch(allow)


class _Used:
    """A token that a request was sent with, until its response begins to last, or ends.

    It holds the slots that the request held before, if any.
    """

    __slots__ = ("_reject", "_slots", "_token")

    def __init__(
        self, token: ServiceToken, reject: Callable[[ServiceToken], None], slots: HeldSlots | None
    ) -> None:
        self._token = token
        self._reject = reject
        self._slots = slots

    def release(self, exchange: Measured) -> None:
        """Release the slots; report the token if the service responded with 401 to it."""
        if self._slots is not None:
            self._slots.release(exchange)
        if exchange.status == _UNAUTHORIZED and exchange.upstream_seconds is not None:
            self._reject(self._token)


def apply_credentials(
    port: Port,
    upstreams: Mapping[str, Upstream],
    tokens: ServiceTokens | None,
    max_token_bytes: int,
    clocks: Clocks,
) -> None:
    """Have the routes of *port* to *upstreams* with credentials get their tokens from *tokens*.

    That is the last step before a request is sent: limits come first, so that a request over them
    costs the authorization server nothing.
    """
    for state in port.routes:
        asked = upstreams[state.pool.name].credentials
        if asked is None:
            continue
        if tokens is None:
            raise ValueError(f"nobody gets the tokens of the upstream {state.pool.name}")
        name = state.pool.name
        if asked.exchanges:
            state.limits = ExchangedCredential(name, tokens, max_token_bytes, clocks.wall)
        else:
            state.limits = OwnCredential(name, tokens, clocks.steady)
