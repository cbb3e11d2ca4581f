"""Rehearse a request: read its head and write the result, without a connection."""

from copy import copy
from dataclasses import replace
from http import HTTPStatus
from typing import Final, NamedTuple

import httptools

from gateway.decision.decide import find_route, settle
from gateway.decision.explaining.explanation import Browsing, Explanation, explain
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.identity import identity_aliases
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.introspected import FindAnswer, find_nothing
from gateway.decision.verdict import Allow, Deny, LogIn, Needed, Publish, Settled
from gateway.http.cors import cors_fields, find_preflight, refused_path_fields
from gateway.http.grpc_web import WebForm, find_web_form, grpc_fields, web_fields
from gateway.http.host_cors import HostCors
from gateway.http.login_calls import LoginCall, LoginCalls
from gateway.http.reading.faults import Fault, was_stopped
from gateway.http.reading.field_collector import Section
from gateway.http.reading.grpc_request import is_grpc, read_timeout
from gateway.http.reading.h2_head import H2HeadReader
from gateway.http.reading.head_builder import PIECE_BYTES, HeadBuilder
from gateway.http.reading.names import RequestNames, supported_upgrades, token_fields
from gateway.http.reading.request import HTTP_2, NO_HOST, Request
from gateway.http.reading.trace_context import rehearse_trace
from gateway.http.request_steps import (
    credential_steps,
    limit_steps,
    option_steps,
    own_steps,
    request_step,
)
from gateway.http.ticket_calls import TicketCall, find_ticket_call
from gateway.http.writing.own_response import own_response_fields
from gateway.http.writing.published import published_fields
from gateway.http.writing.refusal import (
    UNFRAMED,
    grpc_refusal_fields,
    login_refusal_parts,
    refusal_parts,
)
from gateway.http.writing.request_head import Peer, render_request_head
from gateway.http.writing.status_line import render_response
from gateway.settings.values.configuration import Limits, Settings

# In place of what only a running gateway has. The id has its true length, for the lengths of
# responses; the address is reserved for documentation (RFC 5737).
REQUEST_ID: Final = b"xxxxxxxxxxxxxx-xxxxxxxxx"
PSEUDONYM: Final = b"jwt-gateway-xxxxxxxx"
CLIENT: Final = "192.0.2.1"

# Of a navigation that has to log in.
REDIRECT_STATUS: Final = 302

# In place of what only its receiver may see.
NOT_SHOWN: Final = b"(not shown)"


_WEBSOCKET_KEY: Final = b"eHh4eHh4eHh4eHh4eHh4eA=="  # of the length of any


class H2Head(NamedTuple):
    """The head of a request of HTTP/2: its fields, and whether a body follows."""

    headers: Section
    has_body: bool = False


