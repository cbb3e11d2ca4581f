"""Find the routes that differ in what they mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.decision.routes.routing import Route
from gateway.settings.load import Loaded
from gateway.suites.differences.facet import (
    Change,
    Facet,
    Facets,
    Statement,
    differing,
    judge,
    same,
    summarise,
)
from gateway.suites.differences.route_facets import ACCESS, route_facets

NAME = "name"
_PUBLIC = "public"
_ASKED = {("require",), ("login",)}
_OF_TOKENS = {(key,) for key in ("require", "login", "mode", "token_from", "identity")}
_WHERE = ("path", "methods", "hosts")


@dataclass(frozen=True, slots=True, eq=False)
class RouteFacets:
    """The facets of every route of a configuration, by its name."""

    loaded: Loaded
    of: Mapping[str, Facets]

    @classmethod
    def read(cls, loaded: Loaded) -> "RouteFacets":
        """Return that of *loaded*."""
        settings = loaded.settings
        routes = settings.policy.routes.routes
        return cls(loaded, {route.name: route_facets(route, settings) for route in routes})

    def statement(self, name: str, facet: Facet | None, keys: tuple[str, ...] = ()) -> Statement:
        """Return the statement of route *name* in *facet*, or "nothing" if that is None."""
        place = self.loaded.places.of_route(name, *(keys if facet is None else facet.keys))
        return Statement("nothing" if facet is None else facet.text, place)

    def access(self, name: str) -> Statement:
        """Return all that the route *name* requires."""
        facets = self.of[name]
        asked = {key: one for key, one in facets.items() if key == ACCESS or one.keys[:1] in _ASKED}
        return Statement(summarise(asked), self.loaded.places.of_route(name, *facets[ACCESS].keys))

    def whole(self, name: str) -> Statement:
        """Return the whole route *name* as one statement."""
        return Statement(summarise(self.of[name]), self.loaded.places.of_route(name))


def compare_routes(old: RouteFacets, new: RouteFacets) -> Iterator[Change]:
    """Yield what was added, removed and changed, in the order of the new configuration.

    A route with a new name and the same meaning was renamed: that is a change of its name.
    """
    renamed = _find_renamed(old, new)
    for name in new.of:
        before = renamed.get(name, name)
        if before != name:
            yield Change("route", name, NAME, _name(old, before), _name(new, name))
        elif name not in old.of:
            yield Change("route", name, "", None, new.whole(name))
        else:
            yield from _compare(name, old, new)
    gone = set(renamed.values())
    for name in old.of:
        if name not in new.of and name not in gone:
            yield Change("route", name, "", old.whole(name), None)


def _compare(name: str, old: RouteFacets, new: RouteFacets) -> Iterator[Change]:
    before, after = old.of[name], new.of[name]
    if _PUBLIC in {before[ACCESS].value, after[ACCESS].value}:
        # All requirements come or go with the token.
        if before[ACCESS].value != after[ACCESS].value:
            yield Change("route", name, ACCESS, old.access(name), new.access(name))
        before, after = _without_tokens(before), _without_tokens(after)
    for facet, one, other in differing(before, after):
        keys = next(side.keys[:2] for side in (one, other) if side is not None)
        statements = old.statement(name, one, keys), new.statement(name, other, keys)
        yield Change("route", name, facet, *statements, judge(one, other))


def _without_tokens(facets: Facets) -> Facets:
    """Return *facets* but for those about tokens, and what services learn from them."""
    return {
        name: facet
        for name, facet in facets.items()
        if name != ACCESS and facet.keys[:1] not in _OF_TOKENS
    }


def _find_renamed(old: RouteFacets, new: RouteFacets) -> Mapping[str, str]:
    """Return the old names of renamed routes, by their new ones."""
    gone: dict[object, str] = {
        _where(facets): name for name, facets in old.of.items() if name not in new.of
    }
    found: dict[str, str] = {}
    for name, facets in new.of.items():
        former = gone.get(_where(facets))
        if name not in old.of and former is not None and same(old.of[former], facets):
            found[name] = former
    return found


def _where(facets: Facets) -> object:
    # No two routes of a configuration have all of these in common.
    return tuple(facets[name].value for name in _WHERE)


def _name(facets: RouteFacets, name: str) -> Statement:
    return Statement(name, facets.loaded.places.of_route(name, NAME))


class Pairs:
    """Remembers which pairs of an old and a new route mean the same."""

    def __init__(self, old: RouteFacets, new: RouteFacets) -> None:
        self._old = old.of
        self._new = new.of
        self._known: dict[tuple[str, str], bool] = {}

    def mean_the_same(self, old: Route, new: Route) -> bool:
        """Return whether the *old* and the *new* route mean the same."""
        pair = old.name, new.name
        if pair not in self._known:
            self._known[pair] = same(self._old[old.name], self._new[new.name])
        return self._known[pair]
