"""Warn about logins that nobody can use for long, or that others could use."""

from collections.abc import Iterator, Mapping

from gateway.decision.path import parse_path
from gateway.decision.policy import ANY_HOST, DEFAULT_SCOPES_FROM, Issuer, Policy
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.decision.rules.scopes import ScopeRule
from gateway.decision.verdict import Deny
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.clients import ClientAuthentication
from gateway.settings.values.configuration import Settings
from gateway.settings.values.cors import Cors
from gateway.settings.values.login import LoginSettings, Origin


def find_login_faults(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each doubtful setting of a login."""
    routes = settings.policy.routes.routes
    used = {rule.name for route in routes for rule in route.login}
    for name, login in settings.logins.items():
        part = places.main().child("login").child(name)
        if name not in used:
            message = f"no route names the login `{name}`, so nobody can use its sessions"
            yield part.key_warning(Code.UNUSED_LOGIN, message)
        yield from _find_audience(login, settings, part)
        yield from _find_page_after_logout(login, settings.policy, part)
        if "offline_access" not in login.scopes:
            message = (
                "without `offline_access` most issuers issue no refresh token, and a session then"
                " ends when its access token expires"
            )
            yield part.child("scopes").warning(Code.REFRESH_UNREQUESTED, message)
        if login.client.method is ClientAuthentication.NONE:
            # RFC 10017: a backend-for-frontend is a confidential client.
            message = (
                "a client without a secret or key: anyone who gets hold of a code or a refresh"
                " token can use it"
            )
            yield part.child("client_auth").warning(Code.PUBLIC_CLIENT, message)


def _find_audience(login: LoginSettings, settings: Settings, part: Part) -> Iterator[Fault]:
    audiences = settings.issuers[login.issuer].issuer.audiences
    if login.resource is None or audiences is None or login.resource in audiences:
        return
    message = (
        f"`{shorten(login.resource)}` is not in `issuers.{login.issuer}.audiences`, so the tokens"
        f" for it would be refused{did_you_mean(login.resource, audiences)}"
    )
    yield part.child("resource").warning(Code.AUDIENCE_UNLISTED, message)


def _find_page_after_logout(login: LoginSettings, policy: Policy, part: Part) -> Iterator[Fault]:
    page = part.child("after_logout")
    if page.raw is None:
        return  # the default, which is harmless if nobody logs out
    for origin in login.origins:
        path = _path_on(origin, login.after_logout)
        if path is not None and not _is_served(policy, origin, path):
            message = f"no route serves it on {origin.text}, so a logout ends with 404"
            yield page.warning(Code.LOGOUT_UNSERVED, message)
            return


def _path_on(origin: Origin, page: str) -> str | None:
    """Return the path of *page* if it is on *origin*, as a path always is."""
    url = f"{origin.text}{page}" if page.startswith("/") else page
    rest = url.removeprefix(origin.text)
    if rest == url or (rest and not rest.startswith("/")):
        return None
    return rest.partition("?")[0] or "/"


def _is_served(policy: Policy, origin: Origin, path: str) -> bool:
    host = canonical_host(origin.authority.encode()) or ""
    raw = path.encode()
    if policy.documents.keys() & {(host, raw), (ANY_HOST, raw)}:
        return True
    parsed = parse_path(raw)
    if isinstance(parsed, Deny):
        return False
    return isinstance(policy.routes.find(host, parsed.segments, "GET"), Match)


def _from_other_claims(rule: ScopeRule, issuer: Issuer) -> frozenset[str]:
    """Return the scopes of *rule* that may be roles or groups, which no login requests."""
    others = [one.prefix for one in issuer.scopes_from if one not in DEFAULT_SCOPES_FROM]
    return frozenset(
        scope for scope in rule.wanted if any(scope.startswith(prefix) for prefix in others)
    )


def find_useless_sessions(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each login of a route that does not request what the route requires."""
    policy = settings.policy
    granted = {
        name: frozenset(login.scopes).union(
            *(policy.scope_implies.get(scope, ()) for scope in login.scopes)
        )
        for name, login in settings.logins.items()
    }
    for route in policy.routes.routes:
        if route.scopes is None:
            continue
        for number, rule in enumerate(route.login):
            issuer = settings.issuers[settings.logins[rule.name].issuer].issuer
            unasked = _from_other_claims(route.scopes, issuer)
            if not route.scopes.holds(granted[rule.name] | unasked):
                message = (
                    f"`{rule.name}` does not request what `{route.name}` requires,"
                    f" {shorten(route.scopes.text)}: its sessions get 403, unless the issuer grants"
                    f" that unasked; add it to `login.{rule.name}.scopes`"
                )
                yield _at_name(route, number, places).warning(Code.SCOPE_UNREQUESTED, message)


def _at_name(route: Route, number: int, places: Places) -> Part:
    part = places.route(route.name).child("login")
    return part.child(number) if isinstance(part.raw, list) else part


def find_readable_sessions(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route whose responses by session pages of others may read.

    Browsers send the cookie with requests of other origins on the same site, SameSite or not.
    """
    for route in settings.policy.routes.routes:
        cors = settings.route_options[route.index].cors
        if not route.login or cors is None or not cors.credentials:
            continue
        others = _others(cors, settings.logins, route)
        if others:
            message = (
                f"pages of {others} may read with the session of a visitor, if they are on the same"
                " site: remove `credentials`, and let these pages send tokens"
            )
            part = places.route(route.name).child("cors").child("credentials")
            yield part.key_warning(Code.SESSION_READABLE, message)


def _others(cors: Cors, logins: Mapping[str, LoginSettings], route: Route) -> str:
    """Return the first origin that may read and is not of a login of *route*, and how many more."""
    own = {origin.text for rule in route.login for origin in logins[rule.name].origins}
    found = [one.decode() for one in (*sorted(cors.origins), *sorted(cors.patterns))]
    others = [shorten(origin) for origin in found if origin not in own]
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"{others[0]}{more}" if others else ""
