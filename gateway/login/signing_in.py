"""Log a browser in: send it to the issuer, and take it back from there."""

import re
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl

from gateway.decision.path import path_segments, split_path
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.login.client import Failure, LoginClient
from gateway.login.cookies import clear_cookie, login_cookie_name, set_session
from gateway.login.kept import LoginsKept
from gateway.login.pages import choice_page, redirect
from gateway.login.requests import LoginRequest, LoginResponse, StepUpWanted
from gateway.login.sealing import KeyRing
from gateway.login.session import Session
from gateway.login.sessions import Sessions
from gateway.login.site import Site
from gateway.login.store import SessionTooLarge, StoreUnavailable
from gateway.login.under_way import (
    MAX_AGE_SECONDS,
    LoginUnderWay,
    find_login,
    keep_login,
    state_hash,
)
from gateway.oauth.redirect import CodeResponse, ErrorResponse, check_response, parse_redirect

# Where to return to travels in a cookie, sealed, with the rest of a login under way.
MAX_RETURN_TO_BYTES: Final = 2048

# Of parameters in a URL that anyone may have made: names of authentications, and an age.
_ACR_VALUES: Final = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_MAX_ACR_CHARACTERS: Final = 500
_MAX_AGE: Final = re.compile(r"[0-9]{1,8}")

# RFC 6749 §4.1.2.1: what may go better the next time, without anybody doing anything.
_PASSING: Final = frozenset(("server_error", "temporarily_unavailable"))


class SigningIn:
    """Begins logins, and ends them with a session."""

    def __init__(self, sessions: Sessions, kept: LoginsKept) -> None:
        self._sessions = sessions
        self._kept = kept
        self._rings: dict[tuple[bytes, ...], KeyRing] = {}

    # --- to the issuer

    async def begin(self, request: LoginRequest, site: Site) -> LoginResponse:
        """Redirect a browser to the issuer, or to a page to choose one from."""
        if request.is_navigation:
            return_to = check_return_to(request.target, site.prefix)
            return await self._choose(request, site, return_to, request.step_up)
        given = dict(parse_qsl(request.target.partition("?")[2]))
        return_to = check_return_to(given.get("to", "/"), site.prefix)
        step_up = _read_step_up(given)
        name = given.get("login")
        if name is None:
            return await self._choose(request, site, return_to, step_up)
        client = site.find(name)
        if client is None:
            failure = Failure(Reason.LOGIN_FAILED, "there is no login of that name here")
            return site.refuse(request, failure, return_to)
        return await self._redirect(request, site, client, return_to, step_up)

    async def _choose(
        self, request: LoginRequest, site: Site, return_to: str, step_up: StepUpWanted | None
    ) -> LoginResponse:
        client = site.clients[0] if len(site.clients) == 1 else None
        if client is None and step_up is not None:
            client = await self._find_client(request, site)
        if client is not None:
            return await self._redirect(request, site, client, return_to, step_up)
        if request.is_navigation:
            return redirect(302, site.origin.text + site.login_path(return_to, "", step_up))
        names = [one.login.name for one in site.clients]
        return choice_page({name: site.login_path(return_to, name, step_up) for name in names})

    async def _find_client(self, request: LoginRequest, site: Site) -> LoginClient | None:
        """Return the login of the session that is to be stepped up."""
        try:
            held = await self._sessions.read(request.cookies)
        except StoreUnavailable:
            return None  # then a person chooses
        return None if held is None else site.find(held.client.login.name)

    async def _redirect(
        self,
        request: LoginRequest,
        site: Site,
        client: LoginClient,
        return_to: str,
        step_up: StepUpWanted | None,
    ) -> LoginResponse:
        login = client.begin(site.origin, return_to, step_up)
        url = await client.ask_for_code(login)
        if isinstance(url, Failure):
            self._count(client, url)
            return site.refuse(request, url, return_to)
        cookie, gone = keep_login(login, self._ring(client), request.cookies)
        self._kept.counts.logins[client.login.name, "begun"] += 1
        cookies = (cookie, *map(clear_cookie, gone))
        return redirect(302, url, [("Set-Cookie", one) for one in cookies])

    def _ring(self, client: LoginClient) -> KeyRing:
        keys = client.login.session.keys
        if not keys:
            return self._kept.ring
        return self._rings.setdefault(keys, KeyRing(keys))

    # --- and back

    async def finish(self, request: LoginRequest, site: Site) -> LoginResponse:
        """Take a browser back from the issuer, with a session if everything is as it must be."""
        response = parse_redirect(request.target.partition("?")[2])
        if isinstance(response, str):
            failure = Failure(Reason.LOGIN_FAILED, f"the callback: {response}")
            return site.refuse(request, failure)
        found = self._find_login(request, site, response.state)
        if found is None:
            detail = "this browser has no login under way with this state"
            return site.refuse(request, Failure(Reason.LOGIN_FAILED, detail))
        client, login = found
        try:
            outcome = await self._log_in(client, login, site, response)
            if isinstance(outcome, Session):
                return await self._enter(request, site, login, outcome)
        except StoreUnavailable as error:
            # Its cookie stays: the state was not used, or the page can be asked for again.
            failure = Failure(Reason.SESSIONS_UNAVAILABLE, str(error))
            return site.refuse(request, failure, login.return_to)
        self._count(client, outcome)
        return site.refuse(request, outcome, login.return_to, _spent(login))

    def _find_login(
        self, request: LoginRequest, site: Site, state: str
    ) -> tuple[LoginClient, LoginUnderWay] | None:
        for ring in dict.fromkeys(map(self._ring, site.clients)):
            login = find_login(state, ring, request.cookies)
            client = None if login is None else site.find(login.login)
            if login is not None and client is not None:
                return client, login
        return None

    async def _log_in(
        self,
        client: LoginClient,
        login: LoginUnderWay,
        site: Site,
        response: CodeResponse | ErrorResponse,
    ) -> Session | Failure:
        now = self._sessions.now()
        if login.is_over(now):
            return Failure(Reason.LOGIN_FAILED, "the login began too long ago")
        if login.issuer != client.iss or login.origin != site.origin.text:
            return Failure(Reason.LOGIN_FAILED, "the login began at another issuer or origin")
        endpoints = await client.endpoints()
        if isinstance(endpoints, Failure):
            return endpoints
        fault = check_response(response, login.state, endpoints)
        if fault is not None:
            return Failure(Reason.LOGIN_FAILED, f"the callback: {fault}")
        if isinstance(response, ErrorResponse):
            is_passing = response.fault.code in _PASSING
            reason = Reason.LOGIN_UNAVAILABLE if is_passing else Reason.LOGIN_FAILED
            return Failure(reason, response.fault.detail)
        # Before the code is sent: whoever has both state and cookie sends one code at most. Only
        # then, for what is used is remembered: strangers could fill that memory in minutes.
        state = state_hash(login.state)
        if not await self._sessions.use_once(client, state, 2 * MAX_AGE_SECONDS):
            return Failure(Reason.LOGIN_FAILED, "the state was used before")
        return await client.log_in(response.code, login)

    async def _enter(
        self, request: LoginRequest, site: Site, login: LoginUnderWay, session: Session
    ) -> LoginResponse:
        """Give the browser its session, a new one whatever it had, and end the one it had."""
        former = await self._sessions.read(request.cookies)
        try:
            kept = await self._sessions.begin(session)
        except SessionTooLarge as error:
            failure = Failure(Reason.LOGIN_FAILED, str(error))
            return site.refuse(request, failure, login.return_to, _spent(login))
        if kept is None or kept.value is None:
            failure = Failure(Reason.LOGIN_FAILED, "the issuer ended the session meanwhile")
            return site.refuse(request, failure, login.return_to, _spent(login))
        if former is not None:
            try:
                await self._sessions.end(former, "replaced")
            except StoreUnavailable:
                with suppress(StoreUnavailable):
                    await self._sessions.end_by_id(kept.session.id)
                raise
        self._kept.counts.logins[login.login, "succeeded"] += 1
        cookies = (*set_session(kept.value, request.cookies), _spent(login))
        location = login.origin + login.return_to
        return redirect(303, location, [("Set-Cookie", one) for one in cookies])

    def _count(self, client: LoginClient, failure: Failure) -> None:
        is_refused = failure.reason is Reason.LOGIN_FAILED
        outcome = "failed" if is_refused else "unavailable"
        self._kept.counts.logins[client.login.name, outcome] += 1


