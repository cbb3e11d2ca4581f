"""An OpenAPI description as routes, so that it can be compared with a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.decision.routes.routing import Route, RouteTable
from gateway.decision.routes.template import Segment, Variable, parse_template
from gateway.decision.rules.scopes import AllOf, AnyOf, ScopeExpression, ScopeRule, compile_scopes
from gateway.openapi.api import Access, Api, Operation, Security
from gateway.settings.values.configuration import Settings

_Shape = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A description as *settings*: those of the gateway, with other routes.

    *operations* are those of routes, by index. Routes whose index is *implied* own HEAD of a GET
    operation, which descriptions seldom mention. The other routes are fences: they own the requests
    below the servers of the description that no operation describes.
    """

    settings: Settings
    operations: Mapping[int, Operation]
    implied: frozenset[int]


def describe(api: Api, settings: Settings) -> Described:
    """Return *api* as routes, on those of its hosts that routes of *settings* serve."""
    hosts = find_hosts(api, settings.policy.routes.routes)
    shapes = {(one.method, _shape(one.path)) for one in api.operations}
    with_head = [one for one in api.operations if _implies_head(one, shapes)]
    owners = [*((one.method, one) for one in api.operations), *(("HEAD", one) for one in with_head)]
    routes = [
        _route(index, one.path, hosts, frozenset({method}), one.security)
        for index, (method, one) in enumerate(owners)
    ]
    for path, is_prefix in _fences(api):
        fence = _route(len(routes), path, hosts, frozenset(), Security(Access.UNSAID))
        routes.append(replace(fence, is_prefix=is_prefix))
    policy = replace(settings.policy, routes=RouteTable(routes), documents={})
    other = replace(settings, policy=policy, logins={}, tickets=None)
    operations = {index: one for index, (_, one) in enumerate(owners)}
    return Described(other, operations, frozenset(range(len(api.operations), len(owners))))


def find_hosts(api: Api, routes: Sequence[Route]) -> tuple[str, ...]:
    """Return the hosts of *api* to compare; none for all.

    Those of its servers that a route names, or all of these if no route names any. A description
    without hosts is compared on each host that routes name, if all of them name one.
    """
    is_anywhere = any(not route.hosts for route in routes)
    named = dict.fromkeys(host for route in routes for host in route.hosts)
    if not api.hosts:
        return () if is_anywhere else tuple(named)
    if is_anywhere:
        return api.hosts if named else ()
    served = [host for host in api.hosts if any(_covers(one, host) for one in named)]
    return tuple(served) or api.hosts


def _covers(named: str, host: str) -> bool:
    return host.endswith(named[1:]) if named.startswith("*") else host == named


def _implies_head(operation: Operation, shapes: set[tuple[str, _Shape]]) -> bool:
    # RFC 9110 §9.3.2: HEAD is GET without content.
    return operation.method == "GET" and ("HEAD", _shape(operation.path)) not in shapes


def _fences(api: Api) -> Iterator[tuple[str, bool]]:
    """Yield the paths that descriptions own whatever the method, and whether they are prefixes."""
    paths = {_shape(one.path): one.path for one in api.operations}
    for base in api.bases:
        yield f"{base}/", True
        if base:
            paths.setdefault(_shape(base), base)
    for path in paths.values():
        yield path, False


def _shape(path: str) -> _Shape:
    return tuple(map(_literal, parse_template(path, is_prefix=False)))


def _literal(segment: Segment) -> str | None:
    return None if isinstance(segment, Variable) else segment


def _route(
    index: int, path: str, hosts: tuple[str, ...], methods: frozenset[str], security: Security
) -> Route:
    return Route(
        index=index,
        name=f"operation {index}",
        hosts=hosts,
        path=path,
        is_prefix=False,
        methods=methods,
        upstream="",
        public=security.access is Access.PUBLIC,
        optional=security.is_optional,
        issuers=None,
        scopes=make_rule(security),
        claims=(),
        upgrades=frozenset(),
        allow_encoded_slash=False,
        allow_semicolon=False,
        place="",
    )


def make_rule(security: Security) -> ScopeRule | None:
    """Return the rule over scopes; None if any valid token will do."""
    if not any(security.alternatives):
        return None
    parts = [_all_of(sorted(one)) for one in security.alternatives]
    return compile_scopes(parts[0] if len(parts) == 1 else AnyOf(tuple(parts)))


def _all_of(scopes: Sequence[str]) -> ScopeExpression:
    return scopes[0] if len(scopes) == 1 else AllOf(tuple(scopes))