class Rehearsal:
    """The data port of a gateway with *settings*, for request heads only.

    The request comes from the address *client*, alone on a new connection. *pseudonym* is the
    gateway's name in Via. *identity_names* are the aliases of the identity headers of earlier
    configurations, and *had_logins* says whether one of these had logins.
    """

    def __init__(
        self,
        settings: Settings,
        client: str = CLIENT,
        pseudonym: bytes = PSEUDONYM,
        identity_names: frozenset[bytes] = frozenset(),
        *,
        had_logins: bool = False,
    ) -> None:
        self.settings = settings
        identity = settings.policy.identity
        names = identity_names | identity_aliases(identity)
        self._names = RequestNames(
            names,
            settings.underscore_names,
            supported_upgrades(settings.policy.routes.routes),
            has_logins=had_logins or bool(settings.logins),
            credentials=token_fields(settings.policy.routes.routes),
        )
        self._calls = LoginCalls(settings.logins, settings.policy) if settings.logins else None
        self._forward_token = identity.forward_token
        self._sharing = HostCors(settings.policy.routes.routes, settings.route_options)
        proto = b"http" if settings.listen[0].tls is None else b"https"
        self._serves_web = any(one.grpc_web for one in settings.route_options)
        self._peer = Peer(client, proto, settings.trusted_proxies, b"1.1 " + pseudonym)
        self._h2_peer = Peer(client, proto, settings.trusted_proxies, b"2.0 " + pseudonym)
        self._pseudonym = pseudonym

    def read(self, head: bytes) -> Request:
        """Return the request in *head*: a request line, fields, and an empty line.

        If something is wrong with it, its fields have a fault. Its tokens are gathered from the
        places that its route names.
        """
        reader = _HeadReader(self._names, self.settings.limits)
        return self._checked(reader.read(head))

    def read_h2(self, head: H2Head) -> Request:
        """Return the request of HTTP/2 with this *head*, as ``read`` does that of HTTP/1.1."""
        reader = H2HeadReader(self._names, self.settings.limits)
        return self._checked(reader.read(head.headers, head.has_body, _WEBSOCKET_KEY))

    def _checked(self, request: Request) -> Request:
        request.check(self.settings.limits.target_bytes, self._pseudonym)
        fields = request.fields
        if self.is_call(request):
            read_timeout(fields)  # which notes its fault
        host = canonical_host(fields.host)
        if fields.fault is None and host is None:
            fields.fault = NO_HOST
        if fields.fault is None and host is not None:
            asked = RequestHead(request.method, host, request.target, ())
            match = find_route(asked, self.settings.policy)
            if isinstance(match, Match) and match.route.sources is not None:
                request.gather(match.route.sources)
        return request

    def is_call(self, request: Request) -> bool:
        """Return whether *request* is a call of gRPC, or of gRPC-Web if that is translated."""
        return is_grpc(request) or self._web_form(request) is not None

    def _web_form(self, request: Request) -> WebForm | None:
        return find_web_form(request) if self._serves_web and request.has_body() else None

    def explain(  # noqa: PLR0913 - everything a decision depends on
        self,
        request: Request,
        keys: KeySets,
        now: float,
        revocations: RevocationLists,
        *,
        is_final: bool = True,
        session: SessionCredential = NO_SESSION,
        find_answer: FindAnswer = find_nothing,
    ) -> Explanation:
        """Return the verdict about *request* at the time *now*, and why.

        *session* is the one that its cookies stand for. *find_answer* knows what issuers said about
        tokens.

        In report mode a request is allowed although a step fails, and can still fail a later step:
        the last one that fails has the reason of a refusal.

        If keys or an answer are missing, the verdict asks for them; if *is_final*, it is the
        refusal that follows when they are unavailable.
        """
        fields = request.fields
        first = request_step(fields.fault, request.version)
        if fields.fault is not None:
            return Explanation(fields.fault, None, None, (first,))
        own = self.find_own(request)
        if own is not None:
            route = own.route if isinstance(own, Publish) else None
            return Explanation(own, route, None, (first, *own_steps(request, own)))
        host = canonical_host(fields.host) or ""
        authorization, also = fields.authorization, fields.also
        head = RequestHead(request.method, host, request.target, authorization, None, also)
        browsing = Browsing(request.browser(), session)
        policy = self.settings.policy
        decided = explain(head, policy, keys, now, revocations, browsing, find_answer)
        steps, verdict = (first, *decided.steps), decided.verdict
        if isinstance(verdict, Needed) and is_final:
            verdict = settle(verdict.deny, head.target)
        if not isinstance(verdict, Needed | LogIn):
            verdict = self.finish(request, verdict)
        if isinstance(verdict, Allow):
            options = self.settings.route_options[verdict.route.index]
            deny = request.check_allowed(verdict.route, options.body_bytes)
            steps = (*steps, *option_steps(request, verdict.route, options, deny))
            if deny is None:
                limits = self.settings.rate_limiting.routes[verdict.route.index]
                steps = (*steps, *limit_steps(verdict.route, limits))
                steps = (*steps, *credential_steps(self.settings.upstreams[verdict.route.upstream]))
            verdict = deny or verdict
        return replace(decided, verdict=verdict, steps=steps, session=session)

    def find_own(self, request: Request) -> LogIn | Deny | Publish | None:
        """Return what answers *request*, which has no fault, before any route; else None."""
        host = canonical_host(request.fields.host) or ""
        found = None if self._calls is None else self._calls.find(request, host)
        if isinstance(found, LoginCall):
            return LogIn(found.logins, found.endpoint.value)
        if found is not None:
            return found
        settings = self.settings
        asked = None if settings.tickets is None else find_ticket_call(request, settings.tickets)
        if asked is not None:
            return Publish(b"") if isinstance(asked, TicketCall) else asked
        return find_preflight(request, host, settings.policy, settings.route_options, self._sharing)

    def finish(self, request: Request, verdict: Settled) -> Settled | LogIn:
        """Return what the data port does on *verdict*: a navigation that is refused may log in."""
        if not isinstance(verdict, Deny) or not _may_come_by_session(request, verdict.route):
            return verdict
        call = None if self._calls is None else self._calls.begun_by(request, verdict)
        return verdict if call is None else LogIn(call.logins, call.endpoint.value, verdict)

    def render(
        self,
        request: Request,
        verdict: Settled | LogIn,
        now: float,
        session: SessionCredential = NO_SESSION,
    ) -> bytes:
        """Return the result of *verdict* at the time *now* (seconds since the epoch).

        *session* is the one that its cookies stand for.

        For Allow that is the head that the first server of the upstream gets, otherwise the whole
        response, as it is sent before any of a body has arrived. What a login answers at its own
        paths depends on its issuer: then it is empty.
        """
        if isinstance(verdict, Allow):
            if verdict.token is not None and _may_come_by_session(request, verdict.route):
                request = self._as_forwarded(request, session)
            form = self._web_form(request)
            if form is not None and self.settings.route_options[verdict.route.index].grpc_web:
                request = copy(request)
                request.fields = grpc_fields(request.fields, form)
            peer = self._h2_peer if request.version == HTTP_2 else self._peer
            forwarding = peer.forwarding(request)
            assertion = self.settings.assertion
            if assertion is not None and verdict.token is not None:
                forwarding += b"%b: %b\r\n" % (assertion.header, NOT_SHOWN)
            received = request.trace
            trace = received if self.settings.tracing is None else rehearse_trace(received)
            route = verdict.route
            upstream = self.settings.upstreams[route.upstream]
            if upstream.credentials is not None:
                request, verdict = _with_credential(request, verdict)
            return render_request_head(
                request,
                verdict,
                REQUEST_ID,
                forwarding,
                self._forward_token,
                trace,
                self.settings.route_options[route.index].rewrite,
                upstream.servers[0],
            )
        if isinstance(verdict, Deny) and self.is_call(request):
            return self._render_refused_call(request, verdict, now)
        close = not request.keep_alive or not request.body_ends_soon()
        if isinstance(verdict, LogIn):
            return self._render_redirect(request, verdict.deny, now, close)
        more = b""
        if isinstance(verdict, Deny):
            close = close or verdict.reason in UNFRAMED
            status, more = verdict.reason.status, self._refusal_fields(request, verdict)
            url = self._login_url(request, verdict)
            if url is None:
                fields, body = refusal_parts(verdict, REQUEST_ID, now)
            else:
                fields, body = login_refusal_parts(verdict, url, REQUEST_ID, now)
        else:
            status, body = verdict.status, verdict.document
            fields = published_fields(verdict, REQUEST_ID, now)
        body = b"" if request.method == "HEAD" else body
        return render_response(status, fields, body, close, more)

    def _refusal_fields(self, request: Request, deny: Deny) -> bytes:
        owner = deny.route
        if owner is None and deny.reason is Reason.PATH_REJECTED:
            return refused_path_fields(self._sharing, request)
        return cors_fields(
            None if owner is None else self.settings.route_options[owner.index].cors, request
        )

    def _render_refused_call(self, request: Request, deny: Deny, now: float) -> bytes:
        fields = grpc_refusal_fields(deny, REQUEST_ID, now)
        more, form = self._refusal_fields(request, deny), self._web_form(request)
        if form is not None:
            fields = (web_fields(fields, form) or fields) + b"\r\nContent-Length: 0"
        if request.version == HTTP_2:
            return b"HTTP/2 200%b%b\r\n\r\n" % (fields, more)
        close = not request.keep_alive or not request.body_ends_soon() or deny.reason in UNFRAMED
        return render_response(HTTPStatus.OK, fields, b"", close, more)

    def _as_forwarded(self, request: Request, session: SessionCredential) -> Request:
        """Return *request* with the fields that are forwarded for *session*."""
        authorization = session.authorization if self._forward_token else ()
        request = copy(request)
        request.fields = request.fields.for_session(session, authorization)
        return request

    def _login_url(self, request: Request, deny: Deny) -> str | None:
        if self._calls is None or not _may_come_by_session(request, deny.route):
            return None
        return self._calls.url(request, deny)

    def _render_redirect(
        self, request: Request, deny: Deny | None, now: float, close: bool
    ) -> bytes:
        """Return a redirect to log in; where to, and the cookie of the login, are secrets of it."""
        if deny is None:
            return b""
        shown = NOT_SHOWN.decode("ascii")
        sent = (("Location", shown), ("Set-Cookie", shown))
        fields = own_response_fields(REDIRECT_STATUS, sent, 0, REQUEST_ID, now)
        fields += self._refusal_fields(request, deny)
        return render_response(REDIRECT_STATUS, fields, b"", close, b"")


