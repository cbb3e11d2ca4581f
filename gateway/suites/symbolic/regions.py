"""Divide all requests into regions, each with one owner in both configurations."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_tests import all_tests
from gateway.decision.rules.operands import path_variables
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.symbolic.fresh import PLAIN, Fresh
from gateway.suites.symbolic.odd_paths import OddPaths, OddRequest
from gateway.suites.symbolic.own_paths import OwnPath, find_own_paths
from gateway.suites.symbolic.ownership import Ownership, rule_at
from gateway.suites.symbolic.tries import HostTries
from gateway.suites.symbolic.walk import MAX_STEPS, Meeting, Path, TooManyStepsError, Walk

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY", "PROPFIND")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Requests that one route owns in the *old* configuration, and one in the *new* one.

    *request* is one of them. *old* and *new* are the matches of that request; None means that no
    service receives it: there is no route, or none for its method, or the gateway itself responds.
    *literals* are the segments, by position, that all these requests have in common; in the other
    segments *request* has values that no route names. *methods* are those of all of them; None
    means all but those of the other regions of this path.
    """

    request: SimulatedRequest
    old: Match | None
    new: Match | None
    literals: Mapping[int, str]
    methods: frozenset[str] | None


class UndecidedRequests(NamedTuple):
    """Requests whose owners are not known; *route* is one that may be among them.

    If it *may_open* nothing, at most requests that *route* owned have no owner any more.
    """

    text: str
    route: str
    may_open: bool = True


def never_alike(_old: Route, _new: Route) -> bool:
    """Return False: each pair of routes is of interest."""
    return False


def find_regions(
    old: Settings,
    new: Settings,
    alike: Callable[[Route, Route], bool] = never_alike,
    max_steps: int = MAX_STEPS,
) -> Iterator[Region | UndecidedRequests]:
    """Yield a region for every pair of owners that some request has.

    A pair comes once, and once more for each literal segment that is the value of a variable in a
    claim rule of either route, and for each login whose sessions count. Routes that are *alike*
    treat all requests alike, so that regions of such pairs are left out, like those of requests
    that nothing owns. The walk ends after *max_steps*.
    """
    yield from _Search(old, new, alike, max_steps).run()


class _Search:
    def __init__(
        self,
        old: Settings,
        new: Settings,
        alike: Callable[[Route, Route], bool],
        max_steps: int,
    ) -> None:
        self._old, self._new = Ownership(old), Ownership(new)
        routes = old.policy.routes.routes, new.policy.routes.routes
        self._tries = tries = HostTries(routes[0]), HostTries(routes[1])
        hosts = (*self._old.named_hosts(), *self._new.named_hosts())
        self._fresh = Fresh(tries, hosts)
        self._walk = Walk(*tries, alike, max_steps)
        self._alike = self._walk.likeness.are_alike
        self._own_paths = self._old.own_paths | self._new.own_paths
        self._seen: set[object] = set()
        self._pairs: set[tuple[Route | None, Route | None]] = set()
        self._used = _UsedVariables()
        every = {method for one in routes for route in one for method in route.methods}
        self._methods = (*sorted(every, key=_rank), _choose_other(every))

    def run(self) -> Iterator[Region | UndecidedRequests]:
        try:
            for host in self._walk.hosts():
                name = self._fresh.host(host)
                if canonical_host(name.encode()) != name:
                    continue  # it is longer than any host
                for meeting in self._walk.meetings(host):
                    yield from self._regions(meeting, (name,))
            yield from self._with_origins()
            for own in find_own_paths(self._old, self._new, self._tries, self._fresh):
                yield from self._at_own_path(own)
            yield from self._with_odd_paths()
        except TooManyStepsError as error:
            route = next(iter(error.leaf.routes())) if error.leaf is not None else None
            text = "the routes overlap in more ways than can be told apart"
            yield UndecidedRequests(text, "" if route is None else route.name)

    def _with_origins(self) -> Iterator[Region]:
        """Yield the regions of routes with a login, at each origin of one."""
        for host in sorted(self._old.origins.keys() | self._new.origins.keys()):
            origins = self._old.origins.get(host, set()) | self._new.origins.get(host, set())
            for meeting in self._walk.meetings(host, by_session=True):
                yield from self._regions(meeting, sorted({host, *origins}))

    def _at_own_path(self, own: OwnPath) -> Iterator[Region]:
        host = canonical_host(own.authority.encode()) or ""
        literals = dict(enumerate(own.segments))
        for method in self._methods:
            request = SimulatedRequest(method, own.authority, host, own.path)
            methods = None if method == self._methods[-1] else frozenset((method,))
            region = self._region(request, literals, methods)
            if region is not None:
                yield region

    def _with_odd_paths(self) -> Iterator[Region | UndecidedRequests]:
        """Yield what only requests with `;` or `%2F` show: routes that gain or lose some."""
        old, new = self._tries
        for own, other, is_new in ((new, old, True), (old, new, False)):
            side = self._new if is_new else self._old
            if not side.settings.policy.routes.allows_odd_paths:
                continue
            for route, requests in OddPaths(own, other, self._fresh, self._methods).routes():
                pair = (None, route) if is_new else (route, None)
                for odd in requests if pair not in self._pairs else ():
                    region = self._odd_region(odd)
                    if region is not None:
                        yield region
                    if pair in self._pairs:
                        break
                if pair not in self._pairs:
                    self._pairs.add(pair)  # once is enough
                    text = "whether other paths with `;` or `%2F` reach it than before"
                    yield UndecidedRequests(text, route.name, may_open=is_new)

    def _odd_region(self, odd: OddRequest) -> Region | None:
        request = SimulatedRequest(odd.method, odd.host, odd.host, odd.target)
        methods = None if odd.method == self._methods[-1] else frozenset((odd.method,))
        return self._region(request, odd.literals, methods)

    def _regions(self, meeting: Meeting, authorities: Iterable[str]) -> Iterator[Region]:
        literals = {at: one for at, one in enumerate(meeting.path) if one is not None}
        target = self._target(meeting.path)
        for (old, new), methods, method in _by_owners(meeting):
            if (old is None and new is None) or self._alike(old, new):
                continue
            for authority in authorities:
                host = canonical_host(authority.encode()) or ""
                request = SimulatedRequest(method, authority, host, target)
                region = self._region(request, literals, methods)
                if region is not None:
                    yield region

    def _region(
        self, request: SimulatedRequest, literals: Mapping[int, str], methods: frozenset[str] | None
    ) -> Region | None:
        """Return the region of *request*, if it is new and anything receives it."""
        old, new = self._old.find(request), self._new.find(request)
        one = None if old is None else old.route
        other = None if new is None else new.route
        if (one is None and other is None) or self._alike(one, other):
            return None
        bound = self._used.bound(one, literals), self._used.bound(other, literals)
        rules = rule_at(one, request.authority), rule_at(other, request.authority)
        key = one, other, bound, rules
        if key in self._seen:
            return None
        self._seen.add(key)
        self._pairs.add((one, other))
        return Region(request, old, new, literals, methods)

    def _target(self, path: Path) -> bytes:
        """Return *path* as it is sent, in a spelling that the gateway does not answer itself."""
        parts = [self._fresh.segment(at) if one is None else one for at, one in enumerate(path)]
        target = "".join(f"/{quote(one, safe=PLAIN)}" for one in parts).encode()
        return _respell(target) if target in self._own_paths else target


