"""The facets of rate limits, and of the Redis that counts."""

from urllib.parse import urlsplit

from gateway.decision.rules.claim_names import format_claim_name
from gateway.settings.values.rates import KeyPart, PartKind, RateLimit, Redis
from gateway.suites.differences.facet import Facet


def rate_limit_facets(limit: RateLimit) -> dict[str, Facet]:
    """Return the facets of one limit: 60 in a minute equal one in a second."""
    seconds = limit.period_us / 1_000_000
    key = " and ".join(map(_show_part, limit.key))
    return {
        "rate": Facet(limit.interval_us, f"{limit.requests} in {seconds:g} s", ("rate",)),
        "burst": Facet(limit.burst, str(limit.burst), ("burst",)),
        "key": Facet(frozenset(limit.key), key, ("key",)),
    }


def _show_part(part: KeyPart) -> str:
    if part.kind is PartKind.CLAIM:
        return f"the claim {format_claim_name(part.claim)}"
    return str(part.kind.value)


def route_limits_facet(limits: tuple[RateLimit, ...]) -> Facet:
    """Return the limits of a route, in any order."""
    names = sorted(limit.name for limit in limits)
    return Facet(frozenset(names), ", ".join(names) or "none", ("rate_limits",))


def redis_facet(redis: Redis | None) -> Facet:
    """Return the Redis that counts, without its password."""
    if redis is None:
        return Facet(None, "none", ("redis",))
    parts = urlsplit(redis.url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    shown = (
        f"{where}, keys {redis.prefix}…, within {redis.timeout_seconds:g} s, "
        f"else {redis.on_failure.value}"
    )
    return Facet((where, redis.prefix, redis.timeout_seconds, redis.on_failure), shown, ("redis",))
