"""Find the routes that differ in what they mean."""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import Variable
from gateway.settings.load import Loaded
from gateway.suites.differences.facet import (
    Change,
    Facet,
    Facets,
    Kinds,
    Statement,
    differing,
    judge,
    same,
    summarise,
)
from gateway.suites.differences.general_facets import upstream_of
from gateway.suites.differences.route_facets import ACCESS, match_facets, read_of_path, rule_facets

NAME = "name"
_PUBLIC = "public"
_OWN = {NAME, "match"}
_ASKED = {("require",), ("login",)}
_OF_TOKENS = {(key,) for key in ("require", "login", "mode", "token_from", "identity")}


class _Written(NamedTuple):
    """The text of a route without its name: which requests it owns, and the rest."""

    match: str
    rules: str


class RouteFacets:
    """The facets of every route of the configuration *loaded*, by its name.

    They are found when they are first asked for: of a large configuration, few routes change.
    Routes that are written alike share those of their rules.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self._routes = {route.name: route for route in loaded.settings.policy.routes.routes}
        self._rules: dict[object, Facets] = {}
        self._texts, self._rest = _write(loaded)

    def __iter__(self) -> Iterator[str]:
        return iter(self._routes)

    def __contains__(self, name: str) -> bool:
        return name in self._routes

    def of(self, name: str) -> Facets:
        """Return the facets of the route *name*."""
        return {**self.match(name), **self.rules(name)}

    def match(self, name: str) -> Facets:
        """Return the facets of the requests that the route *name* owns."""
        return match_facets(self._routes[name])

    def rules(self, name: str) -> Facets:
        """Return the other facets of the route *name*: one object for routes written alike."""
        route, settings = self._routes[name], self.loaded.settings
        key = self._texts[name].rules, read_of_path(route, settings.route_options[route.index])
        known = self._rules.get(key)
        if known is None:
            known = self._rules[key] = rule_facets(route, settings)
        return known

    def route(self, name: str) -> Route:
        """Return the route *name*."""
        return self._routes[name]

    def upstream(self, name: str) -> str:
        """Return the name of the upstream of the route *name*."""
        return self._routes[name].upstream

    def is_written_alike(self, name: str, other: "RouteFacets", other_name: str) -> bool:
        """Return whether two routes, and all besides routes, are written in the same words.

        Then they mean the same.
        """
        return self._rest == other._rest and self._texts[name] == other._texts[other_name]

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
        facets = self.of(name)
        asked = {key: one for key, one in facets.items() if key == ACCESS or one.keys[:1] in _ASKED}
        return Statement(summarise(asked), self.loaded.places.of_route(name, *facets[ACCESS].keys))

    def whole(self, name: str) -> Statement:
        """Return the whole route *name* as one statement."""
        return Statement(summarise(self.of(name)), self.loaded.places.of_route(name))


def _write(loaded: Loaded) -> tuple[Mapping[str, _Written], str]:
    """Return the text of each route, and that of everything else."""
    texts: dict[str, _Written] = {}
    rest: list[object] = []
    for number, document in enumerate(loaded.places.documents):
        root = document.root if isinstance(document.root, dict) else {}
        rest.append({key: value for key, value in root.items() if key != "routes"})
        for route in root.get("routes") or ():
            rules = {key: value for key, value in route.items() if key not in _OWN}
            match = json.dumps(route.get("match"))
            texts[route[NAME]] = _Written(match, f"{number} {json.dumps(rules)}")
    return texts, json.dumps(rest)


def compare_routes(
    old: RouteFacets, new: RouteFacets, owners: Iterable[tuple[str, str]] = ()
) -> Iterator[Change]:
    """Yield what was added, removed and changed, in the order of the new configuration.

    A route with another name for the same requests was renamed: that is a change of its name.
    *owners* are the names of an old and a new route that own some request, in its turn: if it
    passes to another route, what protected it must not be lost on the way.
    """
    heirs = find_heirs(old, new)
    comparison = _Comparison(old, new)
    for name in new:
        before = heirs.get(name)
        if before is None:
            yield Change("route", name, "", None, new.whole(name))
            continue
        if before != name:
            yield Change("route", name, NAME, _name(old, before), _name(new, name))
        if not old.is_written_alike(before, new, name):
            yield from comparison.of_route(before, name)
    kept = set(heirs.values())
    for name in old:
        if name not in kept:
            yield Change("route", name, "", old.whole(name), None)
    for before, after in dict.fromkeys(owners):
        if before != heirs.get(after):
            yield from comparison.of_owners(before, after)


class _Differing(NamedTuple):
    """Facets in which two routes differ; *kinds* is what that means for who has access."""

    name: str
    old: Facet | None
    new: Facet | None
    kinds: Kinds


class _Comparison:
    """Compares routes of two configurations; the same rules are compared once."""

    def __init__(self, old: RouteFacets, new: RouteFacets) -> None:
        self._old = old
        self._new = new
        self._known: dict[tuple[int, int], tuple[_Differing, ...]] = {}

    def of_route(self, before: str, name: str) -> Iterator[Change]:
        """Compare the old route *before* with what is now the route *name*."""
        old, new = self._old, self._new
        one, other = old.rules(before)[ACCESS].value, new.rules(name)[ACCESS].value
        if _PUBLIC in {one, other} and one != other:
            # All requirements come or go with the token.
            yield Change("route", name, ACCESS, old.access(before), new.access(name))
        yield from self._compare(before, name)

    def of_owners(self, before: str, name: str) -> Iterator[Change]:
        """Compare how two routes with other requests treat those that both own.

        Only differences of a kind are told: the routes are told as they are.
        """
        yield from (change for change in self._compare(before, name) if change.kinds)

    def _compare(self, before: str, name: str) -> Iterator[Change]:
        old, new = self._old, self._new
        one, other = old.rules(before), new.rules(name)
        known = self._known.get((id(one), id(other)))
        if known is None:
            known = self._known[id(one), id(other)] = tuple(_differing_rules(one, other))
        for found in (*_judged(old.match(before), new.match(name)), *known):
            keys = next(side.keys[:2] for side in (found.old, found.new) if side is not None)
            was = old.statement(before, found.old, keys)
            becomes = new.statement(name, found.new, keys)
            if found.name == "scopes" and was.text == becomes.text:
                becomes = replace(becomes, text=f"{becomes.text}, as `scope_implies` has it now")
            yield Change("route", name, found.name, was, becomes, found.kinds)
        yield from _compare_upstreams(before, name, old, new)


def _differing_rules(one: Facets, other: Facets) -> Iterator[_Differing]:
    if _PUBLIC in {one[ACCESS].value, other[ACCESS].value}:
        one, other = _without_tokens(one), _without_tokens(other)
    yield from _judged(one, other)


def _judged(one: Facets, other: Facets) -> Iterator[_Differing]:
    for name, before, after in differing(one, other):
        yield _Differing(name, before, after, judge(before, after))


def _compare_upstreams(
    before: str, name: str, old: RouteFacets, new: RouteFacets
) -> Iterator[Change]:
    """Compare the upstreams of a route that has another one: those of one name are compared so."""
    one, other = old.upstream(before), new.upstream(name)
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


def find_heirs(old: RouteFacets, new: RouteFacets) -> Mapping[str, str]:
    """Return the old name of each new route that was there before, under any name.

    That is the route for the same requests, or else the one of the same name.
    """
    before = {_where(old.route(name)): name for name in old}
    found: dict[str, str] = {}
    for name in new:
        former = before.get(_where(new.route(name)))
        if former is not None:
            found[name] = former
    kept = set(found.values())
    for name in new:
        if name not in found and name in old and name not in kept:
            found[name] = name
    return found


def _where(route: Route) -> Hashable:
    # No two routes of a configuration have all of these in common.
    shape = tuple(None if isinstance(one, Variable) else one for one in route.segments)
    return shape, route.is_prefix, route.methods, frozenset(route.hosts)


def _name(facets: RouteFacets, name: str) -> Statement:
    return Statement(name, facets.loaded.places.of_route(name, NAME))


class Pairs:
    """Remembers which pairs of an old and a new route mean the same."""

    def __init__(self, old: RouteFacets, new: RouteFacets) -> None:
        self._old = old
        self._new = new
        self._known: dict[tuple[str, str], bool] = {}
        self._rules: dict[tuple[int, int], bool] = {}

    def mean_the_same(self, old: Route, new: Route) -> bool:
        """Return whether the *old* and the *new* route mean the same."""
        pair = old.name, new.name
        known = self._known.get(pair)
        if known is None:
            known = self._known[pair] = self._old.is_written_alike(
                old.name, self._new, new.name
            ) or self._compare(*pair)
        return known

    def _compare(self, old: str, new: str) -> bool:
        if not same(self._old.match(old), self._new.match(new)):
            return False
        one, other = self._old.rules(old), self._new.rules(new)
        known = self._rules.get((id(one), id(other)))
        if known is None:
            known = self._rules[id(one), id(other)] = same(one, other)
        return known