def _with_credential(request: Request, allow: Allow) -> tuple[Request, Allow]:
    """Return *request* and *allow* with a token of the upstream in place of the client's."""
    request = copy(request)
    request.fields = copy(request.fields)
    request.fields.authorization = ()
    line = b"Authorization: Bearer %b\r\n" % NOT_SHOWN
    return request, allow._replace(identity_fields=allow.identity_fields + line)


def _may_come_by_session(request: Request, route: Route | None) -> bool:
    """Return whether a session counts for *request*, which *route* owns: a token decides alone."""
    return route is not None and bool(route.login) and not request.fields.authorization


class _HeadReader:
    """Reads one head, in pieces as the data port reads it."""

    __slots__ = ("_head", "_in_message", "_parser", "_request", "on_header", "on_url")

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._head = head = HeadBuilder(names, limits)
        self._in_message = False
        self._request: Request | None = None
        # The parser calls `on_…` of the object it is made with.
        self.on_url = head.on_url
        self.on_header = head.on_header
        self._parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        """Begin the head."""
        self._in_message = True
        self._head.begin()

    def on_headers_complete(self) -> None:
        """Take the head."""
        self._request = self._head.complete(self._parser)

    def read(self, head: bytes) -> Request:
        """Return the request in *head*; its fields have the fault, if there is one."""
        try:
            for start in range(0, len(head), PIECE_BYTES):
                self._feed(head[start : start + PIECE_BYTES])
                if self._request is not None:
                    return self._request
            raise Fault(Reason.REQUEST_TIMEOUT, "the head did not arrive in time")
        except Fault as fault:
            request = self._head.cut_short(self._parser, self._in_message)
            request.fields.fault = Deny(fault.reason, fault.detail)
            return request

    def _feed(self, piece: bytes) -> None:
        self._head.add_piece(piece, self._in_message)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            if self._request is None and not was_stopped(error):
                raise Fault(Reason.REQUEST_MALFORMED, str(error).lower()) from None
        if self._request is None:
            fault = self._head.check_incomplete(piece)
            if fault is not None:
                raise fault
