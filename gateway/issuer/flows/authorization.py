"""The authorization endpoint, its page, and requests that are pushed to it before (RFC 9126)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.flows.browser import (
    EXPIRED_FORM,
    browser_of,
    keep_session,
    known_or_new,
    log_in,
    mark_browser,
    session_of,
)
from gateway.issuer.flows.issuer import Issuer
from gateway.issuer.flows.messages import (
    error_page_reply,
    error_reply,
    json_reply,
    page_reply,
    read_client_form,
    read_form,
    read_query_or_form,
    redirect_reply,
)
from gateway.issuer.flows.next_step import NextStep, asked, next_step, preselected_acr
from gateway.issuer.pages.consent import ConsentForm, render_consent
from gateway.issuer.paths import CONSENT_PATH
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.authorization_request import (
    AuthorizationRequest,
    RefusedAuthorization,
    read_authorization_request,
)
from gateway.issuer.requests.granting import grant_by_person
from gateway.issuer.requests.parameters import OAuthError, Parameters
from gateway.issuer.state.questions import Questions
from gateway.issuer.state.sessions import IssuerSession

# RFC 9126 §2.2: from five seconds to ten minutes; a browser follows at once.
PUSHED_SECONDS = 60
_PUSHED_PREFIX = "urn:ietf:params:oauth:request_uri:"
_MAX_PUSHED = 1_000


@dataclass(frozen=True, slots=True)
class _Asked:
    request: AuthorizationRequest
    pushed_uri: str | None


class AuthorizationFlow:
    """From an authorization request to a code (RFC 6749 §4.1, OpenID Connect Core §3.1)."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._questions = Questions[_Asked](issuer.clock, issuer.new_secret)
        self._pushed = ExpiringTable[str, AuthorizationRequest](_MAX_PUSHED, issuer.clock)

    async def push(self, request: web.Request) -> web.Response:
        """Keep a request of a client that authenticates; return its ``request_uri``."""
        sent = await read_client_form(request, self._issuer.authenticator)
        if isinstance(sent, OAuthError):
            return error_reply(sent)
        client, form = sent
        if form.get("client_id") not in (None, client.client_id):
            return error_reply(OAuthError("invalid_request", "client_id is that of another client"))
        read = read_authorization_request(form, {client.client_id: client})
        if isinstance(read, RefusedAuthorization):
            return error_reply(read.error)
        uri = _PUSHED_PREFIX + self._issuer.new_secret()
        self._pushed.put(uri, read, PUSHED_SECONDS)
        return json_reply({"request_uri": uri, "expires_in": PUSHED_SECONDS}, status=201)

    async def authorize(self, request: web.Request) -> web.Response:
        """Answer an authorization request: by a redirect, or by a page."""
        parameters = await read_query_or_form(request)
        if isinstance(parameters, OAuthError):
            return error_page_reply(parameters)
        read = self._read(parameters)
        if isinstance(read, RefusedAuthorization):
            return self._refuse(read)
        session = session_of(request, self._issuer)
        hint = self._read_hint(read.request)
        if isinstance(hint, OAuthError):
            return self._send_error(read.request, hint)
        step = next_step(read.request, session, hint, self._issuer.clock())
        if isinstance(step, OAuthError):
            return self._send_error(read.request, step)
        if step is NextStep.GIVE_CODE and session is not None:
            return self._send_code(read, session)
        return self._ask(request, read, session, hint)

    async def answer(self, request: web.Request) -> web.Response:
        """Take the answer of the page."""
        form = await read_form(request)
        if isinstance(form, OAuthError):
            return error_page_reply(form)
        question = self._questions.take(browser_of(request), form.get("token"))
        if question is None:
            return error_page_reply(EXPIRED_FORM)
        if form.get("answer") != "allow":
            return self._send_error(
                question.request, OAuthError("access_denied", "the person declined")
            )
        session = await log_in(request, self._issuer, form)
        if isinstance(session, OAuthError):
            return error_page_reply(session)
        response = self._send_code(question, session)
        keep_session(response, session)
        return response

    def _read(self, parameters: Parameters) -> _Asked | RefusedAuthorization:
        uri = parameters.get("request_uri")
        if uri is None or not uri.startswith(_PUSHED_PREFIX):
            read = read_authorization_request(parameters, self._issuer.clients)
            return read if isinstance(read, RefusedAuthorization) else _Asked(read, None)
        pushed = self._pushed.get(uri)
        # RFC 9126 §4: what stands beside request_uri counts for nothing, but for the client.
        if pushed is None or pushed.client.client_id != parameters.get("client_id"):
            description = "request_uri has expired, was used, or is of another client"
            return RefusedAuthorization(OAuthError("invalid_request_uri", description))
        return _Asked(pushed, uri)

    def _read_hint(self, request: AuthorizationRequest) -> str | OAuthError | None:
        if request.id_token_hint is None:
            return None
        hint = self._issuer.signer.read_hint(request.id_token_hint)
        if hint is None:
            return OAuthError("invalid_request", "id_token_hint is not an ID token of this issuer")
        return hint.subject

    def _ask(
        self,
        request: web.Request,
        question: _Asked,
        session: IssuerSession | None,
        hint: str | None,
    ) -> web.Response:
        browser = known_or_new(request, self._issuer)
        asking = question.request
        known = hint or asking.login_hint or (session.persona.name if session else None)
        page = render_consent(
            ConsentForm(
                title="Log in",
                client_title=asking.client.title,
                scopes=asking.wishes.scopes,
                preselected=PERSONAS.get(known or "") or next(iter(PERSONAS.values())),
                acr=preselected_acr(asking.acr_values),
                action=CONSENT_PATH,
                token=self._questions.ask(browser, question),
                returns_to=asking.redirect_uri,
            )
        )
        response = page_reply(page, form_leads_to=[asking.redirect_uri])
        mark_browser(response, browser)
        return response

    def _send_code(self, question: _Asked, session: IssuerSession) -> web.Response:
        request, client = question.request, question.request.client
        if question.pushed_uri is not None:
            self._pushed.pop(question.pushed_uri)
        grant = grant_by_person(
            client,
            session.persona,
            session.authentication,
            request.wishes,
            self._issuer.default_audience,
        )
        self._issuer.sessions.remember(
            session,
            client.client_id,
            asked(request.wishes, session.persona),
            client.backchannel_logout_uri(request.redirect_uri),
        )
        code = self._issuer.codes.issue(
            replace(grant, nonce=request.nonce), request.redirect_uri, request.code_challenge
        )
        return self._redirect(request.redirect_uri, {"code": code, "state": request.state})

    def _send_error(self, request: AuthorizationRequest, error: OAuthError) -> web.Response:
        return self._refuse(RefusedAuthorization(error, request.redirect_uri, request.state))

    def _refuse(self, refused: RefusedAuthorization) -> web.Response:
        if refused.redirect_uri is None:
            return error_page_reply(refused.error)
        return self._redirect(
            refused.redirect_uri,
            {
                "error": refused.error.code,
                "error_description": refused.error.description,
                "state": refused.state,
            },
        )

    def _redirect(self, uri: str, parameters: Mapping[str, str | None]) -> web.Response:
        # RFC 9207 §2: errors, too, say who sent them.
        return redirect_reply(uri, {**parameters, "iss": self._issuer.url})
