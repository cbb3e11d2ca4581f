"""The logins of one configuration: what they are asked, and the sessions that they keep."""

from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.login_calls import LoginCall, LoginCalls
from gateway.http.reading.request import Request
from gateway.login.requests import LoginRequest, Logins, StepUpWanted
from gateway.proxy.logins.session_cache import SessionCache

_STEPS_UP: Final = frozenset((Reason.AUTHENTICATION_TOO_WEAK, Reason.AUTHENTICATION_TOO_OLD))


class BrowserLogins:
    """What the data port knows of the logins of one configuration.

    *asked* are the logins themselves, *sessions* those that they keep, and *calls* the requests
    that they answer. *serving* counts the requests that they have not answered yet.
    """

    def __init__(self, calls: LoginCalls, asked: Logins, sessions: SessionCache) -> None:
        self.calls = calls
        self.asked = asked
        self.sessions = sessions
        self.serving = 0

    def begin(self, request: Request, deny: Deny) -> LoginRequest | None:
        """Return the login that a navigation needs that was refused by *deny*; None for others."""
        call = self.calls.begun_by(request, deny)
        if call is None or deny.route is None:
            return None
        wanted = deny.route.step_up if deny.reason in _STEPS_UP else None
        step_up = None
        if wanted is not None:
            step_up = StepUpWanted(tuple(wanted.acr_values), wanted.max_age_seconds)
        return make_login_request(request, call, step_up=step_up, is_navigation=True)


def make_login_request(
    request: Request,
    call: LoginCall,
    *,
    body: bytes = b"",
    step_up: StepUpWanted | None = None,
    is_navigation: bool = False,
) -> LoginRequest:
    """Return what the logins have to know of *request*, whose whole *body* is in hand."""
    browser = request.browser()
    return LoginRequest(
        endpoint=call.endpoint,
        is_navigation=is_navigation,
        logins=call.logins,
        method=request.method,
        authority=browser.authority.decode("latin-1"),
        target=request.target.decode("latin-1"),
        cookies=request.fields.cookies.all,
        origin=browser.origin.decode("latin-1"),
        site=browser.site.decode("latin-1"),
        csrf=browser.csrf.decode("latin-1"),
        accept=browser.accept.decode("latin-1"),
        content_type=request.fields.only(b"content-type").decode("latin-1"),
        body=body,
        step_up=step_up,
    )
