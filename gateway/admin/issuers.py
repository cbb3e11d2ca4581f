"""Show the keys of issuers: in full to operators, as figures to probes and Prometheus."""

from collections.abc import Mapping

from gateway.keyring.status import IssuerStatus
from gateway.telemetry.metrics.reports import IssuerMetrics

# Of the unusable keys of an issuer: enough to see the cause.
_SHOWN_FAULTS = 100


def issuer_status(issuer: IssuerStatus, *, is_required: bool) -> Mapping[str, object]:
    """Return the member of ``/status`` for *issuer*."""
    return {
        "name": issuer.name,
        "source": issuer.source.value,
        "location": issuer.location,
        "proxy": issuer.proxy,
        "insecure": issuer.is_insecure,
        "loaded": issuer.loaded,
        "stale": issuer.stale,
        "required": is_required,
        "kids": issuer.kids,
        "fitting_keys": issuer.fitting_keys,
        "age_seconds": issuer.age_seconds,
        "age_limit_seconds": issuer.age_limit_seconds,
        "fetches": issuer.fetches,
        "failures": issuer.failures,
        "failures_in_a_row": issuer.failures_in_a_row,
        "last_error": issuer.last_error,
        "next_refresh_in_seconds": issuer.next_refresh_in_seconds,
        "unusable_keys": issuer.unusable[:_SHOWN_FAULTS],
        "unusable_keys_total": len(issuer.unusable),
    }


def issuer_readiness(
    issuer: IssuerStatus, *, is_required: bool, awaits: bool
) -> Mapping[str, object]:
    """Return the member of ``/readyz`` for *issuer*, without places and errors: it is public.

    *awaits* says whether the gateway still waits for the first keys of what *is_required*.
    """
    return {
        "name": issuer.name,
        "required": is_required,
        "awaited": awaits and is_required and not issuer.was_loaded,
        "loaded": issuer.loaded,
        "stale": issuer.stale,
        "age_seconds": issuer.age_seconds,
        "failures_in_a_row": issuer.failures_in_a_row,
        "next_refresh_in_seconds": issuer.next_refresh_in_seconds,
    }


def issuer_metrics(issuer: IssuerStatus) -> IssuerMetrics:
    """Return the metrics of *issuer*."""
    return IssuerMetrics(
        name=issuer.name,
        keys=issuer.fitting_keys,
        age_seconds=issuer.age_seconds,
        age_limit_seconds=issuer.age_limit_seconds,
        next_refresh_in_seconds=issuer.next_refresh_in_seconds,
        fetches=issuer.fetches,
        failures=issuer.failures,
        failures_in_a_row=issuer.failures_in_a_row,
    )
