"""Find the routes that differ in what they mean."""

from collections.abc import Iterable, Iterator, Mapping
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
from gateway.suites.differences.general_facets import upstream_of
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
    upstreams: Mapping[str, str]  # the name of its upstream, by the name of the route

    @classmethod
    def read(cls, loaded: Loaded) -> "RouteFacets":
        """Return that of *loaded*."""
        settings = loaded.settings
        routes = settings.policy.routes.routes
        facets = {route.name: route_facets(route, settings) for route in routes}
        return cls(loaded, facets, {route.name: route.upstream for route in routes})

    def statement(self, name: str, facet: Facet | None, keys: tuple[str, ...] = ()) -> Statement:
        """Return the statement of route *name* in *facet*, or "nothing" if that is None."""
        place = self.loaded.places.of_route(name, *(keys if facet is None else facet.keys))
        return Statement("nothing" if facet is None else facet.text, place)

    def of_upstream(self, name: str, facet: Facet | None) -> Statement:
        """Return the statement of the upstream *name* in *facet*, or "nothing" if that is None."""
        keys = () if facet is None else facet.keys
        place = self.loaded.places.of_upstream(name, *keys)
        return Statement("nothing" if facet is None else facet.text, place)

    def access(self, name: str) -> Statement:
        """Return all that the route *name* requires."""
        facets = self.of[name]
        asked = {key: one for key, one in facets.items() if key == ACCESS or one.keys[:1] in _ASKED}
        return Statement(summarise(asked), self.loaded.places.of_route(name, *facets[ACCESS].keys))

    def whole(self, name: str) -> Statement:
        """Return the whole route *name* as one statement."""
        return Statement(summarise(self.of[name]), self.loaded.places.of_route(name))


def compare_routes(
    old: RouteFacets, new: RouteFacets, owners: Iterable[tuple[str, str]] = ()
) -> Iterator[Change]:
    """Yield what was added, removed and changed, in the order of the new configuration.

    A route with another name for the same requests was renamed: that is a change of its name.
    *owners* are the names of an old and a new route that own some request, in its turn: if it
    passes to another route, what protected it must not be lost on the way.
    """
    renamed = _find_renamed(old, new)
    for name in new.of:
        before = renamed.get(name, name)
        if before != name:
            yield Change("route", name, NAME, _name(old, before), _name(new, name))
        if before in old.of:
            yield from _compare(before, name, old, new)
        else:
            yield Change("route", name, "", None, new.whole(name))
    gone = set(renamed.values())
    for name in old.of:
        if name not in new.of and name not in gone:
            yield Change("route", name, "", old.whole(name), None)
    for before, after in dict.fromkeys(owners):
        if before != renamed.get(after, after):
            yield from _compare_owners(before, after, old, new)


def _compare(before: str, name: str, old: RouteFacets, new: RouteFacets) -> Iterator[Change]:
    """Compare the old route *before* with what is now the route *name*."""
    one, other = old.of[before], new.of[name]
    if _PUBLIC in {one[ACCESS].value, other[ACCESS].value}:
        # All requirements come or go with the token.
        if one[ACCESS].value != other[ACCESS].value:
            yield Change("route", name, ACCESS, old.access(before), new.access(name))
        one, other = _without_tokens(one), _without_tokens(other)
    yield from _compare_facets(before, name, old, new, differing(one, other))
    yield from _compare_upstreams(before, name, old, new)


def _compare_owners(before: str, name: str, old: RouteFacets, new: RouteFacets) -> Iterator[Change]:
    """Compare how two routes with other requests treat those that both own, whoever may send them.

    Only differences of a kind are told: the routes are told as they are.
    """
    one, other = _without_tokens(old.of[before]), _without_tokens(new.of[name])
    changes = (
        *_compare_facets(before, name, old, new, differing(one, other)),
        *_compare_upstreams(before, name, old, new),
    )
    yield from (change for change in changes if change.kinds)


def _compare_facets(
    before: str,
    name: str,
    old: RouteFacets,
    new: RouteFacets,
    found: Iterable[tuple[str, Facet | None, Facet | None]],
) -> Iterator[Change]:
    for facet, one, other in found:
        keys = next(side.keys[:2] for side in (one, other) if side is not None)
        statements = old.statement(before, one, keys), new.statement(name, other, keys)
        yield Change("route", name, facet, *statements, judge(one, other))


def _compare_upstreams(
    before: str, name: str, old: RouteFacets, new: RouteFacets
) -> Iterator[Change]:
    """Compare the upstreams of a route that has another one: those of one name are compared so."""
    one, other = old.upstreams[before], new.upstreams[name]
    if one == other:
        return
    found = differing(
        upstream_of(one, old.loaded.settings), upstream_of(other, new.loaded.settings)
    )
    for facet, was, becomes in found:
        if facet.startswith("tls.") and (was is None or becomes is None):
            continue  # that there is TLS is judged by the servers
        earlier = old.of_upstream(one, was)
        later = new.of_upstream(other, becomes)
        yield Change("route", name, f"upstream.{facet}", earlier, later, judge(was, becomes))


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
        if name not in old.of and former is not None:
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
