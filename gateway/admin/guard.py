"""Ask for the admin token, and turn every failure into a problem."""

import hmac
import logging
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.answers import problem

_log = logging.getLogger(__name__)

# Probes come from orchestrators that hold no secrets, and tell nothing but health.
OPEN_PATHS = frozenset({"/livez", "/readyz"})


def require_token(token: str | None) -> Middleware:
    """Return a middleware that refuses requests without *token*, on unknown paths too."""
    expected = None if token is None else token.encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if expected is None or request.path in OPEN_PATHS or _carries(request, expected):
            return await handler(request)
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "the admin token is required",
            headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="gateway admin"'},
        )

    return check


def _carries(request: web.Request, expected: bytes) -> bool:
    """Tell whether *request* has exactly one Authorization field, and *expected* in it."""
    values = request.headers.getall(hdrs.AUTHORIZATION, [])
    if len(values) != 1:
        return False
    scheme, _, given = values[0].partition(" ")
    # Compared in constant time: how long it takes must not tell how much of a guess is right.
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip(" ").encode("utf-8", "surrogateescape"), expected
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what *handler* raises with a problem body."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"allowed here: {allowed}",
            headers={hdrs.ALLOW: allowed},
        )
    except web.HTTPNotFound:
        return problem(HTTPStatus.NOT_FOUND, "the admin port has no such path")
    except Exception:  # the one place of this listener where a bug becomes an answer
        _log.exception("the admin port could not answer %s", request.path)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug; the log has more")
