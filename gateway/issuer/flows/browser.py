"""Who is logged in in a browser, and the two cookies that say so."""

import re

from aiohttp import web

from gateway.issuer.flows.issuer import Issuer
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.authorization_request import ACR_LEVELS
from gateway.issuer.requests.parameters import OAuthError, Parameters
from gateway.issuer.state.sessions import SESSION_SECONDS, IssuerSession

# Cookies do not tell ports apart, so the names say whose they are.
_BROWSER_COOKIE = "development-issuer-browser"
_SESSION_COOKIE = "development-issuer-session"

# What `secrets.token_urlsafe` makes.
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,80}")

EXPIRED_FORM = OAuthError(
    "invalid_request", "this form was sent before, has expired, or is of another browser", 403
)


def browser_of(request: web.Request) -> str | None:
    """Return the secret that a former page gave to the browser; None if it cannot be one."""
    secret = request.cookies.get(_BROWSER_COOKIE, "")
    return secret if _SECRET.fullmatch(secret) else None


def session_of(request: web.Request, issuer: Issuer) -> IssuerSession | None:
    """Return the session of the browser."""
    return issuer.sessions.find(request.cookies.get(_SESSION_COOKIE))


async def log_in(
    request: web.Request, issuer: Issuer, form: Parameters
) -> IssuerSession | OAuthError:
    """Log in the persona that *form* names.

    The session of another persona in the same browser ends, and its clients hear of that.
    """
    persona = PERSONAS.get(form.get("persona") or "")
    acr = form.get("acr") or ACR_LEVELS[0]
    if persona is None or acr not in ACR_LEVELS:
        return OAuthError("invalid_request", "the persona or the way to log in is not known")
    former = session_of(request, issuer)
    session = issuer.sessions.log_in(former, persona, acr)
    if former is not None and former.persona is not persona:
        await issuer.notices.send([former])
    return session


def mark_browser(response: web.Response, browser: str) -> None:
    """Have the browser keep the secret that its answers are recognized by."""
    response.set_cookie(_BROWSER_COOKIE, browser, httponly=True, samesite="Lax")


def keep_session(response: web.Response, session: IssuerSession) -> None:
    """Have the browser keep *session*. Not Secure: the issuer is plain http on loopback."""
    response.set_cookie(
        _SESSION_COOKIE, session.key, max_age=SESSION_SECONDS, httponly=True, samesite="Lax"
    )


def drop_session(response: web.Response) -> None:
    """Have the browser forget its session."""
    response.del_cookie(_SESSION_COOKIE, httponly=True, samesite="Lax")


def known_or_new(request: web.Request, issuer: Issuer) -> str:
    """Return the secret of the browser, a new one if it has none."""
    return browser_of(request) or issuer.new_secret()
