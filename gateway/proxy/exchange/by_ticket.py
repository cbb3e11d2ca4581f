"""Issue one-time tickets, and let in the requests that bring one."""

import asyncio
import json
from collections.abc import Awaitable, Coroutine
from typing import Final, TypeVar

from gateway.decision.decide import settle
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Allow, Deny, Needed, NeedSession, Verdict
from gateway.http.ticket_calls import MOST_BODY_BYTES, TicketCall, WantedTicket, read_wanted
from gateway.proxy.exchange.admit import Admitted, NeedTicket, admit_with_credentials
from gateway.proxy.exchange.browsing import Browsing
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.streams.collected_body import CollectedBody
from gateway.tickets.ticket import Grant, TicketsGone, caller_of, is_ticket

T = TypeVar("T")

# How long a keeper of tickets may take; Redis and the supervisor give up before.
_ASK_SECONDS: Final = 10.0

_GONE: Final = Deny(Reason.TICKETS_UNAVAILABLE, "what keeps the tickets does not respond")
_INVALID: Final = Deny(Reason.TOKEN_EXPIRED, "the ticket has expired, was used, or never was one")
_OTHER_HOST: Final = Deny(Reason.AUDIENCE_MISMATCH, "the ticket is for another host")
_OTHER_ROUTE: Final = Deny(Reason.AUDIENCE_MISMATCH, "the ticket is for another route")
_OTHER_PATH: Final = Deny(Reason.AUDIENCE_MISMATCH, "the ticket is for another path")
_TOO_LARGE: Final = Deny(Reason.BODY_TOO_LARGE, "the body is over the limit of tickets")
_BAD_BODY: Final = Deny(
    Reason.REQUEST_MALFORMED, "the body is not a JSON object with `route` or `path`"
)
_NO_ROUTE: Final = Deny(Reason.REQUEST_MALFORMED, "no route of this name takes tickets")
_REFUSED: Final = {
    Reason.RATE_LIMITED: Deny(Reason.RATE_LIMITED, "the caller has too many tickets"),
    Reason.OVERLOADED: Deny(Reason.OVERLOADED, "too many tickets are valid"),
}


def _spawn(exchange: Browsing, work: Coroutine[None, None, None]) -> None:
    exchange.waited = True
    exchange.port.spawn(work, exchange.give_up)


