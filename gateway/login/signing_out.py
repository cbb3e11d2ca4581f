"""Log out: the browser that asks for it, or whoever an issuer names (back-channel logout)."""

import asyncio
import json
import logging
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

from gateway.decision.browser import BrowserFields, is_forged
from gateway.decision.reason import Reason
from gateway.login.client import Failure, LoginClient
from gateway.login.cookies import clear_session
from gateway.login.kept import LoginsKept
from gateway.login.pages import answer_json
from gateway.login.requests import LoginRequest, LoginResponse
from gateway.login.session import Tokens
from gateway.login.sessions import Sessions
from gateway.login.signed import LogoutOrder
from gateway.login.site import Site
from gateway.login.store import Ended, StoreUnavailable

_log = logging.getLogger(__name__)

_FORM: Final = "application/x-www-form-urlencoded"
_MAX_PARAMETERS: Final = 16

# Revocations in flight: what an issuer that hangs may cost.
_MAX_REVOCATIONS: Final = 100
_CLOSE_SECONDS: Final = 2.0


class SigningOut:
    """Ends sessions, and tells issuers and browsers."""

    def __init__(self, sessions: Sessions, kept: LoginsKept) -> None:
        self._sessions = sessions
        self._kept = kept
        self._revoking: set[asyncio.Task[None]] = set()

    async def log_out(self, request: LoginRequest, site: Site) -> LoginResponse:
        """End the browser's session; the response says where the page goes then.

        A page's fetch cannot follow a redirect to the issuer, so the response is JSON.
        """
        browser = BrowserFields(
            authority=request.authority.encode(),
            origin=request.origin.encode(),
            site=request.site.encode(),
            csrf=request.csrf.encode(),
        )
        forgery = is_forged("POST", browser, site.origins)
        if forgery is not None:
            return site.refuse(request, Failure(Reason.CSRF_REFUSED, forgery))
        cookies = [("Set-Cookie", one) for one in clear_session(request.cookies)]
        try:
            held = await self._sessions.read(request.cookies)
            if held is None:
                client = site.clients[0]
                return answer_json({"redirect": client.after_logout(site.origin)}, cookies)
            await self._sessions.end(held, "logout")
        except StoreUnavailable as error:
            return site.refuse(request, Failure(Reason.SESSIONS_UNAVAILABLE, str(error)))
        self._revoke(held.client, held.session.tokens)
        url = held.client.logout_url(held.session, site.origin)
        return answer_json({"redirect": url}, cookies)

    def _revoke(self, client: LoginClient, tokens: Tokens) -> None:
        """Have the issuer revoke *tokens*, as far as it can; nobody waits for it."""
        if len(self._revoking) < _MAX_REVOCATIONS:
            name = f"revocation for {client.login.name}"
            task = asyncio.create_task(self._try_to_revoke(client, tokens), name=name)
            self._revoking.add(task)
            task.add_done_callback(self._revoking.discard)

    async def _try_to_revoke(self, client: LoginClient, tokens: Tokens) -> None:
        fault = await client.revoke(tokens)
        if fault is not None:
            _log.warning("login %s: tokens not revoked at logout: %s", client.login.name, fault)

    async def close(self) -> None:
        """Let revocations in flight finish, for a moment."""
        tasks = set(self._revoking)
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- back-channel

    async def obey(self, request: LoginRequest, site: Site) -> LoginResponse:
        """End the sessions that an issuer's logout token names (Back-Channel Logout 1.0 §2.5)."""
        text = _read_form(request)
        if text is None:
            return _bad_request("the body is a form with one logout_token")
        faults: list[str] = []
        for client in site.clients:
            order = await client.read_logout_token(text)
            if isinstance(order, LogoutOrder):
                return await self._end(client, order, text, request, site)
            if order.is_passing:
                return site.refuse(request, Failure(Reason.LOGIN_UNAVAILABLE, order.detail))
            faults.append(f"{client.login.name}: {order.detail}")
        return _bad_request("; ".join(faults))

    async def _end(
        self, client: LoginClient, order: LogoutOrder, text: str, request: LoginRequest, site: Site
    ) -> LoginResponse:
        used = sha256(f"{client.iss}\n{order.token_id}".encode()).digest()
        # One that ended nothing because the store failed may come again.
        endings, expires_in = self._kept.endings, order.expires_at - self._sessions.now()
        try:
            seconds = max(expires_in + client.leeway_seconds, 1.0)
            is_new = await self._sessions.use_once(client, used, seconds)
            if not is_new and used not in endings:
                return _bad_request(f"{client.login.name}: the logout token was used before")
            await self._sessions.end_all(_which(client, order), "backchannel_logout")
        except StoreUnavailable as error:
            endings.add(used)
            return site.refuse(request, Failure(Reason.SESSIONS_UNAVAILABLE, str(error)))
        endings.discard(used)
        return LoginResponse(200)


def _which(client: LoginClient, order: LogoutOrder) -> Ended:
    """Return what *order* ends: one session at the issuer, or, if it names none, all of a subject.

    Only those that had begun when it was issued: a logout must not end the login after it.
    """
    if order.sid is not None:
        return Ended(client.iss, sid=order.sid)
    return Ended(client.iss, subject=order.subject, before=order.issued_at)


def _read_form(request: LoginRequest) -> str | None:
    """Return the logout token in the body of *request*, or None."""
    if request.content_type.partition(";")[0].strip().lower() != _FORM:
        return None
    try:
        body = request.body.decode("ascii")
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return None
    found = [value for name, value in pairs if name == "logout_token"]
    return found[0] if len(found) == 1 else None


def _bad_request(detail: str) -> LoginResponse:
    """Return the error of Back-Channel Logout 1.0 §2.8; what is wrong is for our log."""
    body = json.dumps({"error": "invalid_request"}).encode("ascii")
    fields = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
    return LoginResponse(400, fields, body, Reason.LOGIN_FAILED, f"back-channel logout: {detail}")
