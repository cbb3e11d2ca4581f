"""Find routes that lie within others, by their templates alone."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import Segment, Variable
from gateway.decision.routes.trie import Node


@dataclass(slots=True, eq=False)
class Area:
    """The requests of one host that one template owns; *routes* share them by method.

    *host* is empty for any host.
    """

    host: str
    segments: tuple[Segment, ...]
    is_prefix: bool
    routes: list[Route] = field(default_factory=list)
    _by_method: dict[str, Route] | None = None  # made at the first question about owners

    def methods(self) -> frozenset[str] | None:
        """Return the methods that the routes list; None if one of them takes all."""
        if not all(route.methods for route in self.routes):
            return None
        return frozenset().union(*(route.methods for route in self.routes))

    def owners(self, methods: frozenset[str]) -> list[Route]:
        """Return the routes that would own requests with *methods* (empty: with any)."""
        if not methods:
            return self.routes
        if self._by_method is None:
            self._by_method = {one: route for route in self.routes for one in route.methods}
        owners = {self._by_method[one] for one in methods if one in self._by_method}
        if not methods <= self._by_method.keys():
            owners.update(route for route in self.routes if not route.methods)
        return [route for route in self.routes if route in owners] if len(owners) > 1 else [*owners]


@dataclass(frozen=True, slots=True)
class Nested:
    """An area, and the most specific one *around* it, which owns all that *inner* does not."""

    inner: Area
    around: Area

    @property
    def adds_words(self) -> bool:
        """Return whether *inner* has literal segments that *around* lacks."""
        return _words(self.inner) > _words(self.around)

    @property
    def is_part(self) -> bool:
        """Return whether *inner* is part of what *around* stands for.

        `/orders/archive/` is part of `/orders/`, but `/tenants/new/` is not part of
        `/tenants/{tenant}/`: it is next to all tenants. Nothing is part of `/`.
        """
        around = self.around.segments
        return bool(around) and all(
            isinstance(own, Variable) or not isinstance(other, Variable)
            for own, other in zip(self.inner.segments, around, strict=False)
        )

    @property
    def is_of_host(self) -> bool:
        """Return whether *around* covers one whole host."""
        return bool(self.around.host) and not self.around.segments

    @property
    def is_open_ended(self) -> bool:
        """Return whether *inner* has unlimited paths within *around*."""
        rest = self.inner.segments[len(self.around.segments) :]
        return self.inner.is_prefix or any(isinstance(one, Variable) for one in rest)


class Nesting:
    """The areas of *routes*, separately for each host."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._roots: dict[str, Node[Area]] = {}
        self._areas: list[tuple[Node[Area], Area]] = []  # the root of its host, and the area
        for route in routes:
            segments = route.segments
            for host in route.hosts or ("",):
                self._add(host, segments, route)

    def _add(self, host: str, segments: tuple[Segment, ...], route: Route) -> None:
        root = self._roots.setdefault(host, Node())
        node = root
        for segment in segments:
            node = node.child(segment)
        area = node.prefix if route.is_prefix else node.end
        if area is None:
            area = Area(host, segments, route.is_prefix)
            self._areas.append((root, area))
            if route.is_prefix:
                node.prefix = area
            else:
                node.end = area
        area.routes.append(route)

    def areas(self) -> Iterator[Area]:
        """Yield every area; a route has one for each of its hosts."""
        return (area for _, area in self._areas)

    def nested(self) -> Iterator[Nested]:
        """Yield every area that lies within another one."""
        for root, area in self._areas:
            around = _around(root, area, 0)
            if around is not None:
                yield Nested(area, around)

    def elsewhere(self) -> Iterator[Nested]:
        """Yield every area of a host that would lie within, or be, one of a wider host.

        Requests for its paths at other hosts belong to that area.
        """
        for _, area in self._areas:
            for host in hosts_around(area.host, self._roots):
                if host != area.host:
                    around = _around(self._roots[host], area, 0)
                    if around is not None:
                        yield Nested(area, around)
                        break

    def bare(self) -> Iterator[tuple[Area, Area | None]]:
        """Yield every prefix below a literal, and who owns its path without the last slash."""
        for root, area in self._areas:
            if area.is_prefix and area.segments and isinstance(area.segments[-1], str):
                bare = Area(area.host, area.segments, is_prefix=False)
                yield area, _around(root, bare, 0)

    def hollow(self) -> Iterator[Area]:
        """Yield every area whose requests all belong to more specific ones.

        Only a prefix can be hollow: a path always has a request whose variables match no literal.
        """
        for root, area in self._areas:
            node = root
            for segment in area.segments:
                node = node.child(segment)
            if area.is_prefix and _owns_all_below(node):
                yield area


def hosts_around(host: str, known: Container[str]) -> Iterator[str]:
    """Yield *host*, the wildcards that match it, and "" (any host), as far as *known*."""
    parts = host.split(".")
    wildcards = ("*." + ".".join(parts[start:]) for start in range(1, len(parts)))
    return (one for one in dict.fromkeys((host, *wildcards, "")) if one in known)


def _around(node: Node[Area], area: Area, depth: int) -> Area | None:
    """Search as the route table does, for a request that matches no literal of other templates."""
    if depth == len(area.segments):
        found = node.prefix if area.is_prefix else node.end
        return None if found is area else found
    segment = area.segments[depth]
    ways = [node.variable] if segment else []  # a variable is never empty
    if isinstance(segment, str):
        ways.insert(0, node.literals.get(segment))
    for way in ways:
        found = None if way is None else _around(way, area, depth + 1)
        if found is not None:
            return found
    return node.prefix


def _owns_all_below(node: Node[Area]) -> bool:
    """Return whether more specific areas own everything below *node*."""
    empty, following = node.literals.get(""), node.variable
    if empty is None or empty.end is None or following is None or following.end is None:
        return False
    return following.prefix is not None or _owns_all_below(following)


def _words(area: Area) -> int:
    return sum(isinstance(segment, str) for segment in area.segments)
