"""The facets of identity headers: what services learn about callers."""

from gateway.decision.identity import Identity, canonical_alias
from gateway.decision.policy import Policy
from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_sources import (
    ClaimSource,
    FirstOf,
    Template,
    changeable_claim,
    format_claim_source,
)
from gateway.suites.differences.facet import Facet

_HEADERS = ("identity", "headers")


def header_facets(identity: Identity) -> dict[str, Facet]:
    """Return a facet for each header of *identity*."""
    return {
        name.decode("latin-1").lower(): Facet(
            source, show_source(source), (*_HEADERS, name.decode("latin-1"))
        )
        for name, source in identity.headers
    }


def issuer_header_facets(own: Identity | None, general: Identity) -> dict[str, Facet]:
    """Return a facet for each header in which an issuer's *own* identity is not the *general*."""
    return {} if own is None else _differing(own, general)


def route_header_facets(route: Route, policy: Policy) -> dict[str, Facet]:
    """Return a facet for each header in which *route* differs from what its issuers send."""
    if route.identities is None:
        return {}
    facets: dict[str, Facet] = {}
    by_name = {issuer.name: issuer.identity for issuer in policy.trusted}
    for name, identity in route.identities.items():
        facets |= _differing(identity, by_name.get(name) or policy.identity)
    return facets


def _differing(own: Identity, base: Identity) -> dict[str, Facet]:
    before, after = _by_alias(base), _by_alias(own)
    facets: dict[str, Facet] = {}
    for alias, (name, source) in (before | after).items():
        if before.get(alias) == after.get(alias):
            continue
        shown = name.decode("latin-1")
        keys = (*_HEADERS, shown)
        is_sent = alias in after
        facets[f"own header {shown.lower()}"] = (
            Facet(source, show_source(source), keys) if is_sent else Facet(None, "not sent", keys)
        )
    return facets


def _by_alias(identity: Identity) -> dict[bytes, tuple[bytes, ClaimSource]]:
    return {canonical_alias(name): (name, source) for name, source in identity.headers}


def show_source(source: ClaimSource) -> str:
    """Return where a header comes from, for people; one that users can change is called so."""
    text = format_claim_source(source)
    if isinstance(source, Template):
        shown = f"the text {text}"
    elif isinstance(source, FirstOf):
        shown = f"the first of {text.replace(' | ', ', ')}"
    else:
        shown = f"the claim {text}"
    claim = changeable_claim(source)
    return shown if claim is None else f"{shown} ({claim} can change, or be chosen by users)"
