"""Warn about unused parts, and about audiences that accept too much or nobody."""

from collections.abc import Mapping, Sequence

from gateway.decision.routes.routing import Route
from gateway.settings.build.issuers.reach import IssuerReach
from gateway.settings.build.resources import accepts
from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.models import UpstreamModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import Names, did_you_mean
from gateway.settings.values.configuration import IssuerSettings, Resource

# Enough to recognise the routes.
_SHOWN_ROUTES = 3


def warn_about_unused(
    issuers: Sequence[Named[IssuerModel]],
    upstreams: Sequence[Named[UpstreamModel]],
    routes: Sequence[Named[RouteModel]],
    reach: IssuerReach,
    faults: list[Fault],
) -> None:
    """Warn about issuers whose tokens no route accepts, and upstreams that no route goes to.

    An issuer that only issues the tokens of an upstream is used, too.
    """
    models = [route.model for route in routes if route.model is not None]
    if not routes or not all(route.sound for route in routes):
        return  # a route with faults may use any of them
    used = {model.upstream for model in models}
    for upstream in upstreams:
        if upstream.name not in used:
            message = f"no route uses the upstream `{upstream.name}`"
            faults.append(upstream.part.key_warning(Code.UNUSED_UPSTREAM, message))
    accepted = {one.model.token_issuer for one in upstreams if one.model is not None}
    for route in routes:
        if route.model is None or route.model.require is None:
            continue
        own = reach.accepted(route.model.require, route.part.document)
        if own is None:
            return
        also = route.model.require.also
        accepted |= own if also is None else {*own, *also.issuers}
    for issuer in issuers:
        if issuer.name not in accepted:
            message = f"no route accepts tokens of the issuer `{issuer.name}`"
            faults.append(issuer.part.key_warning(Code.UNUSED_ISSUER, message))


def warn_about_audiences(
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    issuers: Mapping[str, IssuerSettings],
    faults: list[Fault],
) -> None:
    """Warn about an audience that a route requires but none of its issuers lists."""
    listings: dict[frozenset[str] | None, Names | None] = {}
    for route in routes:
        if route.audiences is None:
            continue
        if route.issuers not in listings:
            listings[route.issuers] = _listed(route, issuers)
        listed = listings[route.issuers]
        if listed is None:
            continue
        part = at_routes[route.name].child("require").child("audiences")
        for index, audience in enumerate(part.raw if isinstance(part.raw, list) else ()):
            if audience in listed:
                continue
            message = (
                f"no issuer of this route lists `{shorten(audience)}` in its `audiences`, so a"
                f" token would need two audiences{did_you_mean(audience, listed)}"
            )
            faults.append(part.child(index).warning(Code.AUDIENCE_UNLISTED, message))


def _listed(route: Route, issuers: Mapping[str, IssuerSettings]) -> Names | None:
    """Return the audiences that the issuers of *route* list; None if an issuer lists none."""
    accepted = [one.issuer.audiences for name, one in issuers.items() if accepts(route, name)]
    if not accepted or None in accepted:
        return None
    return Names(sorted(audience for audiences in accepted for audience in audiences or ()))


def warn_about_resources(
    resources: Sequence[Resource],
    at_resources: Mapping[str, Part],
    routes: Sequence[Route],
    issuers: Mapping[str, IssuerSettings],
    faults: list[Fault],
) -> None:
    """Warn about resources whose clients are refused, or can use tokens of another resource."""
    by_name = {route.name: route for route in routes}
    clients = _Clients(resources)
    for resource in resources:
        part = at_resources[resource.name]
        owned = [by_name[name] for name in resource.routes]
        if not owned:
            message = (
                f"no route at or below {shorten(resource.identifier)} needs a token, so no"
                " response points to this resource"
            )
            faults.append(part.key_warning(Code.UNUSED_RESOURCE, message))
        _warn_if_refused(resource, part, owned, issuers, faults)
        _warn_if_shared(resource, clients, part, owned, faults)


def _warn_if_refused(
    resource: Resource,
    part: Part,
    owned: Sequence[Route],
    issuers: Mapping[str, IssuerSettings],
    faults: list[Fault],
) -> None:
    """Warn if a token for the resource (RFC 8707) has no audience that is accepted."""
    known = [(name, issuers[name].issuer.audiences) for name in resource.authorization_servers]
    where = [
        f"`issuers.{name}.audiences`"
        for name, audiences in known
        if audiences is not None and resource.identifier not in audiences
    ]
    where += [
        f"`audiences` of the route `{route.name}`"
        for route in owned
        if route.audiences is not None and resource.identifier not in route.audiences
    ]
    if where:
        message = (
            "clients request tokens for this URL (RFC 8707), which would be refused: it is"
            f" not in {_listing(where)}"
        )
        faults.append(part.child("resource").warning(Code.AUDIENCE_UNLISTED, message))


class _Clients:
    """The resources whose clients hold tokens of each issuer; the first two suffice."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._first: dict[str, list[tuple[int, Resource]]] = {}
        of_any = [one for one in enumerate(resources) if one[1].authorization_servers]
        self._of_any = of_any[:2]
        for order, resource in of_any:
            for name in resource.authorization_servers:
                found = self._first.setdefault(name, [])
                if len(found) < 2:
                    found.append((order, resource))

    def first_but(self, resource: Resource, issuers: frozenset[str] | None) -> Resource | None:
        """Return the first other resource with tokens of one of *issuers* (None: of any)."""
        others = self._of_any
        if issuers is not None:
            others = [one for name in issuers for one in self._first.get(name, ())]
        found = [one for one in others if one[1] is not resource]
        return min(found, key=lambda one: one[0])[1] if found else None


def _warn_if_shared(
    resource: Resource,
    clients: _Clients,
    part: Part,
    owned: Sequence[Route],
    faults: list[Fault],
) -> None:
    """Warn if tokens for another resource are accepted here, too (RFC 9700 §2.3)."""
    routes = [route for route in owned if route.audiences is None]
    accepted = {route.issuers for route in routes}
    issuers = None if None in accepted else frozenset[str]().union(*filter(None, accepted))
    other = clients.first_but(resource, issuers) if routes else None
    if other is None:
        return
    open_to_it = [
        f"`{route.name}`"
        for route in routes
        if any(accepts(route, name) for name in other.authorization_servers)
    ]
    message = (
        f"tokens for the resource `{other.name}` pass here, too, at {_listing(open_to_it)}:"
        " give each route `require.audiences`"
    )
    faults.append(part.key_warning(Code.AUDIENCE_SHARED, message))


def _listing(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_ROUTES
    return ", ".join(names[:_SHOWN_ROUTES]) + (f" and {more} more" if more > 0 else "")
