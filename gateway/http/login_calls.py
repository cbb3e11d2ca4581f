"""Find the requests that logins answer themselves, and say where people log in."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from gateway.decision.browser import is_navigation
from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.path import split_path
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match, Route
from gateway.decision.verdict import Deny
from gateway.http.reading.request import Request
from gateway.settings.values.login import Endpoint, LoginSettings

# The methods of each endpoint. A callback uses up the code in it, so it is no safe HEAD.
_METHODS: Final[Mapping[Endpoint, tuple[str, ...]]] = {
    Endpoint.LOGIN: ("GET", "HEAD"),
    Endpoint.CALLBACK: ("GET",),
    Endpoint.LOGOUT: ("POST",),
    Endpoint.USERINFO: ("GET", "HEAD"),
    Endpoint.BACKCHANNEL_LOGOUT: ("POST",),
}

# Refusals that a new login of the same person may end.
_LOGIN_HELPS: Final = frozenset(
    (
        Reason.LOGIN_REQUIRED,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_REVOKED,
        Reason.TOKEN_INACTIVE,
        Reason.AUTHENTICATION_TOO_WEAK,
        Reason.AUTHENTICATION_TOO_OLD,
    )
)

# A longer target is not worth returning to.
_MOST_TARGET_BYTES: Final = 2048

_MISDIRECTED: Final = Deny(Reason.LOGIN_MISDIRECTED, "the host is no origin of a login")


class LoginCall(NamedTuple):
    """A request that *logins*, by name, answer at *endpoint*."""

    endpoint: Endpoint
    logins: tuple[str, ...]


class LoginCalls:
    """The paths of the logins in *settings*, by host, in the order of the configuration."""

    def __init__(self, settings: Mapping[str, LoginSettings], policy: Policy) -> None:
        self._settings = settings
        self._policy = policy
        # By path, and then by authority.
        self._calls: dict[bytes, dict[bytes, LoginCall]] = {}
        for endpoint in Endpoint:
            for login in settings.values():
                path = f"{login.prefix}/{endpoint.value}".encode()
                calls = self._calls.setdefault(path, {})
                for origin in login.origins:
                    authority = origin.authority.encode()
                    before = calls.get(authority)
                    names = () if before is None else before.logins
                    calls[authority] = LoginCall(endpoint, (*names, login.name))

    def find(self, request: Request, host: str) -> LoginCall | Deny | None:
        """Return the call in *request*, whose canonical host is *host*; None for any other request.

        On another host than those of the logins, their paths belong to routes without a login;
        else they are refused.
        """
        calls = self._calls.get(split_path(request.target))
        if calls is None:
            return None
        call = calls.get(request.fields.host.lower())
        if call is None:
            return None if self._is_routed(request, host) else _MISDIRECTED
        methods = _METHODS[call.endpoint]
        if request.method in methods:
            return call
        return Deny(Reason.METHOD_NOT_ALLOWED, "a login is not asked so", methods=methods)

    def _is_routed(self, request: Request, host: str) -> bool:
        head = RequestHead(request.method, host, request.target, ())
        match = find_route(head, self._policy)
        if isinstance(match, Match):
            return not match.route.login
        return not (isinstance(match, Deny) and match.reason is Reason.ROUTE_NOT_FOUND)

    # --- refusals of routes with a login

    def begun_by(self, request: Request, deny: Deny) -> LoginCall | None:
        """Return the login that begins if *request* was refused by *deny*, and it navigates."""
        route = deny.route
        if route is None or deny.field or deny.reason not in _LOGIN_HELPS:
            return None  # nobody logs in for a second token
        browser = request.browser()
        names = _names(route, browser.authority)
        if not names or not is_navigation(request.method, browser):
            return None
        return LoginCall(Endpoint.LOGIN, names)

    def url(self, request: Request, deny: Deny) -> str | None:
        """Return where a person logs in whose request was refused by *deny*; None if in vain.

        On a host where nobody can, that is at the first origin of the first login.
        """
        route = deny.route
        if route is None or deny.field or not route.login:
            return None
        authority = request.fields.host.lower()
        if deny.reason is Reason.LOGIN_MISDIRECTED:
            names = tuple(rule.name for rule in route.login)
            authority = self._settings[names[0]].origins[0].authority.encode()
        else:
            names = _names(route, authority) if deny.reason in _LOGIN_HELPS else ()
        if not names:
            return None
        first = self._settings[names[0]]
        origin = next(one for one in first.origins if one.authority.encode() == authority)
        target = request.target if len(request.target) <= _MOST_TARGET_BYTES else b"/"
        url = f"{origin.text}{first.prefix}/{Endpoint.LOGIN.value}?to={quote(target, safe='/')}"
        others = self._calls[f"{first.prefix}/{Endpoint.LOGIN.value}".encode()][authority].logins
        # Otherwise the person would have to choose among logins that do not help.
        is_one_of_several = len(names) == 1 < len(others)
        return f"{url}&login={quote(names[0], safe='')}" if is_one_of_several else url


def _names(route: Route, authority: bytes) -> tuple[str, ...]:
    return tuple(rule.name for rule in route.login if authority in rule.authorities)
