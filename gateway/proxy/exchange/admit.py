"""Decide about a request by its head; a malformed head is refused here."""

from typing import NamedTuple

from gateway.decision.browser import BrowserFields, must_say_origin
from gateway.decision.decide import settle
from gateway.decision.head import NO_SESSION, RequestHead
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    Needed,
    NeedSession,
    Settled,
    Verdict,
)
from gateway.http.login_calls import LoginCall
from gateway.http.reading.fields import Refused
from gateway.http.reading.request import NO_HOST, Request
from gateway.http.ticket_calls import TicketCall
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.port import Port
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR, report_unexpected_error


class RefusedByLogin(NamedTuple):
    """The refusal of a browser's request, which may log in instead; *session* if there was one."""

    deny: Deny
    session: CachedSession | None


class NeedSessionKeys(NamedTuple):
    """Ask the issuer for keys for the token of *session*, or about that token."""

    need: Needed
    session: CachedSession


class NeedTicket(NamedTuple):
    """Ask what the one-time *ticket* of a request to *route* stands for."""

    route: Route
    ticket: bytes


BySession = Settled | RefusedByLogin | NeedSessionKeys
ByLogin = NeedSession | RefusedByLogin | NeedSessionKeys | LoginCall | NeedTicket | TicketCall
Admitted = Verdict | ByLogin

_UNAVAILABLE = {
    Reason.SESSIONS_UNAVAILABLE: "the sessions cannot be read at the moment",
    Reason.LOGIN_UNAVAILABLE: "the token of the session has expired, and cannot be refreshed",
}


def admit(port: Port, request: Request) -> Admitted:
    """Return the verdict from the keys at hand; an unexpected error is a refusal, too."""
    fields = request.fields
    refused = fields.refused
    # A request without a token is decided by policy, host, method and path alone. The host is one
    # of the fields that remember the refusal. The others are compared by identity, cheaper than
    # equality: a request that repeats the one before it on its connection has the same objects.
    if (
        refused is not None
        and refused.target is request.target
        and refused.method is request.method
        and refused.by is port
    ):
        return refused.deny
    try:
        if not request.is_plain:
            request.check(port.limits.target_bytes, port.pseudonym)
            if fields.fault is not None:
                return fields.fault
        host = port.hosts[fields.host]
        if host is None:
            return NO_HOST
        if port.before_routes is not None:
            response: Admitted | None = port.before_routes(request, host)
            # One whose session is at hand is not decided without it first.
            if response is None and fields.cookies.key and not fields.authorization:
                response = _judge_at_hand(port, request)
            if response is not None:
                return response
        decide = port.decide  # a local: calling an attribute that is no method costs twice as much
        verdict = decide(
            RequestHead(request.method, host, request.target, fields.authorization, fields.known)
        )
    except Exception as bug:
        return _refuse_for(bug)
    if type(verdict) is Allow:  # by type, which is cheaper than isinstance: it has no subclass
        fields.known = verdict.token
        return verdict
    return _note_unusual(port, request, verdict)


def _note_unusual(port: Port, request: Request, verdict: Verdict) -> Admitted:
    if type(verdict) is NeedCredentials:
        return admit_with_credentials(port, request, verdict.route)
    if type(verdict) is NeedSession:
        return _seek_session(port, request, verdict)
    if type(verdict) is Deny and verdict.reason is Reason.TOKEN_MISSING and request.is_plain:
        request.fields.refused = Refused(port, request.method, request.target, verdict)
    return verdict


# --- tokens elsewhere than in Authorization


def admit_with_credentials(port: Port, request: Request, route: Route) -> Admitted:
    """Return the verdict about a request to *route*, whose tokens are gathered here.

    Those in its target are removed from it, so that nobody else ever sees them.
    """
    sources = route.sources
    if sources is None:
        raise TypeError("the route reads no token but that in Authorization")
    try:
        tickets = request.gather(sources)
        if tickets:
            return _ask_for_ticket(request, route, tickets)
        fields = request.fields
        if fields.cookies.key and not fields.authorization:
            response = _judge_at_hand(port, request)
            if response is not None:
                return response
        host = port.hosts[fields.host] or ""
        head = RequestHead(
            request.method, host, request.target, fields.authorization, fields.known, fields.also
        )
        verdict = port.decide(head)
    except Exception as bug:
        return _refuse_for(bug)
    if type(verdict) is Allow:
        fields.known = verdict.token
    return _seek_session(port, request, verdict) if type(verdict) is NeedSession else verdict


def _ask_for_ticket(request: Request, route: Route, tickets: tuple[bytes, ...]) -> Admitted:
    if len(tickets) > 1 or request.fields.authorization:
        deny = Deny(Reason.TOKEN_REPEATED, "more than one credential was sent", route)
        return settle(deny, request.target)
    if request.method != "GET":
        deny = Deny(Reason.TOKEN_MALFORMED, "a ticket opens a stream, by GET alone", route)
        return settle(deny, request.target)
    return NeedTicket(route, tickets[0])


