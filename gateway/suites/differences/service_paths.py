"""Find callers who reach a path of a service by a moved route, and were refused there before.

Routes are compared by what clients request. But a route that is sent to another service, or to
another path there, may reach what other routes guard: those are not its requests, but its service
cannot tell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from urllib.parse import quote

from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.decision.routes.segments import split_segments
from gateway.decision.routes.template import Segment
from gateway.settings.values.configuration import Settings
from gateway.settings.values.rewrite import Rewrite
from gateway.suites.differences.callers import Callers, mentioned
from gateway.suites.differences.compare_regions import Cell
from gateway.suites.differences.facet import Kind, Statement
from gateway.suites.differences.side import ANYBODY, Caller, Side
from gateway.suites.samples.sample_requests import METHODS
from gateway.suites.simulation.request import SimulatedRequest

MAX_MEETINGS = 100
"""How many guards are tried for each moved route; a route that is moved is told in any case."""

_MOST_SHOWN = 3  # of each moved route: a public route may reach all that a service guards

_Sent = tuple[str | None, ...]  # None: any segment


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The paths of *route* as they are *asked* for, and as its service receives them.

    The first *cut* segments become the first *put* of those *sent*; a view that *is_prefix* has
    at least one more below.
    """

    route: Route
    asked: tuple[Segment, ...]
    sent: _Sent
    cut: int
    put: int

    @property
    def is_prefix(self) -> bool:
        return self.route.is_prefix

    @property
    def shape(self) -> tuple[object, ...]:
        """Return a value that is equal for views of the same requests at the same paths."""
        return (_shape(self.asked), self.sent, self.is_prefix)

    def ask(self, sent: tuple[str, ...]) -> tuple[str, ...]:
        """Return the segments to request, so that the service receives *sent*."""
        literals = tuple(one for one in self.asked[: self.cut] if isinstance(one, str))
        if len(self.asked) == self.cut and not self.is_prefix:
            return literals
        return literals + sent[self.put :]


def _shape(segments: Iterable[Segment]) -> _Sent:
    return tuple(one if isinstance(one, str) else None for one in segments)


def _make_view(route: Route, rewrite: Rewrite | None) -> _View:
    asked = route.segments
    cut = 0 if rewrite is None else rewrite.cut_segments
    put: tuple[str, ...] = ()
    if rewrite is not None and rewrite.prefix:
        split = split_segments(rewrite.prefix)
        put = split if isinstance(split, tuple) else ()
    sent = (*put, *_shape(asked[cut:]))
    if not sent and not route.is_prefix:
        sent = ("",)  # all was cut off: the root remains
    return _View(route, asked, sent, cut, len(put))


@dataclass(slots=True)
class _Node:
    """The views that end here, those of all that is below, and the segments that may follow."""

    ends: list[_View] = field(default_factory=list)
    below: list[_View] = field(default_factory=list)
    children: dict[str | None, "_Node"] = field(default_factory=dict)

    def add(self, view: _View) -> None:
        node = self
        for segment in view.sent:
            node = node.children.setdefault(segment, _Node())
        (node.below if view.is_prefix else node.ends).append(view)

    def near(self, left: _Sent, is_prefix: bool) -> Iterator[_View]:
        """Yield the views that share a path with the template *left*."""
        if not left:
            yield from self._all_below() if is_prefix else self.ends
            return
        yield from self.below
        for child in self._ways(left[0]):
            yield from child.near(left[1:], is_prefix)

    def _ways(self, segment: str | None) -> Iterator["_Node"]:
        if segment is None:
            yield from self.children.values()
            return
        # A variable is never empty.
        for name in (segment, None) if segment else (segment,):
            if name in self.children:
                yield self.children[name]

    def _all_below(self) -> Iterator[_View]:
        yield from self.below
        for child in self.children.values():
            yield from child.ends
            yield from child._all_below()


def find_unguarded(old: Side, new: Side, callers: Callers) -> Iterator[Cell]:
    """Yield a cell for each moved route and caller that *old* refused at the path at the service.

    A path that no route of *old* reaches at that server is not guarded by it. What *old* allowed
    in this way, and *new* does not, is closed.
    """
    yield from _find(old, new, callers)
    for cell in _find(new, old, callers):
        yield replace(
            cell,
            kind=Kind.CLOSED,
            old=cell.new,
            new=cell.old,
            old_cause=cell.new_cause,
            new_cause=cell.old_cause,
        )


def _find(old: Side, new: Side, callers: Callers) -> Iterator[Cell]:
    """Yield the cells of routes of *new* that reach what routes of *old* guard."""
    before, after = _views(old.loaded.settings), _views(new.loaded.settings)
    known = {(server, view.shape) for server, view in before}
    moved: dict[_View, list[_Node]] = {}
    servers: dict[str, _Node] = {}
    for server, view in before:
        servers.setdefault(server, _Node()).add(view)
    for server, view in after:
        if (server, view.shape) not in known and server in servers:
            moved.setdefault(view, []).append(servers[server])
    if not moved:
        return
    search = _Search(old, new, callers)
    for view, trees in moved.items():
        yield from islice(search.find(view, trees), _MOST_SHOWN)


