"""Let in whom the admin port is for, and turn every failure into a problem."""

import hmac
import logging
import re
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.answers import problem
from gateway.settings.values.addresses import is_ip, is_loopback, parse_address
from gateway.settings.values.configuration import Address, Admin

_log = logging.getLogger(__name__)

# Probes come from orchestrators that hold no secrets, and tell nothing but health.
OPEN_PATHS = frozenset({"/livez", "/readyz"})

_PORT = re.compile(r":[0-9]+\Z")


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


def refuse_other_names(admin: Admin) -> Middleware:
    """Return a middleware that refuses requests for a host that is not this machine.

    Where no token is asked for, on loopback, a page of any website could have its own name lead
    here (DNS rebinding), and a browser on this machine would let it read everything, and reload.
    Where a token is, that page has none; on other addresses clients may go by any name.
    """
    is_for_us_alone = admin.token is None and is_loopback(admin.address.host)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_for_us_alone or request.path in OPEN_PATHS or _names_an_address(request):
            return await handler(request)
        return problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "without a token, only localhost and IP addresses are names of the admin port",
        )

    return check


def _names_an_address(request: web.Request) -> bool:
    """Tell whether *request* is for localhost or an IP address: no website has such a name."""
    hosts = request.headers.getall(hdrs.HOST, [])
    if not hosts:
        return True  # HTTP/1.0: no browser leaves it out
    # With the port, as it is written in a configuration; it need not be ours behind a tunnel.
    address = parse_address(hosts[0] if _PORT.search(hosts[0]) else f"{hosts[0]}:0")
    if len(hosts) != 1 or not isinstance(address, Address):
        return False
    return is_loopback(address.host) or is_ip(address.host)


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
