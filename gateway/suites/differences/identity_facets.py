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
from gateway.settings.values.configuration import AssertionSettings, Settings
from gateway.suites.differences.facet import Facet, Kind, Kinds, listed
from gateway.suites.differences.judges import (
    CLOSED,
    NOTHING,
    always,
    comes_and_goes,
    harmless,
    part,
    rises,
    switches_on,
)

_HEADERS = ("identity", "headers")


def identity_facets(settings: Settings) -> dict[str, Facet]:
    """Return what services learn about callers."""
    identity = settings.policy.identity
    facets = header_facets(identity)
    forwarded = "forwarded" if identity.forward_token else "not forwarded"
    facets |= _assertion_facets(settings.assertion)
    facets["the token"] = Facet(
        identity.forward_token,
        forwarded,
        switches_on(Kind.LOOSENED),
        ("identity", "forward_token"),
    )
    return facets


def _assertion_facets(assertion: AssertionSettings | None) -> dict[str, Facet]:
    if assertion is None:
        return {}
    place = ("identity", "assertion")
    name = assertion.header.decode("latin-1").lower()
    claims = [claim for claim, _ in assertion.claims]
    domain = assertion.trust_domain
    what = (assertion.issuer, domain, assertion.claims, assertion.lifetime_seconds)
    kind = "an assertion" if domain is None else f"a transaction token for {domain}"
    kids = tuple(key.kid for key in assertion.keys)
    return {
        name: Facet(
            what,
            f"{kind} of {assertion.issuer}, valid for {assertion.lifetime_seconds:g} s, with "
            f"{listed(claims, 'nothing')}",
            comes_and_goes(NOTHING, frozenset({Kind.LOOSENED}), _judge_assertion),
            place,
        ),
        f"the keys of {name}": Facet(
            kids, listed(kids, "none"), part(always(Kind.KEYS)), (*place, "keys")
        ),
        f"the keys' place of {name}": Facet(
            assertion.jwks_path,
            assertion.jwks_path.decode("ascii"),
            harmless("requests to this path are compared"),
            (*place, "jwks_path"),
        ),
    }


def _judge_assertion(old: object, new: object) -> Kinds:
    """Judge what services may believe: whose assertions, with which claims, for how long."""
    if not isinstance(old, tuple) or not isinstance(new, tuple):
        return frozenset({Kind.LOOSENED})
    kinds = rises()(old[3], new[3])
    if old[:2] != new[:2]:
        kinds |= {Kind.KEYS}
    if old[2] != new[2]:
        kinds |= {Kind.LOOSENED}
    return kinds


def header_facets(identity: Identity) -> dict[str, Facet]:
    """Return a facet for each header of *identity*."""
    return {
        name.decode("latin-1").lower(): Facet(
            source, show_source(source), _judge_header, (*_HEADERS, name.decode("latin-1"))
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


def own_header_names(policy: Policy) -> frozenset[bytes]:
    """Return the headers that only some issuers, routes or second tokens fill."""
    found = [one.identity for one in policy.trusted if one.identity is not None]
    for route in policy.routes.routes:
        found.extend((route.identities or {}).values())
        second = None if route.sources is None else route.sources.second
        if second is not None:
            found.append(second.identity)
    names = frozenset(name for one in found for name, _ in one.headers)
    return names - {name for name, _ in policy.identity.headers}


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
            Facet(source, show_source(source), _judge_own_header, keys)
            if is_sent
            else Facet(None, "not sent", _judge_own_header, keys)
        )
    return facets


def _by_alias(identity: Identity) -> dict[bytes, tuple[bytes, ClaimSource]]:
    return {canonical_alias(name): (name, source) for name, source in identity.headers}


def _judge_header(old: object, new: object) -> Kinds:
    """Judge where a header comes from.

    A new header takes the place of what clients could send by this name; without it they can.
    """
    if old is None:
        return frozenset({Kind.LOOSENED}) if _is_changeable(new) else NOTHING
    return _judge_own_header(old, new)


def _judge_own_header(old: object, new: object) -> Kinds:
    """Judge where a header comes from, in place of what is sent in general or on one side."""
    is_stricter = _is_changeable(old) and new is not None and not _is_changeable(new)
    return CLOSED if is_stricter else frozenset({Kind.LOOSENED})


def judge_second_headers(old: object, new: object) -> Kinds:
    """Judge which headers a second token fills; they come and go with it."""
    if new is None:
        return NOTHING
    if old is not None:
        return frozenset({Kind.LOOSENED})
    headers = new if isinstance(new, frozenset) else frozenset()
    return frozenset({Kind.LOOSENED}) if any(_is_changeable(one) for _, one in headers) else NOTHING


def _is_changeable(source: object) -> bool:
    """Return whether users may be able to change what *source* says about them."""
    if not isinstance(source, Template | FirstOf | tuple):
        return False
    return changeable_claim(source) is not None


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
