"""Build the protected resources and their metadata (RFC 9728)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import Segment
from gateway.settings.build.checks import refuse_repeated, refuse_unknown
from gateway.settings.build.issuers.reach import IssuerReach
from gateway.settings.build.sections import Named
from gateway.settings.schema.resources import ResourceModel
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Grant
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import check_key_url, is_web_url, leaves_unprotected
from gateway.settings.values.configuration import IssuerSettings, Resource, SourceKind
from gateway.settings.values.resource_identifier import Identifier, parse_identifier


@dataclass(frozen=True, slots=True, eq=False)
class KnownIssuers:
    """The valid issuers by name, the names of all issuers, and the routes that each reaches."""

    sound: Mapping[str, IssuerSettings]
    names: Collection[str]
    reach: IssuerReach


def build_resources(
    named: Sequence[Named[ResourceModel]],
    issuers: KnownIssuers,
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    faults: list[Fault],
) -> tuple[Resource, ...]:
    """Return the valid resources; *at_routes* has the place of each route by name."""
    identifiers = _identifiers(named, faults)
    at_resources = {one.name: one.part for one in named}
    owned = routes_of_resources(identifiers, routes, at_routes, at_resources, faults)
    return tuple(
        _build(one, one.model, identifiers[one.name], owned[one.name], issuers, faults)
        for one in named
        if one.model is not None and one.name in identifiers
    )


def _identifiers(
    named: Sequence[Named[ResourceModel]], faults: list[Fault]
) -> dict[str, Identifier]:
    found: dict[str, Identifier] = {}
    owners: dict[tuple[str, tuple[str, ...]], str] = {}
    for one in named:
        if one.model is None:
            continue
        part, text = one.part.child("resource"), one.model.resource
        identifier = parse_identifier(text)
        if isinstance(identifier, str):
            code = Code.INSECURE_URL if leaves_unprotected(text) else Code.BAD_VALUE
            faults.append(part.fault(code, identifier))
            continue
        # Requests carry no scheme and no port, and a trailing slash names the same resource.
        owner = owners.setdefault((identifier.host, identifier.segments), one.name)
        if owner == one.name:
            found[one.name] = identifier
            continue
        message = f"the resource `{owner}` already has this host and path"
        faults.append(part.fault(Code.DUPLICATE_VALUE, message))
    return found


def routes_of_resources(
    identifiers: Mapping[str, Identifier],
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    at_resources: Mapping[str, Part],
    faults: list[Fault],
) -> dict[str, list[Route]]:
    """Return the routes of each resource; a public route belongs to none.

    A route belongs to the resource with the longest path prefix of its own path. It must not
    belong to resources of two hosts: a challenge names only one, and clients of the other host
    must reject that metadata (RFC 9728 §3.3).
    A resource of an included file has only the routes of that file, unless it was granted more:
    otherwise it could send other teams' clients to an authorization server of its own.
    """
    owned: dict[str, list[Route]] = {name: [] for name in identifiers}
    index = _Index(identifiers, at_resources)
    for route in routes if identifiers else ():
        names = [] if route.public else index.nearest(route, at_routes[route.name].document)
        if len(names) > 1:
            message = (
                f"`{route.name}` belongs to the resources {' and '.join(f'`{n}`' for n in names)}"
                " on different hosts: write a route for each host, with `hosts`"
            )
            faults.append(at_routes[route.name].child("match").key_fault(Code.BAD_VALUE, message))
        for name in names[:1]:
            owned[name].append(route)
    return owned


class _Index:
    """The resources by path, then by host: those for all routes, and those of each file."""

    def __init__(
        self, identifiers: Mapping[str, Identifier], at_resources: Mapping[str, Part]
    ) -> None:
        self._names = tuple(identifiers)
        self._for_all: _ByPath = {}
        self._of_file: dict[Document, _ByPath] = {}
        for order, (name, identifier) in enumerate(identifiers.items()):
            owner = at_resources[name].document
            is_for_all = owner.may(Grant.RESOURCES_FOR_ALL)
            by_path = self._for_all if is_for_all else self._of_file.setdefault(owner, {})
            by_path.setdefault(identifier.segments, _Hosts()).add(identifier.host, order)

    def nearest(self, route: Route, document: Document) -> list[str]:
        """Return the name of the resource that *route*, in *document*, belongs to on each host."""
        # A variable does not match a literal here: its requests may belong to another resource.
        segments = route.segments
        own = self._of_file.get(document, {})
        found: dict[str, list[int]] = {}  # by host; the longest path comes last
        for length in range(len(segments) + 1):
            for by_path in (self._for_all, own):
                hosts = by_path.get(segments[:length])
                for host, order in hosts.served_by(route) if hosts is not None else ():
                    found.setdefault(host, []).append(order)
        return [self._names[orders[-1]] for orders in sorted(found.values(), key=min)]


class _Hosts:
    """The resources of one path by host, each as its position in the configuration."""

    def __init__(self) -> None:
        self._by_host: dict[str, int] = {}
        self._by_suffix: dict[str, list[str]] = {}  # `.example.com`: the hosts below it

    def add(self, host: str, order: int) -> None:
        self._by_host.setdefault(host, order)
        labels = host.split(".")
        for at in range(1, len(labels)):
            self._by_suffix.setdefault("." + ".".join(labels[at:]), []).append(host)

    def served_by(self, route: Route) -> Iterable[tuple[str, int]]:
        """Return each host that *route* serves, with the position of its resource."""
        if not route.hosts:
            return self._by_host.items()
        hosts = dict.fromkeys(host for own in route.hosts for host in self._matching(own))
        return [(host, self._by_host[host]) for host in hosts]

    def _matching(self, own: str) -> Sequence[str]:
        if own.startswith("*"):
            return self._by_suffix.get(own[1:], ())
        return (own,) if own in self._by_host else ()


_ByPath = dict[tuple[Segment, ...], _Hosts]


def _build(  # noqa: PLR0913, PLR0917 - each is a part of what is built
    one: Named[ResourceModel],
    model: ResourceModel,
    identifier: Identifier,
    routes: Sequence[Route],
    issuers: KnownIssuers,
    faults: list[Fault],
) -> Resource:
    part = one.part
    names = _servers(model, part, routes, issuers, faults)
    servers = [issuers.sound[name].issuer.issuer for name in names]
    refuse_repeated(model.scopes or (), part.child("scopes"), faults)
    if model.documentation is not None and not is_web_url(model.documentation):
        message = "not a URL: write it like https://docs.example.com/orders"
        faults.append(part.child("documentation").fault(Code.BAD_VALUE, message))
    place = part.document.key_place(part.path)
    return Resource(
        name=one.name,
        identifier=identifier.text,
        metadata_url=identifier.metadata_url,
        host=identifier.host,
        metadata_path=identifier.metadata_path,
        metadata=_render(model, servers, model.scopes or _scopes_of(routes)),
        authorization_servers=tuple(names),
        routes=tuple(route.name for route in routes),
        place=f"{place.file}:{place.line}",
    )


def _servers(
    model: ResourceModel,
    part: Part,
    routes: Sequence[Route],
    issuers: KnownIssuers,
    faults: list[Fault],
) -> list[str]:
    """Return the names of the issuers that clients are referred to."""
    if model.authorization_servers is not None:
        at = part.child("authorization_servers")
        return _listed(model.authorization_servers, at, routes, issuers, faults)
    # Without routes: those that a route in the same file would accept.
    accepted = _accepted(routes) if routes else issuers.reach.reaching(part.document)
    found = [
        name
        for name, issuer in issuers.sound.items()
        if issuer.source.kind is SourceKind.DISCOVERY and (accepted is None or name in accepted)
    ]
    if not found and len(issuers.sound) == len(issuers.names):
        # RFC 9728 lets it be absent, but then the metadata tells a client nothing.
        message = (
            "no authorization server: its routes accept no issuer with `discovery`, so name"
            " one in `authorization_servers`"
        )
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    return found


def _listed(
    names: Sequence[str],
    part: Part,
    routes: Sequence[Route],
    issuers: KnownIssuers,
    faults: list[Fault],
) -> list[str]:
    refuse_repeated(names, part, faults)
    accepted = _accepted(routes)
    for index, name in enumerate(names):
        refuse_unknown("issuer", name, issuers.names, part.child(index), faults)
        issuer = issuers.sound.get(name)
        if issuer is not None and not _has_metadata(issuer.issuer.issuer):
            message = (
                f"clients cannot find this server: the `issuer` of `{shorten(name)}` is not a URL"
            )
            faults.append(part.child(index).fault(Code.BAD_VALUE, message))
        elif issuer is not None and accepted is not None and name not in accepted:
            message = f"no route of this resource accepts tokens of the issuer `{name}`"
            faults.append(part.child(index).warning(Code.UNUSED_ISSUER, message))
    return [name for name in names if name in issuers.sound]


def _accepted(routes: Sequence[Route]) -> frozenset[str] | None:
    """Return the issuers whose tokens any of *routes* accepts; None means all issuers."""
    listed = [route.issuers for route in routes]
    if not listed or None in listed:
        return None
    return frozenset[str]().union(*filter(None, listed))


def accepts(route: Route, issuer_name: str) -> bool:
    """Return whether *route* accepts tokens of the issuer."""
    return route.issuers is None or issuer_name in route.issuers


def _has_metadata(iss: str) -> bool:
    # RFC 8414 §2: a URL without a query, as `discovery` requires.
    return check_key_url(iss) is None and not {"?", "{"}.intersection(iss)


def _scopes_of(routes: Sequence[Route]) -> list[str]:
    scopes = (
        scope for route in routes if route.scopes is not None for scope in route.scopes.wanted
    )
    return list(dict.fromkeys(scopes))


def _render(model: ResourceModel, servers: Sequence[str], scopes: Sequence[str]) -> bytes:
    members = {
        "resource": model.resource,
        "authorization_servers": servers,
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": model.name,
        "resource_documentation": model.documentation,
    }
    # RFC 9728 §3.2: empty members are left out.
    return json.dumps({name: value for name, value in members.items() if value}).encode("ascii")


def point_to(resources: Sequence[Resource], routes: Sequence[Route]) -> tuple[Route, ...]:
    """Return *routes*, each with the metadata URL of its resource."""
    urls = {name: resource.metadata_url for resource in resources for name in resource.routes}
    return tuple(
        replace(route, metadata_url=urls[route.name]) if route.name in urls else route
        for route in routes
    )
