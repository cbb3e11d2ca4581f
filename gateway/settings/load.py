"""Load a configuration: read, check and compile it, or list all of its faults."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.decision.policy import ANY_HOST, Issuer, Policy, TenantIssuers
from gateway.decision.routes.routing import RouteTable
from gateway.settings.build.access import build_access
from gateway.settings.build.identity import (
    build_assertion,
    build_identity,
    refuse_trust_in_ourselves,
)
from gateway.settings.build.includes import check_entries
from gateway.settings.build.lifecycle import build_drain, build_reloads, find_named_suites
from gateway.settings.build.listeners import (
    build_admin,
    build_listen,
    build_trusted_proxies,
    refuse_one_address_twice,
)
from gateway.settings.build.revocations import rules_by_issuer
from gateway.settings.build.routes.defaults import apply_defaults
from gateway.settings.build.routes.route_options import build_route_options
from gateway.settings.build.routes.routes import close_scopes
from gateway.settings.build.routes.token_sources import reserve_headers
from gateway.settings.build.secrets import Outside
from gateway.settings.build.sections import (
    are_mappings,
    check_general,
    check_team_files,
)
from gateway.settings.build.tracing import build_tracing
from gateway.settings.presets.expand import IssuerKeys, expand_presets
from gateway.settings.schema.issuers.issuer import KEY_SOURCES, IssuerModel
from gateway.settings.schema.log import long_form
from gateway.settings.schema.models import ConfigFile, TeamFile
from gateway.settings.schema.references import type_references
from gateway.settings.text.comments import Comment
from gateway.settings.text.disk import MACHINE_DISK, Disk
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault, Severity, name_routes
from gateway.settings.text.files import Sources, UnreadableError, read_sources
from gateway.settings.text.grants import Grant, Include
from gateway.settings.text.places import Places
from gateway.settings.text.suppressions import (
    Suppressed,
    Suppression,
    apply_suppressions,
    read_suppressions,
)
from gateway.settings.values.configuration import (
    AccessLogFormat,
    AccessLogTarget,
    Admin,
    AssertionSettings,
    HalfClose,
    Limits,
    Listen,
    Resource,
    Settings,
    Timeouts,
    UnderscoreNames,
)
from gateway.settings.values.signing_key import render_jwks

__all__ = ["Loaded", "Rejected", "UnreadableError", "load_settings"]


_UNUSED = frozenset(
    {Code.UNUSED_ISSUER, Code.UNUSED_UPSTREAM, Code.UNUSED_RESOURCE, Code.UNUSED_RATE_LIMIT}
)

_ISSUER_KEYS = IssuerKeys(tuple(IssuerModel.model_fields), KEY_SOURCES)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A valid configuration, with its warnings and the places of its parts.

    *warnings* are those that no comment suppresses, *suppressed* the others; *suppressions* are
    all such comments. *includes* has what included files may declare.
    """

    settings: Settings
    warnings: tuple[Fault, ...]
    suppressed: tuple[Suppressed, ...]
    suppressions: tuple[Suppression, ...]
    places: Places
    includes: tuple[Include, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """All faults of a configuration, warnings included, in order of place.

    *digest* covers all files read, as in the settings.
    """

    faults: tuple[Fault, ...]
    digest: str


def load_settings(
    path: Path, environ: Mapping[str, str], disk: Disk = MACHINE_DISK
) -> Loaded | Rejected:
    """Return the settings in the file at *path* and the files it includes.

    Never raises for the content of a file; raises UnreadableError where *path* itself
    cannot be read. *environ* is where ``${NAME}``, secrets and tokens come from, *disk* where
    files do: a disk that is replayed gives the same settings again.
    """
    faults: list[Fault] = []
    sources = read_sources(path, environ, faults, disk)
    sources = _typed(expand_presets(sources, _ISSUER_KEYS, faults), faults)
    every = (sources.main, *sources.included)
    if all(source.document.complete for source in every):
        sources = apply_defaults(sources, faults)
        every = (sources.main, *sources.included)
    suppressions = read_suppressions(
        _comments([source.document for source in every], faults), faults
    )
    if not all(source.document.complete for source in every) or not are_mappings(sources, faults):
        return Rejected(_ordered(faults), sources.digest)
    # A value that YAML versions read differently is reported already: skip what follows from it.
    disputed = {fault.place for fault in faults if fault.severity is Severity.ERROR}
    found: list[Fault] = []
    settings = _compile(sources, environ, found)
    faults.extend(
        fault
        for fault in found
        if fault.place not in disputed and not (disputed and fault.code in _UNUSED)
    )
    kept, suppressed = apply_suppressions(_ordered(faults), suppressions)
    if settings is None or any(fault.severity is Severity.ERROR for fault in kept):
        return Rejected(tuple(kept), sources.digest)
    return Loaded(
        settings, tuple(kept), tuple(suppressed), suppressions, Places(sources), sources.includes
    )


def _typed(sources: Sources, faults: list[Fault]) -> Sources:
    """Return *sources* with the values of ``${NAME}`` as the types that the schema wants."""
    main = type_references(sources.main.document, ConfigFile, faults)
    included = (
        replace(source, document=type_references(source.document, TeamFile, faults))
        for source in sources.included
    )
    return replace(sources, main=replace(sources.main, document=main), included=tuple(included))


def _comments(documents: Iterable[Document], faults: list[Fault]) -> Iterator[Comment]:
    """Yield the comments that may suppress warnings; each of the others becomes a warning."""
    for document in documents:
        refused = document.refuse("silence warnings", Grant.SILENCES)
        for comment in document.comments:
            if refused is None:
                yield comment
            else:
                fault = Fault(comment.place, Code.BAD_SILENCE, refused, Severity.WARNING)
                faults.append(fault)


def _ordered(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(name_routes(faults), key=lambda fault: fault.place))


def _compile(sources: Sources, environ: Mapping[str, str], faults: list[Fault]) -> Settings | None:
    model = check_general(sources.main, faults)
    check_team_files(sources, faults)
    root = Part(sources.main.document, (), sources.main.document.root)
    check_entries(model.include or (), root.child("include"), faults)
    listen, admin = _listeners(model, root, sources, environ, faults)
    proxies = build_trusted_proxies(model, root.child("trusted_proxies"), faults)
    identity = build_identity(model.identity, root.child("identity"), faults)
    implies = close_scopes(model.scope_implies, root.child("scope_implies"), faults)
    access = build_access(model, root, sources, environ, identity, faults)
    suites = find_named_suites(model, root, sources, faults)
    reload = build_reloads(model, root, faults)
    drain = build_drain(model.drain, root.child("drain"), faults)
    assertion = build_assertion(
        model.identity.assertion,
        next(iter(identity.reserved), None),
        root.child("identity").child("assertion"),
        sources,
        faults,
    )
    refuse_trust_in_ourselves(
        assertion, access.issuers, root.child("identity").child("assertion"), faults
    )
    outside = Outside(environ, sources.main.directory, sources.disk)
    tracing = build_tracing(model.tracing, root.child("tracing"), outside, faults)
    if listen is None or any(fault.severity is Severity.ERROR for fault in faults):
        return None
    policy = Policy(
        issuers=_by_name(one.issuer for one in access.issuers.values()),
        trust_domains={
            one.issuer.trust_domain: one.issuer
            for one in access.issuers.values()
            if one.issuer.trust_domain is not None
        },
        routes=RouteTable(access.routes),
        identity=reserve_headers(
            replace(identity, reserved=(*identity.reserved, *access.own_headers)), access.routes
        ),
        scope_implies=implies,
        max_token_bytes=model.limits.token,
        documents=_documents(access.resources, assertion),
        revocations=rules_by_issuer(access.revocations.values()),
        introspecting={
            name: one.issuer for name, one in access.issuers.items() if one.issuer.introspects
        },
        tenants=_with_tenants(one.issuer for one in access.issuers.values()),
    )
    timeouts, limits = _timeouts(model), _limits(model)
    log = long_form(model.access_log)
    return Settings(
        listen=listen,
        admin=admin,
        workers=None if isinstance(model.workers, str) else model.workers,
        issuers=access.issuers,
        revocations=access.revocations,
        upstreams=access.upstreams,
        logins=access.logins,
        resources=access.resources,
        policy=policy,
        route_options=build_route_options(
            access.routes,
            access.route_models,
            access.upstreams,
            access.rewrites,
            access.cors,
            timeouts,
            limits,
        ),
        rate_limiting=access.rate_limiting,
        assertion=assertion,
        timeouts=timeouts,
        limits=limits,
        trusted_proxies=proxies,
        underscore_names=UnderscoreNames(model.underscore_names),
        half_close=HalfClose(model.half_close),
        http2=model.http2,
        access_log=AccessLogTarget(log.to),
        access_log_format=AccessLogFormat(log.format),
        tracing=tracing,
        suites=suites,
        reload=reload,
        drain_seconds=drain.deadline_seconds,
        drain_delay_seconds=drain.delay_seconds,
        drain_streams_seconds=drain.streams_seconds,
        tickets=access.tickets,
        digest=sources.digest,
    )


def _by_name(issuers: Iterable[Issuer]) -> dict[str, Issuer]:
    """Return the issuers without tenants, by each ``iss`` of their tokens."""
    return {
        name: one
        for one in issuers
        if one.tenants is None
        for name in (one.issuer, *one.also_issued_as)
    }


def _with_tenants(issuers: Iterable[Issuer]) -> TenantIssuers | None:
    found = [one for one in issuers if one.tenants is not None]
    return TenantIssuers(found) if found else None


def _documents(
    resources: Sequence[Resource], assertion: AssertionSettings | None
) -> dict[tuple[str, bytes], bytes]:
    documents = {(one.host, one.metadata_path): one.metadata for one in resources}
    if assertion is not None:
        documents[ANY_HOST, assertion.jwks_path] = render_jwks(assertion.keys)
    return documents


def _listeners(
    model: ConfigFile,
    root: Part,
    sources: Sources,
    environ: Mapping[str, str],
    faults: list[Fault],
) -> tuple[tuple[Listen, ...] | None, Admin | None]:
    listen = build_listen(model.listen, root.child("listen"), sources, model.http2, faults)
    outside = Outside(environ, sources.main.directory, sources.disk)
    admin = build_admin(model.admin, root.child("admin"), outside, faults)
    refuse_one_address_twice(listen, admin, root.child("admin"), faults)
    return listen, admin


def _timeouts(model: ConfigFile) -> Timeouts:
    timeouts = model.timeouts
    return Timeouts(
        timeouts.head,
        timeouts.idle,
        timeouts.body,
        timeouts.tunnel,
        timeouts.total,
        timeouts.token_grace,
    )


def _limits(model: ConfigFile) -> Limits:
    limits = model.limits
    return Limits(
        limits.head,
        limits.fields,
        limits.target,
        limits.body,
        limits.connections,
        limits.requests,
        limits.body_rate,
        limits.read_rate,
        limits.connections_per_address,
    )