def _spent(login: LoginUnderWay) -> str:
    return clear_cookie(login_cookie_name(login.state))


def _read_step_up(given: dict[str, str]) -> StepUpWanted | None:
    """Return what a link to a login asks for; what is malformed is not asked for.

    A page's script takes it from the challenge of a refused request (RFC 9470 §3).
    """
    acr_values, max_age = given.get("acr_values", ""), given.get("max_age", "")
    is_named = len(acr_values) <= _MAX_ACR_CHARACTERS and _ACR_VALUES.fullmatch(acr_values)
    wanted = StepUpWanted(
        tuple(acr_values.split(" ")) if is_named else (),
        int(max_age) if _MAX_AGE.fullmatch(max_age) else None,
    )
    return None if wanted == StepUpWanted() else wanted


def check_return_to(text: str, prefix: str) -> str:
    r"""Return *text* if it is a path with an optional query on the same origin, else ``/``.

    Browsers read ``//host``, ``/\\host`` and ``/<tab>/host`` as another host: an open redirector
    (RFC 9700 §4.11, CVE-2021-32786). A path below *prefix*, where logins themselves are, would
    begin the next login, for ever.
    """
    if len(text) > MAX_RETURN_TO_BYTES or not text.startswith("/") or text.startswith("//"):
        return "/"
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text or "#" in text:
        return "/"
    path = split_path(text.encode("ascii"))
    if isinstance(path_segments(path), Deny) or path.startswith(f"{prefix}/".encode("ascii")):
        return "/"
    return text