async def _ask(answer: Awaitable[T]) -> T:
    """Return *answer*. Raises TicketsGone if it takes too long."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            return await answer
    except TimeoutError:
        raise TicketsGone from None


# --- a request with a ticket


def take_ticket(exchange: Browsing, need: NeedTicket) -> None:
    """Ask what the ticket stands for, and decide about its token."""
    _spawn(exchange, _redeem(exchange, need))


async def _redeem(exchange: Browsing, need: NeedTicket) -> None:
    port, request = exchange.port, exchange.request
    grant: Grant | Deny | None = None
    try:
        if port.tickets is not None and is_ticket(need.ticket):
            grant = await _ask(port.tickets.redeem(need.ticket))
    except TicketsGone:
        grant = _GONE
    if exchange.is_over:
        return
    verdict: Admitted
    refusal = grant if isinstance(grant, Deny) else _check(exchange, need, grant)
    if refusal is not None:
        verdict = settle(refusal._replace(route=need.route), request.target)
    elif grant is not None and not isinstance(grant, Deny):
        request.redeem(grant.token)
        latest = port.latest()
        if latest is not port:  # a reload came first: the new rules apply
            exchange.use(latest)
            exchange.begin()
            return
        verdict = admit_with_credentials(port, request, need.route)
    exchange.act(verdict)


def _check(exchange: Browsing, need: NeedTicket, grant: Grant | None) -> Deny | None:
    """Return why *grant* is not for this request; None if it is."""
    if grant is None:
        return _INVALID
    if grant.host != (exchange.port.hosts[exchange.request.fields.host] or ""):
        return _OTHER_HOST
    if grant.route and grant.route != need.route.name:
        return _OTHER_ROUTE
    if grant.path and grant.path.encode() != split_path(exchange.request.target):
        return _OTHER_PATH
    return None


# --- a request for a ticket


def take_ticket_call(exchange: Browsing, call: TicketCall) -> None:
    """Issue a ticket once the body has come, if there is one."""
    exchange.limit_fields += call.fields
    upload, request = exchange.upload, exchange.request
    if upload is None:
        _spawn(exchange, _issue(exchange, call, b""))
        return
    if (upload.length or 0) > MOST_BODY_BYTES or upload.limit(MOST_BODY_BYTES):
        exchange.refuse(_TOO_LARGE)
        return

    def go_on(body: bytes) -> None:
        if not exchange.is_over:
            _spawn(exchange, _issue(exchange, call, body))

    if request.fields.expects_continue and upload.has_not_come():
        exchange.client.interim(100, b"")
    upload.attach(CollectedBody(go_on))


async def _issue(exchange: Browsing, call: TicketCall, body: bytes) -> None:
    settings = call.settings
    wanted = read_wanted(body)
    made: str | Deny = _BAD_BODY
    if wanted is not None:
        made = await _make(exchange, call, wanted)
    if exchange.is_over:
        return
    if isinstance(made, Deny):
        # Without a route: it is none of the table.
        exchange.refuse(made._replace(route=None))
        return
    answer = {"ticket": made, "expires_in": int(settings.lifetime_seconds)}
    fields = (("Content-Type", "application/json"),)
    exchange.respond(201, fields, json.dumps(answer).encode(), None)


async def _make(exchange: Browsing, call: TicketCall, wanted: WantedTicket) -> str | Deny:
    port, settings = exchange.port, call.settings
    if wanted.route and wanted.route not in settings.owners:
        return _NO_ROUTE
    found = await _authenticate(exchange, call)
    if isinstance(found, Deny):
        return found
    credential, allow = found
    if port.tickets is None or allow.token is None:
        return _GONE
    claims = allow.token.claims
    grant = Grant(
        credential,
        port.hosts[exchange.request.fields.host] or "",
        caller_of(claims.issuer, claims.subject or ""),
        wanted.route,
        wanted.path,
    )
    try:
        issued = await _ask(port.tickets.issue(grant, settings.lifetime_seconds))
    except TicketsGone:
        return _GONE
    return _REFUSED[issued] if isinstance(issued, Reason) else issued


async def _authenticate(exchange: Browsing, call: TicketCall) -> tuple[bytes, Allow] | Deny:
    """Return the caller's token, and the verdict about it; or why there will be no ticket."""
    port, request = exchange.port, exchange.request
    match, fields = Match(call.settings.route, {}), request.fields
    host = port.hosts[fields.host] or ""
    head = RequestHead(request.method, host, request.target, fields.authorization)
    verdict: Verdict = port.admission.decide_for(head, match)
    credential = fields.authorization
    if isinstance(verdict, NeedSession):
        session = await _session_of(exchange)
        if isinstance(session, Deny):
            return session
        credential = session.authorization
        verdict = port.admission.decide_by_session(head, request.browser(), session, match)
    if isinstance(verdict, Needed):
        known = head._replace(authorization=credential)
        verdict = await port.admission.decide_after(known, verdict, match)
    if isinstance(verdict, Allow) and verdict.would_deny is None:
        return credential[0][len(b"Bearer ") :].strip(b" "), verdict
    if isinstance(verdict, Allow) and verdict.would_deny is not None:
        return verdict.would_deny
    return verdict if isinstance(verdict, Deny) else _GONE


async def _session_of(exchange: Browsing) -> SessionCredential | Deny:
    logins = exchange.port.logins
    found: CachedSession | Reason = Reason.LOGIN_REQUIRED
    if logins is not None and exchange.request.fields.cookies.key:
        found = await logins.sessions.find(exchange.request.fields.cookies)
    if isinstance(found, CachedSession):
        return found.credential
    return Deny(found, "no token was sent, and no session")
