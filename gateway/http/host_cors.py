"""Find which pages may read the refusal of a path, which has no route."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.decision.routes.routing import Route
from gateway.settings.values.cors import Cors
from gateway.settings.values.route_options import RouteOptions


class HostCors:
    """The `cors` of each host's routes: pages that may read responses of one may read a refusal.

    A rejected path has no route, and its refusal only says that the path is invalid. A look-up
    costs the same for ten thousand routes as for one, because anyone can request such paths.
    """

    def __init__(self, routes: Iterable[Route], route_options: Sequence[RouteOptions]) -> None:
        self._by_origin: dict[tuple[str, bytes], Route] = {}
        self._open: dict[str, Route] = {}
        self._by_pattern: dict[tuple[str, bytes], Route] = {}
        self._route_options = route_options
        for route in routes:
            cors = route_options[route.index].cors
            if cors is not None:
                for host in route.hosts or ("",):
                    self._add(host.removeprefix("*"), route, cors)
        self._patterns: dict[str, list[Route]] = {}
        for (host, _), route in self._by_pattern.items():
            self._patterns.setdefault(host, []).append(route)

    def __bool__(self) -> bool:
        """Return whether any route has `cors`."""
        return bool(self._by_origin or self._open or self._by_pattern)

    def _add(self, host: str, route: Route, cors: Cors) -> None:
        if cors.is_open:
            self._open.setdefault(host, route)
        for origin in cors.origins:
            self._by_origin.setdefault((host, origin), route)
        for written in cors.patterns:
            self._by_pattern.setdefault((host, written), route)

    def find(self, host: str, origin: bytes) -> tuple[Route, Cors] | None:
        """Return a route of *host* whose responses pages of *origin* may read, and its `cors`."""
        for name in _names(host):
            route = self._by_origin.get((name, origin)) or self._open.get(name)
            candidates = (route,) if route is not None else self._patterns.get(name, ())
            for one in candidates:
                cors = self._route_options[one.index].cors
                if cors is not None and cors.allows(origin):
                    return one, cors
        return None


def _names(host: str) -> Iterator[str]:
    """Yield *host*, the wildcards that match it, and the key for any host."""
    yield host
    labels = host.split(".")
    for start in range(1, len(labels)):
        yield "." + ".".join(labels[start:])
    yield ""
