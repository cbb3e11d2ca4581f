"""Show revocation lists: in full to operators, as figures to probes and Prometheus."""

from collections.abc import Mapping

from gateway.revocation.status import RevocationStatus
from gateway.telemetry.metrics.reports import RevocationMetrics


def revocation_status(one: RevocationStatus, *, is_required: bool) -> Mapping[str, object]:
    """Return the member of ``/status`` for one list."""
    return {
        "name": one.name,
        "location": one.location,
        "loaded": one.loaded,
        "stale": one.stale,
        "required": is_required,
        "on_failure": "refuse" if one.refuses_without else "allow",
        "entries": one.entries,
        "age_seconds": one.age_seconds,
        "age_limit_seconds": one.age_limit_seconds,
        "fetches": one.fetches,
        "failures": one.failures,
        "failures_in_a_row": one.failures_in_a_row,
        "last_error": one.last_error,
        "next_refresh_in_seconds": one.next_refresh_in_seconds,
    }


def revocation_readiness(
    one: RevocationStatus, *, is_required: bool, awaits: bool
) -> Mapping[str, object]:
    """Return the member of ``/readyz`` for one list, without places and errors: it is public.

    *awaits* says whether the gateway still waits for the first list of what *is_required*.
    """
    return {
        "name": one.name,
        "required": is_required,
        "awaited": awaits and is_required and not one.was_loaded,
        "loaded": one.loaded,
        "stale": one.stale,
        "age_seconds": one.age_seconds,
        "failures_in_a_row": one.failures_in_a_row,
        "next_refresh_in_seconds": one.next_refresh_in_seconds,
    }


def revocation_metrics(one: RevocationStatus) -> RevocationMetrics:
    """Return the metrics of one list."""
    return RevocationMetrics(
        name=one.name,
        entries=one.entries if one.loaded else None,
        age_seconds=one.age_seconds,
        age_limit_seconds=one.age_limit_seconds,
        next_refresh_in_seconds=one.next_refresh_in_seconds,
        fetches=one.fetches,
        failures=one.failures,
        failures_in_a_row=one.failures_in_a_row,
    )
