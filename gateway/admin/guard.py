"""Refuse unauthorised requests to the admin port, and turn every failure into a problem."""

import hmac
import logging
import re
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.responses import problem
from gateway.settings.values.addresses import is_ip, is_loopback, parse_address
from gateway.settings.values.configuration import Address, Admin

_log = logging.getLogger(__name__)

# Probes come from orchestrators without secrets, and reveal only the health.
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
    """Return a middleware that refuses requests for a host name that is not this machine.

    Without a token, on loopback, any website could point its own name here (DNS rebinding), and a
    browser on this machine would let its pages read everything, and reload. A token protects from
    that; on other addresses clients may use any name.
    """
    is_local_only = admin.token is None and is_loopback(admin.address.host)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_local_only or request.path in OPEN_PATHS or _names_an_address(request):
            return await handler(request)
        return problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "without a token, only localhost and IP addresses are names of the admin port",
        )

    return check


def _names_an_address(request: web.Request) -> bool:
    """Return whether *request* is for localhost or an IP address, which no website can claim."""
    hosts = request.headers.getall(hdrs.HOST, [])
    if not hosts:
        return True  # HTTP/1.0: every browser sends it
    # With a port, as `parse_address` expects; behind a tunnel it may be another one.
    address = parse_address(hosts[0] if _PORT.search(hosts[0]) else f"{hosts[0]}:0")
    if len(hosts) != 1 or not isinstance(address, Address):
        return False
    return is_loopback(address.host) or is_ip(address.host)


def _carries(request: web.Request, expected: bytes) -> bool:
    """Return whether *request* has exactly one Authorization field, with *expected* in it."""
    values = request.headers.getall(hdrs.AUTHORIZATION, [])
    if len(values) != 1:
        return False
    scheme, _, given = values[0].partition(" ")
    # Compared in constant time, so that the duration does not reveal a partial match.
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip(" ").encode("utf-8", "surrogateescape"), expected
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an exception of *handler* into a problem body."""
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
    except Exception:  # the one place where an internal error becomes a response of this port
        _log.exception("internal error in the admin port at %s", request.path)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log")