def _respell(target: bytes) -> bytes:
    """Return *target* with one character percent-encoded, which services read alike."""
    for at in range(len(target) - 1, 0, -1):
        if target[at : at + 1] not in b"/%" and b"%" not in target[max(at - 2, 0) : at]:
            return b"%b%%%02X%b" % (target[:at], target[at], target[at + 1 :])
    return target


def _by_owners(
    meeting: Meeting,
) -> Iterator[tuple[tuple[Route | None, Route | None], frozenset[str] | None, str]]:
    """Yield the owners for each method, all methods that have them, and one of these."""
    old, new = meeting.old, meeting.new
    named = {method for leaf in (old, new) if leaf is not None for method in leaf.by_method}
    groups: dict[tuple[Route | None, Route | None], list[str | None]] = {}
    for method in (*sorted(named, key=_rank), None):
        owners = (
            None if old is None else old.owner(method),
            None if new is None else new.owner(method),
        )
        groups.setdefault(owners, []).append(method)
    for pair, methods in groups.items():
        listed = [method for method in methods if method is not None]
        if len(listed) == len(methods):
            yield pair, frozenset(listed), listed[0]
        else:
            yield pair, None, min((*listed, _choose_other(named)), key=_rank)


def _rank(method: str) -> tuple[int, str]:
    """Return a sort key: what people know best comes first."""
    return _METHODS.index(method) if method in _METHODS else len(_METHODS), method


def _choose_other(named: Collection[str]) -> str:
    """Return a method that is none of *named*."""
    others = (method for method in _METHODS if method not in named)
    return next(others, "X" * (1 + max(map(len, named), default=0)))


class _UsedVariables:
    """The positions of the variables that claim rules of routes use."""

    def __init__(self) -> None:
        self._known: dict[Route, tuple[int, ...]] = {}

    def bound(
        self, route: Route | None, literals: Mapping[int, str]
    ) -> tuple[tuple[int, str], ...]:
        """Return the *literals* that such variables of *route* stand for."""
        if route is None:
            return ()
        known = self._known.get(route)
        if known is None:
            known = self._known[route] = tuple(_used_positions(route))
        return tuple((at, literals[at]) for at in known if at in literals)


def _used_positions(route: Route) -> Iterator[int]:
    second = None if route.sources is None else route.sources.second
    claims = route.claims if second is None else (*route.claims, *second.claims)
    used = {name for test in all_tests(claims) for name in path_variables(test.operand)}
    if used:
        for at, segment in enumerate(route.segments):
            if isinstance(segment, Variable) and segment.name in used:
                yield at
