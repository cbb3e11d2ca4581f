"""Put scopes into the claims that an issuer's tokens have them in."""

from collections.abc import Collection, Iterable

from gateway.decision.policy import DEFAULT_SCOPES_FROM, ScopeSource
from gateway.decision.rules.claim_names import ABSENT
from gateway.suites.samples.claim_sets import Claims, with_claim

Sources = tuple[ScopeSource, ...]

_AS_TEXT = frozenset(source.path for source in DEFAULT_SCOPES_FROM)


def with_scopes(
    claims: Claims,
    sources: Sources,
    scopes: Iterable[str],
    tested: Collection[tuple[str, ...]] = (),
) -> Claims:
    """Return *claims* with *scopes*, each in the first of *sources* that can have it.

    Claims at *tested* have rules of their own, and are used last. A scope without the prefix of any
    source is left out: no token can have it.
    """
    ordered = sorted(sources, key=lambda source: source.path in tested)
    found: dict[ScopeSource, list[str]] = {}
    for scope in scopes:
        for source in ordered:
            if scope.startswith(source.prefix) and scope != source.prefix:
                found.setdefault(source, []).append(scope.removeprefix(source.prefix))
                break
    for source, items in found.items():
        value = " ".join(items) if source.path in _AS_TEXT else items
        claims = with_claim(claims, source.path, value)
    return claims


def without_scopes(claims: Claims, sources: Sources) -> Claims:
    """Return *claims* without those that scopes come from."""
    for source in sources:
        claims = with_claim(claims, source.path, ABSENT)
    return claims
