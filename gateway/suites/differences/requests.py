"""Choose the requests that both configurations are compared for."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest

from gateway.decision.policy import Policy
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.side import Side
from gateway.suites.samples.sample_requests import METHODS, representatives
from gateway.suites.simulation.request import SimulatedRequest

# Paths of all routes on the hosts of all routes: a fraction of a second.
_MAX_CROSSED = 20_000

# By session: one that only reads, and one that another site's page must not cause.
_BROWSED = ("GET", "POST")

# RFC 6455 §4.1, for a WebSocket; other protocols ignore them.
_HANDSHAKE = (
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)


def choose_requests(
    old: Side, new: Side, asked: Iterable[SimulatedRequest]
) -> list[SimulatedRequest]:
    """Return *asked*, and requests for every host and method of every route of both; each once.

    A path is tried with all methods, also those that the route does not list: they are refused
    there, but may be allowed once the route is gone. Then come requests where a route of each
    configuration overlap that no other request combines.
    """
    both = old.loaded.settings, new.loaded.settings
    methods = _methods(*both)
    each = [
        _of_route(route, side.loaded.settings.policy, methods, _authorities(route, both))
        for side in (new, old)
        for route in side.loaded.settings.policy.routes.routes
    ]
    # One of each route, then the second of each: if the last are left out, no route is.
    turns = chain.from_iterable(zip_longest(*each))
    chosen = dict.fromkeys((*asked, *(one for one in turns if one is not None)))
    met = {_owners(old, new, one) for one in chosen}
    for request in islice(_crossed(list(chosen), methods), _MAX_CROSSED):
        owners = _owners(old, new, request)
        if owners not in met:
            met.add(owners)
            chosen[request] = None
    return list(chosen)


def _crossed(
    requests: Sequence[SimulatedRequest], methods: Sequence[str]
) -> Iterator[SimulatedRequest]:
    """Yield every path of *requests* on every host of them, by all methods."""
    targets = dict.fromkeys(one.target.partition(b"?")[0] for one in requests)
    hosts = dict.fromkeys(one.host for one in requests)
    for target in targets:
        for host in hosts:
            for method in methods:
                yield SimulatedRequest(method, host, host, target)


def _owners(old: Side, new: Side, request: SimulatedRequest) -> tuple[str | None, ...]:
    found = (side.find(request) for side in (old, new))
    return tuple(one.route.name if isinstance(one, Match) else None for one in found)


def _of_route(
    route: Route, policy: Policy, methods: Sequence[str], authorities: Sequence[str]
) -> list[SimulatedRequest]:
    own = [one.request for one in representatives(route, policy, methods)]
    others = (replace(one, method=method) for one in own for method in methods)
    at_origins = _at_origins(own[:1], authorities, route.methods or methods)
    return list(dict.fromkeys((*own, *at_origins, *_odd(route, own[:1]), *others)))


def _authorities(route: Route, both: Iterable[Settings]) -> Sequence[str]:
    """Return where browsers log in for *route*: sessions count only there."""
    names = {rule.name for rule in route.login}
    found = (
        origin.authority
        for settings in both
        for login in settings.logins.values()
        if login.name in names
        for origin in login.origins
    )
    return sorted(set(found))


def _at_origins(
    own: Iterable[SimulatedRequest], authorities: Sequence[str], methods: Collection[str]
) -> Iterator[SimulatedRequest]:
    for request in own:
        for authority in authorities:
            host = canonical_host(authority.encode()) or ""
            for method in (one for one in _BROWSED if one in methods):
                yield replace(request, authority=authority, host=host, method=method)


def _odd(route: Route, own: Iterable[SimulatedRequest]) -> Iterator[SimulatedRequest]:
    """Yield requests that need a setting of the route: special paths, and upgrades."""
    for request in own:
        if route.allow_encoded_slash:
            yield replace(request, target=request.target + b"%2Fx")
        if route.allow_semicolon:
            yield replace(request, target=request.target + b";x=1")
        for protocol in sorted(route.upgrades):
            headers = (("Connection", "Upgrade"), ("Upgrade", protocol), *_HANDSHAKE)
            yield replace(request, headers=headers)


def _methods(*settings: Settings) -> list[str]:
    named = {
        method for one in settings for route in one.policy.routes.routes for method in route.methods
    }
    return [*METHODS, *sorted(named.difference(METHODS))]