def _views(settings: Settings) -> list[tuple[str, _View]]:
    """Return the view of each route for each of its servers."""
    authorities: Mapping[str, list[str]] = {
        name: [server.authority for server in one.servers]
        for name, one in settings.upstreams.items()
    }
    found: list[tuple[str, _View]] = []
    for route in settings.policy.routes.routes:
        view = _make_view(route, settings.route_options[route.index].rewrite)
        found += [(authority, view) for authority in authorities[route.upstream]]
    return found


class _Search:
    """Decides whom a moved route lets reach the paths that other routes guarded."""

    def __init__(self, old: Side, new: Side, callers: Callers) -> None:
        self._old = old
        self._new = new
        self._callers = callers
        literals = {
            segment
            for side in (old, new)
            for _, view in _views(side.loaded.settings)
            for segment in (*view.asked, *view.sent)
        }
        self._fresh = next(
            "some" * size for size in range(1, 1000) if "some" * size not in literals
        )

    def find(self, view: _View, trees: Sequence[_Node]) -> Iterator[Cell]:
        """Yield the cells of one moved route."""
        tried: set[tuple[str, ...]] = set()
        for tree in trees:
            guards = (one for one in tree.near(view.sent, view.is_prefix) if not one.route.public)
            for guard in islice(guards, MAX_MEETINGS):
                path = self._meet(view, guard)
                if path is not None and path not in tried:
                    tried.add(path)
                    yield from self._compare(view, path, list(tree.near(path, is_prefix=False)))

    def _compare(
        self, view: _View, path: tuple[str, ...], guards: Sequence[_View]
    ) -> Iterator[Cell]:
        for method in sorted(view.route.methods) or METHODS:
            request = self._request(self._new, view, path, method)
            found = (self._request(self._old, guard, path, method) for guard in guards)
            asked = [one for one in found if one is not None]
            if request is None or not asked:
                continue
            cell = self._decide(view.route, request, asked, path)
            if cell is not None:
                yield cell
                return

    def _decide(
        self,
        route: Route,
        request: SimulatedRequest,
        guarded: Sequence[SimulatedRequest],
        path: tuple[str, ...],
    ) -> Cell | None:
        second = ANYBODY if self._new.requires_second(request) else None
        scopes = sorted(mentioned(route, self._new.loaded.settings.policy))
        every = (*self._callers.with_scopes(scopes), *self._callers.meeting(request))

        def gets_in(caller: Caller) -> bool:
            return self._new.ask(caller, request, second).is_allowed and not any(
                self._old.ask(caller, one, second).is_allowed for one in guarded
            )

        opened = [caller for caller in every if gets_in(caller)]
        if not opened:
            return None
        first = opened[0]
        cause = self._old.explain(first, guarded[0], second)
        text = f"{guarded[0].line}, which the service receives as {_show(path)}: {cause.text}"
        return Cell(
            Kind.OPENED,
            request,
            tuple(caller.name for caller in opened),
            self._old.ask(first, guarded[0], second),
            self._new.ask(first, request, second),
            Statement(text, cause.place),
            self._new.explain(first, request, second),
        )

    def _request(
        self, side: Side, view: _View, path: tuple[str, ...], method: str
    ) -> SimulatedRequest | None:
        """Return the request whose *path* its service receives; None if another route owns it."""
        target = "/" + "/".join(quote(one, safe="!$&'()*+,=:@~") for one in view.ask(path))
        for name in view.route.hosts or ("some.example",):
            authority = f"{self._fresh}{name[1:]}" if name.startswith("*") else name
            host = canonical_host(authority.encode())
            if host is None:
                continue
            request = SimulatedRequest(method, authority, host, target.encode("ascii"))
            match = side.find(request)
            if isinstance(match, Match) and match.route is view.route:
                return request
        return None

    def _meet(self, one: _View, other: _View) -> tuple[str, ...] | None:
        """Return a path of the service that both reach, or None."""
        lengths = {len(view.sent) for view in (one, other) if not view.is_prefix}
        size = max(len(one.sent), len(other.sent)) + 1
        if len(lengths) > 1:
            return None
        size = next(iter(lengths), size)
        rows = [_fill(view, size) for view in (one, other)]
        merged: list[str] = []
        for pair in zip(*rows, strict=True):
            literals = {segment for segment in pair if segment is not None}
            if len(literals) > 1:
                return None
            merged.append(next(iter(literals), self._fresh))
        return tuple(merged)


def _fill(view: _View, size: int) -> _Sent:
    return (*view.sent, *[None] * (size - len(view.sent)))


def _show(path: tuple[str, ...]) -> str:
    return "/" + "/".join(path)
