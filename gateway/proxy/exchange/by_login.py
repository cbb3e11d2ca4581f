"""Carry out what concerns browsers and their logins: find a session, begin a login, answer one."""

import asyncio
from collections.abc import Coroutine
from typing import Final, assert_never

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny, NeedSession
from gateway.http.login_calls import LoginCall
from gateway.http.ticket_calls import TicketCall
from gateway.login.requests import LoginRequest, LoginResponse, LoginsGone
from gateway.proxy.exchange.admit import (
    Admitted,
    ByLogin,
    NeedSessionKeys,
    NeedTicket,
    RefusedByLogin,
    admit_by_session,
    decide_with_session_keys,
    is_outdated,
    settle_by_session,
)
from gateway.proxy.exchange.browsing import Browsing
from gateway.proxy.exchange.by_ticket import take_ticket, take_ticket_call
from gateway.proxy.logins.browser_logins import BrowserLogins, make_login_request
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.streams.collected_body import CollectedBody

# Forms, and tokens in them: more than any browser or provider sends.
MOST_BODY_BYTES: Final = 64 * 1024

# How long a login may take to answer; its own questions to the issuer end before.
_SERVE_SECONDS: Final = 60.0

# Requests that the logins answer at the same time: no rate limit of a route applies to them.
_MOST_SERVED: Final = 1024

_TOO_LARGE: Final = Deny(Reason.BODY_TOO_LARGE, "the body is over the limit of a login")
_TOO_LATE: Final = Deny(Reason.LOGIN_UNAVAILABLE, "the login took too long to answer")
_TOO_MANY: Final = Deny(Reason.OVERLOADED, "too many requests to logins are in flight")
_GONE: Final = Deny(Reason.SESSIONS_UNAVAILABLE, "the process that keeps the sessions is gone")


def act_on_login(exchange: Browsing, verdict: ByLogin) -> None:
    """Act on *verdict*, now or in a task."""
    match verdict:
        case NeedSession():
            _spawn(exchange, _find_session(exchange, verdict))
        case NeedSessionKeys():
            _spawn(exchange, _ask_issuer(exchange, verdict))
        case RefusedByLogin(deny, session):
            _refuse(exchange, deny, session)
        case LoginCall():
            _take_call(exchange, verdict)
        case NeedTicket():
            take_ticket(exchange, verdict)
        case TicketCall():
            take_ticket_call(exchange, verdict)
        case _:
            assert_never(verdict)


def _spawn(exchange: Browsing, work: Coroutine[None, None, None]) -> None:
    exchange.waited = True
    exchange.port.spawn(work, exchange.give_up)


# --- by session


async def _find_session(exchange: Browsing, need: NeedSession) -> None:
    port, request = exchange.port, exchange.request
    own, logins = request.fields.cookies, port.logins
    found: CachedSession | Reason = Reason.SESSIONS_UNAVAILABLE
    if logins is not None:
        found = await logins.sessions.find(own)
    if exchange.is_over or _was_reloaded(exchange):
        return
    verdict = admit_by_session(port, request, need, found)
    if logins is not None and type(verdict) is RefusedByLogin and is_outdated(verdict):
        found = await logins.sessions.find(own, anew=True)
        if exchange.is_over or _was_reloaded(exchange):
            return
        verdict = admit_by_session(port, request, need, found)
    _go_on(exchange, found, verdict)


async def _ask_issuer(exchange: Browsing, need: NeedSessionKeys) -> None:
    port, request = exchange.port, exchange.request
    verdict = await decide_with_session_keys(port, request, need)
    if not exchange.is_over and not _was_reloaded(exchange):
        exchange.act(settle_by_session(port, request, need.session, verdict))


def _was_reloaded(exchange: Browsing) -> bool:
    """Begin again if a reload came first: nothing was acted on, so the new rules apply."""
    latest = exchange.port.latest()
    if latest is exchange.port:
        return False
    exchange.limit_fields = b""
    exchange.use(latest)
    exchange.begin()
    return True


def _go_on(exchange: Browsing, found: CachedSession | Reason, verdict: Admitted) -> None:
    if isinstance(found, CachedSession) and found.view.cookies:
        # Whatever the service says: a cache must not give one browser's session to another.
        # RFC 9213: some caches read the second field, and then not the first.
        exchange.limit_fields += b"\r\nCache-Control: no-store\r\nCDN-Cache-Control: no-store"
        for cookie in found.view.cookies:
            exchange.limit_fields += b"\r\nSet-Cookie: " + cookie
    exchange.act(verdict)


def _refuse(exchange: Browsing, deny: Deny, session: CachedSession | None) -> None:
    request, logins = exchange.request, exchange.port.logins
    begun = None if logins is None else logins.begin(request, deny)
    if begun is not None:
        _spawn(exchange, _serve(exchange, begun, deny))
        return
    url = None if logins is None else logins.calls.url(request, deny)
    if url is None:
        exchange.refuse(deny)
    else:
        exchange.refuse_with_login(deny, url)


# --- the paths of a login


def _take_call(exchange: Browsing, call: LoginCall) -> None:
    """Answer *call* once its body has come, if it has one that counts."""
    upload, request = exchange.upload, exchange.request
    if upload is None or request.method != "POST":
        _spawn(exchange, _serve(exchange, make_login_request(request, call), None))
        return
    if (upload.length or 0) > MOST_BODY_BYTES or upload.limit(MOST_BODY_BYTES):
        exchange.refuse(_TOO_LARGE)
        return

    def answer(body: bytes) -> None:
        if not exchange.is_over:
            asked = make_login_request(request, call, body=body)
            _spawn(exchange, _serve(exchange, asked, None))

    if request.fields.expects_continue and upload.has_not_come():
        exchange.client.interim(100, b"")
    upload.attach(CollectedBody(answer))


async def _serve(exchange: Browsing, asked: LoginRequest, deny: Deny | None) -> None:
    """Respond as the logins do; *deny* is the refusal that a navigation would have had."""
    logins = exchange.port.logins
    answer = _GONE if logins is None else await _answer(logins, asked)
    if exchange.is_over:
        return
    if isinstance(answer, LoginResponse):
        _respond(exchange, answer, deny)
    else:
        exchange.refuse(answer if deny is None else answer._replace(route=deny.route))


async def _answer(logins: BrowserLogins, asked: LoginRequest) -> LoginResponse | Deny:
    if logins.serving >= _MOST_SERVED:
        return _TOO_MANY
    logins.serving += 1
    try:
        async with asyncio.timeout(_SERVE_SECONDS):
            return await logins.asked.serve(asked)
    except TimeoutError:
        return _TOO_LATE
    except LoginsGone:
        return _GONE
    finally:
        logins.serving -= 1


def _respond(exchange: Browsing, response: LoginResponse, deny: Deny | None) -> None:
    if response.reason is not None:
        route, token = (None, None) if deny is None else (deny.route, deny.token)
        deny = Deny(response.reason, response.detail, route, token)
    exchange.respond(response.status, response.fields, response.body, deny)
