"""The ways in which tokens say whose they are, as far as two configurations tell them apart."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from gateway.decision.policy import Issuer, Policy
from gateway.decision.tenants import PLACEHOLDER, Tenants, is_tenant
from gateway.suites.symbolic.formula import TRUE, Formula, all_of, any_of, negate, passes
from gateway.suites.symbolic.requirements import Origin

_MAX_NAMES = 1000  # of tenants that are named one by one


@lru_cache(maxsize=64)
def find_origins(old: Policy, new: Policy) -> tuple[tuple[Origin, ...], tuple[str, ...]]:
    """Return the origins of all JWTs that *new* may accept, and what could not be compared.

    Each token is of one origin, and each policy has one issuer for all tokens of an origin, or
    none.
    """
    names = dict.fromkeys(new.issuers)
    of_tenants = () if new.tenants is None else new.tenants.issuers
    patterns = {pattern for one in of_tenants if one.tenants for pattern in one.tenants.patterns}
    if of_tenants:
        names.update(dict.fromkeys(_named_otherwise(old, new, patterns)))
    problems: list[str] = []
    origins = [Origin(iss=name) for name in names]
    if len(names) - len(new.issuers) > _MAX_NAMES:
        problems.append("too many tenants are issuers of their own in one configuration")
    for issuer in of_tenants:
        problems += _problems(issuer, old)
        for pattern in () if issuer.tenants is None else issuer.tenants.patterns:
            without = (_tenant_in(pattern, name) for name in names)
            excluded = frozenset(one for one in without if one is not None)
            origins.append(Origin(pattern=pattern, excluded=excluded))
    origins += (Origin(domain=domain) for domain in new.trust_domains)
    return tuple(origins), tuple(problems)


def _named_otherwise(old: Policy, new: Policy, patterns: set[str]) -> Iterator[str]:
    """Yield each `iss` of a tenant in *new* that is something else in *old*."""
    of_old = () if old.tenants is None else old.tenants.issuers
    listed = (
        pattern.replace(PLACEHOLDER, tenant)
        for one in of_old
        if one.tenants is not None and one.tenants.allowed is not None
        for pattern in one.tenants.patterns
        if pattern not in patterns
        for tenant in sorted(one.tenants.allowed)
    )
    for name in (*old.issuers, *listed):
        if new.tenants is not None and name not in new.issuers and new.tenants.find(name):
            yield name


def _problems(issuer: Issuer, old: Policy) -> Iterator[str]:
    """Yield why tenants of *issuer* may be something in *old* that no pattern shows."""
    own = issuer.tenants
    for other in () if old.tenants is None or own is None else old.tenants.issuers:
        theirs = other.tenants
        if theirs is None or own is None or not own.overlap(theirs):
            continue
        if own.claim != theirs.claim:
            yield f"tenants of {issuer.name} are in another claim than before"
        elif theirs.allowed is None and not {*own.patterns} <= {*theirs.patterns}:
            yield f"tenants of {issuer.name} may have been tenants under another name"


def _tenant_in(pattern: str, iss: str) -> str | None:
    before, _, after = pattern.partition(PLACEHOLDER)
    tenant = iss[len(before) : len(iss) - len(after)]
    return tenant if before + tenant + after == iss and is_tenant(tenant) else None


@lru_cache(maxsize=4096)
def find_issuer(policy: Policy, origin: Origin) -> tuple[Issuer, Formula] | None:
    """Return the issuer of JWTs of *origin*, and what they say besides to be its own."""
    if origin.pattern is not None:
        return _find_tenants(policy, origin.pattern, origin.excluded)
    if origin.domain is not None:
        issuer = policy.trust_domains.get(origin.domain)
        within = passes(("sub",), "workload", origin.domain)
        return None if issuer is None else (issuer, within)
    iss = origin.iss or ""
    issuer = policy.issuers.get(iss)
    if issuer is not None:
        return issuer, TRUE
    issuer = None if policy.tenants is None else policy.tenants.find(iss)
    if issuer is None or issuer.tenants is None:
        return None
    return issuer, passes(issuer.tenants.claim, "equals", issuer.tenants.tenant_in(iss))


def _find_tenants(
    policy: Policy, pattern: str, excluded: Iterable[str]
) -> tuple[Issuer, Formula] | None:
    for issuer in () if policy.tenants is None else policy.tenants.issuers:
        tenants = issuer.tenants
        if tenants is not None and pattern in tenants.patterns:
            others = (negate(passes(tenants.claim, "equals", one)) for one in sorted(excluded))
            return issuer, all_of((_accepted(tenants), *others))
    return None


def _accepted(tenants: Tenants) -> Formula:
    if tenants.allowed is None:
        return passes(tenants.claim, "tenant")
    return any_of(passes(tenants.claim, "equals", one) for one in sorted(tenants.allowed))
