"""Find requests that a route owns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from types import MappingProxyType

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.routes.routing import Match, Route
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_tests import all_tests
from gateway.decision.rules.operands import path_variables
from gateway.suites.simulation.request import SimulatedRequest

# For a route with any method: the first that no other route owns is used.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

# RFC 2606 §3: reserved hosts, for routes without hosts.
_HOSTS = ("some.example", "other.example")
_LABELS = ("some", "other", "third")
_BELOW = ("some", "other/one", "")
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_MAX_TARGETS = 64
_NONE: Mapping[str, str] = MappingProxyType({})

_Target = tuple[bytes, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class OwnedRequest:
    """A request of one route; *variables* are those of its path."""

    request: SimulatedRequest
    variables: Mapping[str, str]


def owned_requests(
    route: Route,
    policy: Policy,
    methods: Sequence[str] = METHODS,
    variables: Mapping[str, str] = _NONE,
) -> Iterator[OwnedRequest]:
    """Yield requests that *route* owns, although others are more specific.

    *methods* are tried if the route takes any, *variables* are tried first in its path. There may
    be none: then no request reaches the route.
    """
    targets = list(islice(_targets(route, variables), _MAX_TARGETS))
    for hosts in _host_choices(route):
        yield from _owned(route, policy, hosts, sorted(route.methods) or methods, targets)


def representatives(
    route: Route, policy: Policy, methods: Sequence[str] = METHODS
) -> Iterator[OwnedRequest]:
    """Yield one request for each host and each method of *route*, if it owns any.

    For a prefix, one for each depth: the prefix alone, with one segment, with two.
    """
    targets = list(islice(_targets(route, _NONE), _MAX_TARGETS))
    depths = len(_BELOW) if route.is_prefix else 1
    for hosts in _host_choices(route):
        for method in sorted(route.methods) or methods:
            for depth in range(depths):
                yield from islice(
                    _owned(route, policy, hosts, (method,), targets[depth::depths]), 1
                )


def _owned(
    route: Route,
    policy: Policy,
    hosts: Sequence[str],
    methods: Sequence[str],
    targets: Sequence[_Target],
) -> Iterator[OwnedRequest]:
    for host in hosts:
        for target, variables in targets:
            for method in methods:
                match = find_route(RequestHead(method, host, target, ()), policy)
                if isinstance(match, Match) and match.route.index == route.index:
                    yield OwnedRequest(SimulatedRequest(method, host, host, target), variables)


def _host_choices(route: Route) -> Sequence[Sequence[str]]:
    """Return, for each of the route's hosts, names to try; other routes may be more specific."""
    if not route.hosts:
        return [_HOSTS]
    return [
        [f"{label}{host[1:]}" for label in _LABELS] if host.startswith("*.") else [host]
        for host in sorted(route.hosts)
    ]


def _targets(route: Route, wanted: Mapping[str, str]) -> Iterator[_Target]:
    segments = route.segments
    names = [segment.name for segment in segments if isinstance(segment, Variable)]
    for values in product(*(_values(name, route, wanted) for name in names)):
        variables = dict(zip(names, values, strict=True))
        path = route.path
        for name, value in variables.items():
            path = path.replace(f"{{{name}}}", value)
        for below in _BELOW if route.is_prefix else ("",):
            yield f"{path}{below}".encode(), variables


def _values(name: str, route: Route, wanted: Mapping[str, str]) -> Sequence[str]:
    """Return values for a path variable: any, and those that its claim is compared with."""
    first = (wanted[name],) if name in wanted else ()
    tests = list(all_tests(route.claims))
    compared = {test.path for test in tests if name in path_variables(test.operand)}
    constants = [
        text
        for test in tests
        if test.path in compared
        for text in (test.operand if isinstance(test.operand, list) else [test.operand])
        if isinstance(text, str) and _PLAIN.fullmatch(text)
    ]
    return list(dict.fromkeys((*first, f"some-{name}", *constants, f"other-{name}")))
