"""The facets of an issuer: whose tokens are accepted, and which keys verify them."""

import hashlib
from pathlib import Path

from gateway.decision.policy import Issuer
from gateway.decision.rules.claim_names import format_claim_name
from gateway.decision.tenants import Tenants
from gateway.settings.values.configuration import (
    IntrospectionSettings,
    IssuerSettings,
    KeySource,
    Proxy,
    SourceKind,
)
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.login_facets import client_facets
from gateway.suites.differences.route_facets import listed, normal_rule
from gateway.suites.differences.tls_facets import authorities_facet

_SHOWN_TENANTS = 5
_FILES = (SourceKind.JWKS_FILE, SourceKind.PEM_FILE)


def issuer_facets(name: str, settings: IssuerSettings) -> dict[str, Facet]:
    """Return the facets of an issuer, its *name* included; it is identified by its `iss`."""
    issuer = settings.issuer
    mode = "report" if issuer.reports else "enforce"
    audiences = "unchecked" if issuer.audiences is None else listed(issuer.audiences, "none")
    leeway = f"{issuer.leeway_seconds:g} s"
    profile = issuer.profile.value
    is_insecure = settings.source.is_insecure
    return {
        "name": Facet(name, name),
        "keys": _keys(settings.source),
        "ca": authorities_facet(settings.source.ca, "any", ("tls", "ca")),
        "proxy": proxy_facet(settings.source.proxy),
        "insecure": Facet(is_insecure, "yes" if is_insecure else "no", ("insecure",)),
        "audiences": Facet(issuer.audiences, audiences, ("audiences",)),
        "algorithms": Facet(issuer.algorithms, listed(issuer.algorithms, "none"), ("algorithms",)),
        "profile": Facet(profile, profile, ("profile",)),
        "require": _rules(issuer),
        "scopes_from": _scopes_from(issuer),
        "id_token_signals": Facet(
            issuer.id_token_signals,
            listed(issuer.id_token_signals, "none"),
            ("id_token_signals",),
        ),
        "leeway": Facet(issuer.leeway_seconds, leeway, ("leeway",)),
        "mode": Facet(mode, mode, ("mode",)),
        "tenants": _tenants(issuer.tenants),
        "also_issued_as": _also_issued_as(issuer),
        **_introspection(settings.introspection),
    }


def _introspection(asked: IntrospectionSettings | None) -> dict[str, Facet]:
    """Return the facets of how an issuer is asked about its tokens; none if it is not."""
    if asked is None:
        return {}
    under, answers = "introspection", "jwt" if asked.signed else "json"
    cache, timeout = f"{asked.cache_seconds:g} s", f"{asked.timeout_seconds:g} s"
    return {
        **client_facets(asked.client, under),
        "introspection.url": Facet(asked.url, asked.url or "the metadata's", (under, "url")),
        "introspection.response": Facet(answers, answers, (under, "response")),
        "introspection.cache": Facet(cache, cache, (under, "cache")),
        "introspection.timeout": Facet(timeout, timeout, (under, "timeout")),
    }


def _rules(issuer: Issuer) -> Facet:
    value = frozenset(normal_rule(rule, {}) for rule in issuer.claims)
    text = " and ".join(sorted(rule.text for rule in issuer.claims))
    return Facet(value, text or "none", ("require",))


def _scopes_from(issuer: Issuer) -> Facet:
    """Return where scopes are; the order is for services only."""
    names = (
        f"{format_claim_name(path)}{f' as {prefix}…' if prefix else ''}"
        for path, prefix in issuer.scopes_from
    )
    return Facet(frozenset(issuer.scopes_from), ", ".join(names), ("scopes_from",))


def proxy_facet(proxy: Proxy | None) -> Facet:
    """Return the facet of a proxy; its user and password are compared, and never shown."""
    return Facet(proxy, "none" if proxy is None else proxy.url, ("proxy",))


def _tenants(tenants: Tenants | None) -> Facet:
    if tenants is None:
        return Facet(None, "none", ("tenants",))
    claim = format_claim_name(tenants.claim)
    value = (tenants.claim, tenants.allowed)
    if tenants.allowed is None:
        return Facet(value, f"any tenant in {claim}", ("tenants",))
    names = sorted(tenants.allowed)
    more = f" and {len(names) - _SHOWN_TENANTS} more" if len(names) > _SHOWN_TENANTS else ""
    shown = f"{', '.join(names[:_SHOWN_TENANTS]) or 'no tenant'}{more}"
    return Facet(value, f"{shown} in {claim}", ("tenants",))


def _also_issued_as(issuer: Issuer) -> Facet:
    tenants = issuer.tenants
    names = issuer.also_issued_as if tenants is None else tenants.patterns[1:]
    return Facet(frozenset(names), listed(names, "none"), ("also_issued_as",))


def _keys(source: KeySource) -> Facet:
    kind = source.kind
    if kind is SourceKind.SECRET:
        # Compared by value, wherever it comes from, and never shown.
        return Facet(source.secret, f"a secret in {source.location}", (kind.value,))
    if kind in _FILES:
        return Facet(file_digest(source.location), f"{kind.value} {source.location}", (kind.value,))
    return Facet((kind, source.location), f"{kind.value} {source.location}", (kind.value,))


def file_digest(name: str) -> bytes | str:
    """Return a digest of the file *name*, which may have been moved; its name if unreadable."""
    try:
        return hashlib.sha256(Path(name).read_bytes()).digest()
    except OSError:
        return name
