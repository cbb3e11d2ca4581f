"""Explain the checks of a request before and after the decision, step by step."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import Deny, LogIn, Publish
from gateway.http.reading.request import HTTP_2, Request
from gateway.settings.values.configuration import ServiceCredentials, Upstream
from gateway.settings.values.rates import RateLimit
from gateway.settings.values.route_options import RouteOptions


def request_step(fault: Deny | None, version: int) -> Step:
    """Return the step about a request of this *version*, with its *fault*, if any."""
    protocol = "HTTP/2" if version == HTTP_2 else "HTTP/1.1"
    expected = f"one well-formed {protocol} request within the limits"
    if fault is None:
        return Step(Check.REQUEST, expected, "one")
    return Step(Check.REQUEST, expected, fault.detail, fault.reason)


def own_steps(request: Request, found: LogIn | Deny | Publish) -> Iterator[Step]:
    """Yield the steps that lead to what is *found* before any route is looked for."""
    match found:
        case LogIn():
            text = f"{found.endpoint} of {' or '.join(found.logins)}"
            setting = Setting(Owner.FILE, "", ("login", found.logins[0]))
            yield Step(Check.LOGIN, "a request that a login answers itself", text, None, setting)
        case Deny():
            expected = "a request that a login answers itself"
            setting = Setting(Owner.FILE, "", ("login",))
            yield Step(Check.LOGIN, expected, found.detail, found.reason, setting)
        case Publish():
            yield from _preflight_steps(request, found)
        case _:
            assert_never(found)


def _preflight_steps(request: Request, answer: Publish) -> Iterator[Step]:
    """Yield the steps that lead to the *answer* to a preflight."""
    if answer.route is None:
        return
    origin = request.fields.first(b"origin").decode("latin-1")
    if answer.is_lent:
        expected, found = f"what pages of {origin} may ask", "may read why the path is refused"
        setting = Setting(Owner.ROUTE, answer.route.name, ("cors",))
        yield Step(Check.CORS, expected, found, None, setting)
        return
    wanted = f"a route for {request.fields.first(b'access-control-request-method').decode()}"
    setting = Setting(Owner.ROUTE, answer.route.name, ("match",))
    yield Step(Check.ROUTE, wanted, answer.route.name, None, setting)
    is_granted = b"Access-Control-Allow-Origin" in answer.fields
    found = "may be asked" if is_granted else "may not be asked: the response allows nothing"
    setting = Setting(Owner.ROUTE, answer.route.name, ("cors",))
    yield Step(Check.CORS, f"what pages of {origin} may ask", found, None, setting)


def option_steps(
    request: Request, route: Route, options: RouteOptions, deny: Deny | None
) -> Iterator[Step]:
    """Yield the steps of ``Request.check_allowed``, up to the first that fails.

    *deny* is its result for *route* and the body limit in *options*.
    """
    body_bytes = options.body_bytes
    reason = None if deny is None else deny.reason
    length = request.fields.content_length
    if body_bytes is not None and length is not None:
        is_over = length > body_bytes
        expected = f"a Content-Length of at most {body_bytes}"
        limit = Setting(Owner.FILE, "", ("limits", "body"))
        if "body" in options.own:
            limit = Setting(Owner.ROUTE, route.name, ("limits", "body"))
        yield Step(Check.BODY, expected, str(length), reason if is_over else None, limit)
        if is_over:
            return
    if request.wants_upgrade:
        allowed = ", ".join(sorted(route.upgrades)) or "no upgrade"
        found = request.fields.upgrade.decode("latin-1") + (f": {deny.detail}" if deny else "")
        setting = Setting(Owner.ROUTE, route.name, ("upgrades",))
        yield Step(Check.UPGRADE, f"one of: {allowed}", found, reason, setting)


def limit_steps(route: Route, limits: Sequence[RateLimit]) -> Iterator[Step]:
    """Yield the step of the rate limits of *route*, whose result is not known beforehand."""
    if limits:
        names = ", ".join(limit.name for limit in limits)
        setting = Setting(Owner.ROUTE, route.name, ("rate_limits",))
        yield Step(Check.RATE_LIMITS, f"room in: {names}", "not counted here", None, setting)


def credential_steps(upstream: Upstream) -> Iterator[Step]:
    """Yield the step about the token that *upstream* receives, which is not got here."""
    asked = upstream.credentials
    if asked is None:
        return
    setting = Setting(Owner.UPSTREAM, upstream.name, ("credentials", asked.grant.value))
    whose = "the caller's token, exchanged" if asked.exchanges else "a token of the gateway's own"
    found = f"{whose} at {asked.server} as {asked.client.client_id}{_asked_for(asked)}"
    yield Step(Check.SERVICE_TOKEN, f"a token for {upstream.name}", found, None, setting)


def _asked_for(asked: ServiceCredentials) -> str:
    words = (
        ("scopes", ", ".join(asked.scopes)),
        ("audience", asked.audience),
        ("resource", asked.resource),
    )
    return "".join(f", {name} {value}" for name, value in words if value)
