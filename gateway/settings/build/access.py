"""Build everything that decides about requests, from all files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.decision.identity import CGI_PREFIX, Identity, canonical_alias
from gateway.decision.routes.routing import Route
from gateway.settings.build.clients.credentials import TokenServers, refuse_without_token
from gateway.settings.build.includes import refuse_outside
from gateway.settings.build.introspection import add_introspection, add_introspectors
from gateway.settings.build.issuers.issuers import build_issuers
from gateway.settings.build.issuers.proxies import build_fetching
from gateway.settings.build.issuers.reach import IssuerReach
from gateway.settings.build.login.logins import build_logins
from gateway.settings.build.login.routes import add_logins
from gateway.settings.build.own_identity import (
    add_issuer_identities,
    add_route_identities,
    own_header_names,
    written_names,
)
from gateway.settings.build.rates import build_rate_limiting
from gateway.settings.build.resources import KnownIssuers, build_resources, point_to
from gateway.settings.build.revocations import build_revocations
from gateway.settings.build.routes.cors import build_cors
from gateway.settings.build.routes.rewrite import build_rewrites
from gateway.settings.build.routes.routes import Known, build_routes
from gateway.settings.build.routes.token_sources import KnownNames, add_token_sources
from gateway.settings.build.secrets import Outside
from gateway.settings.build.sections import Named, collect_named, collect_routes
from gateway.settings.build.tickets import build_tickets, refuse_without_tickets
from gateway.settings.build.upstreams import build_upstreams, refuse_upgrades
from gateway.settings.build.warnings import (
    warn_about_audiences,
    warn_about_resources,
    warn_about_unused,
)
from gateway.settings.schema.identity import DEFAULT_HEADER, DEFAULT_IDENTITY, IdentityModel
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.models import ConfigFile, UpstreamModel
from gateway.settings.schema.resources import ResourceModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault, Severity
from gateway.settings.text.files import Sources
from gateway.settings.text.suggestions import Names
from gateway.settings.values.configuration import (
    IssuerSettings,
    Resource,
    RevocationSettings,
    Upstream,
)
from gateway.settings.values.cors import Cors
from gateway.settings.values.login import LoginSettings
from gateway.settings.values.rates import RateLimiting
from gateway.settings.values.rewrite import Rewrite
from gateway.settings.values.tickets import TicketSettings


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """Which issuers are trusted, where requests go, and what each route requires.

    *own_headers* are the names of identity headers that only some issuers or routes have.
    """

    issuers: dict[str, IssuerSettings]
    revocations: dict[str, RevocationSettings]
    upstreams: dict[str, Upstream]
    logins: dict[str, LoginSettings]
    resources: tuple[Resource, ...]
    routes: tuple[Route, ...]
    route_models: Mapping[str, RouteModel]  # by name
    rewrites: Mapping[str, Rewrite]  # by name of the route
    cors: Mapping[str, Cors]  # by name of the route
    rate_limiting: RateLimiting
    own_headers: tuple[bytes, ...]
    tickets: TicketSettings | None


def build_access(  # noqa: PLR0913, PLR0917 - the whole configuration
    model: ConfigFile,
    root: Part,
    sources: Sources,
    environ: Mapping[str, str],
    identity: Identity,
    faults: list[Fault],
) -> Access:
    """Return the valid parts; *model* and *root* are the main file, *identity* its headers."""
    issuers = collect_named(sources, "issuers", IssuerModel, faults)
    upstreams = collect_named(sources, "upstreams", UpstreamModel, faults)
    resources = collect_named(sources, "resources", ResourceModel, faults)
    routes = collect_routes(sources, RouteModel, faults)
    reach = IssuerReach(issuers)
    issuer_names = Names(one.name for one in issuers)
    known = Known(issuer_names, Names(one.name for one in upstreams), reach)
    warn_about_unused(issuers, upstreams, routes, reach, faults)
    outside = Outside(environ, sources.main.directory, sources.disk)
    proxy = build_fetching(model.fetching, root.child("fetching"), outside, faults)
    sound = build_issuers(issuers, environ, sources.disk, faults, proxy)
    sound = add_introspection(sound, issuers, sources.disk, faults)
    sound = add_issuer_identities(sound, issuers, identity, faults)
    trusted = KnownIssuers(sound, known.issuers, reach)
    built_routes = build_routes(routes, known, faults)
    refuse_outside(built_routes, {one.name: one.part for one in routes}, resources, faults)
    at_logins = root.child("login")
    logins = build_logins(model, at_logins, sources, trusted, faults)
    # Logins with faults count as known: their faults are reported already.
    named_logins = Names(at_logins.raw if isinstance(at_logins.raw, dict) else logins)
    built_routes = add_logins(built_routes, routes, logins, named_logins, faults)
    built_routes = add_route_identities(built_routes, routes, sound, identity, faults)
    names = _identity_names(model.identity, written_names(issuers, routes))
    reserved = KnownNames(known.issuers, names)
    built_routes = add_token_sources(built_routes, routes, reserved, faults)
    refuse_without_tickets(routes, root, faults)
    built_routes = add_introspectors(built_routes, routes, sound, faults)
    built_resources = _resources(resources, routes, trusted, built_routes, faults)
    at_lists = root.child("revocations")
    ours = {one.name for one in issuers if one.part.document.include is None}
    tokens = TokenServers(trusted, ours.__contains__, model.identity.forward_token, proxy)
    built_upstreams = build_upstreams(upstreams, tokens, sources.disk, faults)
    refuse_without_token(built_routes, routes, built_upstreams, sound, faults)
    refuse_upgrades(routes, built_upstreams, faults)
    return Access(
        dict(trusted.sound),
        build_revocations(model.revocations, at_lists, sources, known.issuers, faults, proxy),
        built_upstreams,
        logins,
        built_resources,
        point_to(built_resources, built_routes),
        {one.name: one.model for one in routes if one.model is not None},
        build_rewrites(routes, built_routes, names, faults),
        build_cors(routes, built_routes, faults),
        build_rate_limiting(
            model,
            root,
            routes,
            built_routes,
            outside,
            faults,
        ),
        own_header_names(sound, built_routes, identity),
        build_tickets(model.tickets, root.child("tickets"), built_routes, logins, faults),
    )


def _identity_names(model: IdentityModel, own: Iterable[str]) -> frozenset[bytes]:
    """Return the aliases of all identity headers, faulty ones and those in *own* included.

    The default names are among them: services may still read one that `headers` replaces.
    """
    assertion = DEFAULT_HEADER if model.assertion is None else model.assertion.field
    names = (*DEFAULT_IDENTITY, *model.headers, *own, DEFAULT_HEADER, assertion)
    aliases = (canonical_alias(name.encode(errors="replace")) for name in names)
    return frozenset(alias.removeprefix(CGI_PREFIX) for alias in aliases)


def _resources(
    named: Sequence[Named[ResourceModel]],
    named_routes: Sequence[Named[RouteModel]],
    issuers: KnownIssuers,
    routes: Sequence[Route],
    faults: list[Fault],
) -> tuple[Resource, ...]:
    at_routes = {one.name: one.part for one in named_routes}
    resources = build_resources(named, issuers, routes, at_routes, faults)
    # Only without errors: otherwise a warning may only repeat one of them.
    if not any(fault.severity is Severity.ERROR for fault in faults):
        at_resources = {one.name: one.part for one in named}
        warn_about_audiences(routes, at_routes, issuers.sound, faults)
        warn_about_resources(resources, at_resources, routes, issuers.sound, faults)
    return resources
