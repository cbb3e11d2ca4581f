"""Find the host of a request of which only the path was written."""

import re
from collections.abc import Iterator
from dataclasses import replace

import click

from gateway.cli.explain.arguments import ANY_HOST
from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Deny
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.request import SimulatedRequest, as_call

_SHOWN = 3

# Names of a package, its services and their methods, as Protocol Buffers have them.
_METHOD_PATH = re.compile(rb"/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*")


def settle_host(asked: SimulatedRequest, settings: Settings) -> SimulatedRequest:
    """Return *asked*, of which only the path was written, on the host whose route owns it.

    If nothing does, that is the only host of the configuration, or `ANY_HOST`. Raise UsageError if
    several hosts have different routes for it.
    """
    authority = _find_host(asked.method, asked.target, settings)
    host = canonical_host(authority.encode("ascii"))
    return asked if host is None else replace(asked, authority=authority, host=host)


def find_call(asked: SimulatedRequest, settings: Settings) -> SimulatedRequest | None:
    """Return *asked*, of which only the path was written, as a call of gRPC, if it looks like one.

    Then its path is `/package.Service/Method`, and its route leads to an upstream with HTTP/2.
    Raise UsageError if that is so on several hosts.
    """
    if not _METHOD_PATH.fullmatch(asked.target):
        return None
    call, owners = as_call(asked), dict[int, SimulatedRequest]()
    for authority in dict.fromkeys(_hosts(settings)):
        host = canonical_host(authority.encode("ascii")) or ""
        found = find_route(RequestHead(call.method, host, call.target, ()), settings.policy)
        if isinstance(found, Match) and settings.upstreams[found.route.upstream].is_http2:
            owners.setdefault(found.route.index, replace(call, authority=authority, host=host))
    if len(owners) > 1:
        return settle_host(call, settings)
    return next(iter(owners.values()), None)


def _find_host(method: str, target: bytes, settings: Settings) -> str:
    owners: dict[object, str] = {}
    hosts = tuple(dict.fromkeys(_hosts(settings)))
    for host in hosts:
        owner = _owner(method, host, target, settings.policy)
        if owner is not None:
            owners.setdefault(owner, host)
    if len(owners) > 1:
        shown = target.decode("ascii", "backslashreplace")
        urls = [f"https://{host}{shown}" for host in owners.values()]
        more = f" or {len(urls) - _SHOWN} more" if len(urls) > _SHOWN else ""
        raise click.UsageError(
            f"the path has another route on another host: write {' or '.join(urls[:_SHOWN])}{more}"
        )
    if owners:
        return next(iter(owners.values()))
    return hosts[0] if len(hosts) == 2 else ANY_HOST


def _hosts(settings: Settings) -> Iterator[str]:
    """Yield a name for each host of a route or a login, then `ANY_HOST`."""
    for route in settings.policy.routes.routes:
        yield from (host.replace("*", "any", 1) for host in route.hosts)
    for login in settings.logins.values():
        yield from (origin.authority for origin in login.origins)
    yield ANY_HOST


def _owner(method: str, authority: str, target: bytes, policy: Policy) -> object:
    """Return what answers on a host: a route, a document, another method; None for nothing."""
    host = canonical_host(authority.encode("ascii"))
    if host is None:
        return None
    found = find_route(RequestHead(method, host, target, ()), policy)
    if isinstance(found, Match):
        return found.route.index
    if not isinstance(found, Deny):
        return found
    return found.reason if found.reason is Reason.METHOD_NOT_ALLOWED else None
