"""The device flow: the endpoint for devices, and the page for people (RFC 8628)."""

from aiohttp import web

from gateway.issuer.clients import DEVICE_CODE
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
)
from gateway.issuer.pages.consent import ConsentForm, render_consent
from gateway.issuer.pages.messages import render_outcome, render_user_code_form
from gateway.issuer.paths import DEVICE_ANSWER_PATH, DEVICE_PATH
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.authorization_request import ACR_LEVELS
from gateway.issuer.requests.granting import find_unknown_scopes, grant_by_person
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import read_wishes
from gateway.issuer.state.device_codes import (
    DEVICE_SECONDS,
    Device,
    GuessesExceeded,
    shown,
)
from gateway.issuer.state.questions import Questions

_TOO_MANY = OAuthError("slow_down", "too many wrong codes were entered: try again in a minute", 429)


class DeviceFlow:
    """From a device that asks to a person who answers, at *issuer*."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._questions = Questions[Device](issuer.clock, issuer.new_secret)

    async def begin(self, request: web.Request) -> web.Response:
        """Return the codes for a device (RFC 8628 §3.2)."""
        sent = await read_client_form(request, self._issuer.authenticator)
        if isinstance(sent, OAuthError):
            return error_reply(sent)
        client, form = sent
        if DEVICE_CODE not in client.grant_types:
            return error_reply(OAuthError("unauthorized_client", "the client is no device"))
        wishes = read_wishes(form)
        if isinstance(wishes, OAuthError):
            return error_reply(wishes)
        unknown = find_unknown_scopes(wishes)
        if unknown is not None:
            return error_reply(unknown)
        device = self._issuer.devices.begin(client, wishes)
        uri = self._issuer.url + DEVICE_PATH
        return json_reply(
            {
                "device_code": device.device_code,
                "user_code": shown(device.user_code),
                "verification_uri": uri,
                "verification_uri_complete": f"{uri}?user_code={shown(device.user_code)}",
                "expires_in": DEVICE_SECONDS,
                "interval": device.interval_seconds,
            }
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the page for a user code: to enter it, or to confirm it (RFC 8628 §3.3)."""
        parameters = await read_query_or_form(request)
        if isinstance(parameters, OAuthError):
            return error_page_reply(parameters)
        user_code = parameters.get("user_code")
        if user_code is None:
            return page_reply(render_user_code_form(DEVICE_PATH))
        device = self._issuer.devices.find(user_code)
        if isinstance(device, GuessesExceeded):
            return error_page_reply(_TOO_MANY)
        if device is None:
            problem = "This code is not known, was used, or has expired."
            return page_reply(render_user_code_form(DEVICE_PATH, problem), status=400)
        return self._ask(request, device)

    async def answer(self, request: web.Request) -> web.Response:
        """Take the answer of the page."""
        form = await read_form(request)
        if isinstance(form, OAuthError):
            return error_page_reply(form)
        device = self._questions.take(browser_of(request), form.get("token"))
        if device is None:
            return error_page_reply(EXPIRED_FORM)
        if form.get("answer") != "allow":
            self._issuer.devices.answer(device.user_code, None)
            return page_reply(render_outcome("Declined", "The device gets no access."))
        session = await log_in(request, self._issuer, form)
        if isinstance(session, OAuthError):
            return error_page_reply(session)
        grant = grant_by_person(
            device.client,
            session.persona,
            session.authentication,
            device.wishes,
            self._issuer.default_audience,
        )
        if not self._issuer.devices.answer(device.user_code, grant):
            return error_page_reply(OAuthError("expired_token", "the device waits no more"))
        response = page_reply(
            render_outcome("Connected", "You can close this page and go back to your device.")
        )
        keep_session(response, session)
        return response

    def _ask(self, request: web.Request, device: Device) -> web.Response:
        browser = known_or_new(request, self._issuer)
        session = session_of(request, self._issuer)
        page = render_consent(
            ConsentForm(
                title="Connect a device",
                client_title=device.client.title,
                scopes=device.wishes.scopes,
                preselected=session.persona if session else next(iter(PERSONAS.values())),
                acr=ACR_LEVELS[0],
                action=DEVICE_ANSWER_PATH,
                token=self._questions.ask(browser, device),
                user_code=shown(device.user_code),
            )
        )
        response = page_reply(page)
        mark_browser(response, browser)
        return response