# --- by session


def _seek_session(port: Port, request: Request, need: NeedSession) -> Admitted:
    if request.fields.cookies.key:
        return need  # it was not at hand
    return admit_by_session(port, request, need, Reason.LOGIN_REQUIRED)


def _judge_at_hand(port: Port, request: Request) -> Admitted | None:
    """Return the verdict about a request with a session's cookie, if the session is at hand."""
    logins = port.logins
    session = None if logins is None else logins.sessions.recall(request.fields.cookies.key)
    if session is None:
        return None
    verdict = _judge(port, request, session)
    if type(verdict) is RefusedByLogin and is_outdated(verdict):
        return None  # so that the session is asked about
    return verdict


def is_outdated(refused: RefusedByLogin) -> bool:
    """Return whether the token expired that the session had when it was last asked about."""
    return refused.deny.reason is Reason.TOKEN_EXPIRED and not refused.deny.field


def admit_by_session(
    port: Port, request: Request, need: NeedSession, found: CachedSession | Reason
) -> Admitted:
    """Return the verdict about a request without a token, now that the session is *found*, or not.

    An Allow with a token marks the fields of *request*: they are those of a session from then on.
    """
    try:
        if isinstance(found, CachedSession):
            return _judge(port, request, found)
        if found is Reason.LOGIN_REQUIRED:
            return _judge(port, request, None)
        if found is Reason.INTERNAL_ERROR:
            return INTERNAL_ERROR
        # Nobody is logged out, or let in without a name, because a store does not respond.
        return settle(Deny(found, _UNAVAILABLE[found], need.route), request.target)
    except Exception as bug:
        return _refuse_for(bug)


def _judge(port: Port, request: Request, session: CachedSession | None) -> Admitted:
    credential = NO_SESSION if session is None else session.credential
    method, host, also = request.method, request.fields.host, request.fields.also
    head = RequestHead(method, port.hosts[host] or "", request.target, (), None, also)
    if must_say_origin(method, wants_websocket=request.wants_upgrade):
        browser = request.browser()
    else:
        browser = BrowserFields(host.lower())  # the rest is not read: most requests only read
    verdict = port.admission.decide_by_session(head, browser, credential)
    if isinstance(verdict, NeedCredentials):
        return admit_with_credentials(port, request, verdict.route)
    if isinstance(verdict, Needed):
        if session is None:
            return settle(verdict.deny, request.target)
        return NeedSessionKeys(verdict, session)
    return settle_by_session(port, request, session, verdict)


def settle_by_session(
    port: Port, request: Request, session: CachedSession | None, verdict: Settled
) -> BySession:
    """Return the *verdict* about a request by *session*, with the session's own token.

    If it is allowed, the *request* is prepared to be forwarded: it cannot be decided again.
    """
    if type(verdict) is Allow:
        token = verdict.token
        if token is None or session is None:
            return verdict
        known = session.remember(token)
        authorization = session.credential.authorization if port.forward_token else ()
        request.fields = request.fields.for_session(session, authorization)
        return verdict if known is token else verdict._replace(token=known)
    if type(verdict) is not Deny or verdict.route is None or not verdict.route.login:
        return verdict
    if session is not None and verdict.token is not None:
        verdict = verdict._replace(token=session.remember(verdict.token))
    return RefusedByLogin(verdict, session)


async def decide_with_session_keys(port: Port, request: Request, need: NeedSessionKeys) -> Settled:
    """Return the verdict after asking the issuer for what the session's token needs."""
    host = port.hosts[request.fields.host] or ""
    authorization = need.session.credential.authorization
    also = request.fields.also
    head = RequestHead(request.method, host, request.target, authorization, None, also)
    try:
        return await port.admission.decide_after(head, need.need)
    except Exception as bug:
        return _refuse_for(bug)


# --- with keys or answers


async def admit_after(port: Port, request: Request, need: Needed) -> Settled:
    """Return the verdict after asking the issuer for its keys, or about the token."""
    try:
        return await port.admission.decide_after(_head(port, request), need)
    except Exception as bug:
        return _refuse_for(bug)


async def admit_again(port: Port, request: Request) -> Verdict:
    """Return the verdict about a request that was allowed before, by what its issuer says now."""
    head = _head(port, request)
    try:
        verdict = port.admission.decide_with_answers(head)
        if isinstance(verdict, Needed):
            return await port.admission.decide_after(head, verdict)
        return verdict
    except Exception as bug:
        return _refuse_for(bug)


def _head(port: Port, request: Request) -> RequestHead:
    fields = request.fields
    host = port.hosts[fields.host] or ""
    authorization, also = fields.authorization, fields.also
    return RequestHead(request.method, host, request.target, authorization, None, also)


def _refuse_for(bug: Exception) -> Deny:
    # Without a route: in report mode the refusal of a route lets the request through.
    report_unexpected_error("a request could not be decided", bug)
    return INTERNAL_ERROR
