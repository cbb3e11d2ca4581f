"""Log out: at the wish of a client (OpenID Connect RP-Initiated Logout), or of a test."""

from dataclasses import dataclass, field

from aiohttp import web

from gateway.issuer.flows.browser import (
    EXPIRED_FORM,
    browser_of,
    drop_session,
    known_or_new,
    mark_browser,
    session_of,
)
from gateway.issuer.flows.issuer import Issuer
from gateway.issuer.flows.messages import (
    error_page_reply,
    error_reply,
    json_reply,
    page_reply,
    read_form,
    read_query_or_form,
    redirect_reply,
)
from gateway.issuer.pages.messages import render_logout_question, render_outcome
from gateway.issuer.paths import LOGOUT_ANSWER_PATH
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.parameters import OAuthError, Parameters, read_parameters
from gateway.issuer.state.questions import Questions
from gateway.issuer.state.sessions import IssuerSession
from gateway.issuer.tokens.id_token import IdTokenHint


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A valid request; *returns_to* is registered for the client that sent it."""

    hint: IdTokenHint | None
    returns_to: str | None
    state: str | None = field(default=None, repr=False)


class LogoutFlow:
    """From a request to log out to the end of the session, of which its clients hear."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._questions = Questions[LogoutRequest](issuer.clock, issuer.new_secret)

    async def log_out(self, request: web.Request) -> web.Response:
        """Log out a browser that its client sent here, after a question if need be.

        A hint about the session that the browser has here answers the question: only the client
        of that session has such an ID token (RP-Initiated Logout §2, §6).
        """
        parameters = await read_query_or_form(request)
        if isinstance(parameters, OAuthError):
            return error_page_reply(parameters)
        wanted = self._read(parameters)
        if isinstance(wanted, OAuthError):
            return error_page_reply(wanted)
        session = session_of(request, self._issuer)
        if session is None:
            return _send_back(wanted)
        if wanted.hint is not None and wanted.hint.sid == session.authentication.sid:
            return await self._end(wanted, session)
        browser = known_or_new(request, self._issuer)
        token = self._questions.ask(browser, wanted)
        page = render_logout_question(LOGOUT_ANSWER_PATH, token, session.persona.name.title())
        response = page_reply(page, form_leads_to=[wanted.returns_to] if wanted.returns_to else [])
        mark_browser(response, browser)
        return response

    async def answer(self, request: web.Request) -> web.Response:
        """Take the answer of the page."""
        form = await read_form(request)
        if isinstance(form, OAuthError):
            return error_page_reply(form)
        wanted = self._questions.take(browser_of(request), form.get("token"))
        if wanted is None:
            return error_page_reply(EXPIRED_FORM)
        session = session_of(request, self._issuer)
        if form.get("answer") != "allow":
            return page_reply(render_outcome("Still logged in", "Nothing was changed."))
        if session is None:
            return _send_back(wanted)
        return await self._end(wanted, session)

    async def end_sessions(self, request: web.Request) -> web.Response:
        """End the sessions of `sub`, or all of them: an operator's act, for tests."""
        # `curl -X POST` sends no body, and no type of one.
        form = await read_form(request) if await request.read() else read_parameters([])
        if isinstance(form, OAuthError):
            return error_reply(form)
        subject = form.get("sub")
        if subject is not None and subject not in PERSONAS:
            return error_reply(OAuthError("invalid_request", "sub is no persona"))
        ended = self._issuer.sessions.end_of(subject)
        await self._issuer.notices.send(ended)
        return json_reply({"ended": len(ended)})

    async def _end(self, wanted: LogoutRequest, session: IssuerSession) -> web.Response:
        self._issuer.sessions.end(session)
        await self._issuer.notices.send([session])
        response = _send_back(wanted)
        drop_session(response)
        return response

    def _read(self, parameters: Parameters) -> LogoutRequest | OAuthError:
        if parameters.repetition is not None:
            return parameters.repetition
        hint = None
        if (sent := parameters.get("id_token_hint")) is not None:
            hint = self._issuer.signer.read_hint(sent)
            if hint is None:
                return OAuthError(
                    "invalid_request", "id_token_hint is not an ID token of this issuer"
                )
        client_id = parameters.get("client_id")
        if hint is not None and client_id not in (None, hint.client_id):
            return OAuthError("invalid_request", "client_id is not that of id_token_hint")
        client = self._issuer.clients.get(client_id or (hint.client_id if hint else ""))
        returns_to = parameters.get("post_logout_redirect_uri")
        if returns_to is None:
            return LogoutRequest(hint, None)
        if client is None or not client.allows_redirect_after_logout(returns_to):
            return OAuthError(
                "invalid_request", "post_logout_redirect_uri is not registered for a known client"
            )
        return LogoutRequest(hint, returns_to, parameters.get("state"))


def _send_back(wanted: LogoutRequest) -> web.Response:
    if wanted.returns_to is None:
        return page_reply(render_outcome("Logged out", "You are logged out of this issuer."))
    return redirect_reply(wanted.returns_to, {"state": wanted.state})
