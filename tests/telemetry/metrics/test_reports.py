from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.reports import (
    IssuerMetrics,
    RevocationMetrics,
    issuer_families,
    memo_families,
    revocation_families,
)

HAS_KEYS = IssuerMetrics(
    "main",
    keys=2,
    age_seconds=3.5,
    age_limit_seconds=3900.0,
    next_refresh_in_seconds=236.5,
    fetches=4,
    failures=1,
    failures_in_a_row=0,
)
NEVER_HAD_ANY = IssuerMetrics(
    "other",
    keys=0,
    age_seconds=None,
    age_limit_seconds=600.0,
    next_refresh_in_seconds=0.0,
    fetches=3,
    failures=3,
    failures_in_a_row=3,
)
NEVER_CHANGES = IssuerMetrics(
    "secret",
    keys=1,
    age_seconds=None,
    age_limit_seconds=None,
    next_refresh_in_seconds=None,
    fetches=1,
    failures=0,
    failures_in_a_row=0,
)


def test_each_issuer_reports_under_its_name() -> None:
    families = issuer_families([HAS_KEYS, NEVER_HAD_ANY, NEVER_CHANGES])

    values = {
        (sample.name, sample.labels["issuer"]): sample.value
        for family in families
        for sample in family.samples
    }
    assert values == {
        ("gateway_issuer_keys", "main"): 2,
        ("gateway_issuer_keys", "other"): 0,
        ("gateway_issuer_keys", "secret"): 1,
        ("gateway_issuer_keys_age_seconds", "main"): 3.5,
        ("gateway_issuer_keys_age_limit_seconds", "main"): 3900.0,
        ("gateway_issuer_keys_age_limit_seconds", "other"): 600.0,
        ("gateway_issuer_keys_next_refresh_seconds", "main"): 236.5,
        ("gateway_issuer_keys_next_refresh_seconds", "other"): 0.0,
        ("gateway_issuer_key_fetches_total", "main"): 4,
        ("gateway_issuer_key_fetches_total", "other"): 3,
        ("gateway_issuer_key_fetches_total", "secret"): 1,
        ("gateway_issuer_key_fetch_failures_total", "main"): 1,
        ("gateway_issuer_key_fetch_failures_total", "other"): 3,
        ("gateway_issuer_key_fetch_failures_total", "secret"): 0,
        ("gateway_issuer_key_fetch_failures_in_a_row", "main"): 0,
        ("gateway_issuer_key_fetch_failures_in_a_row", "other"): 3,
        ("gateway_issuer_key_fetch_failures_in_a_row", "secret"): 0,
    }


def test_each_list_reports_under_its_name_and_none_that_is_not_there_counts_as_empty() -> None:
    families = revocation_families(
        [
            RevocationMetrics("blocked", 7, 3.5, 330.0, 20.5, 4, 1, 0),
            RevocationMetrics("gone", None, None, 330.0, 0.0, 3, 3, 3),
        ]
    )

    values = {
        (sample.name, sample.labels["list"]): sample.value
        for family in families
        for sample in family.samples
    }
    assert values == {
        ("gateway_revocation_entries", "blocked"): 7,
        ("gateway_revocation_age_seconds", "blocked"): 3.5,
        ("gateway_revocation_age_limit_seconds", "blocked"): 330.0,
        ("gateway_revocation_age_limit_seconds", "gone"): 330.0,
        ("gateway_revocation_next_refresh_seconds", "blocked"): 20.5,
        ("gateway_revocation_next_refresh_seconds", "gone"): 0.0,
        ("gateway_revocation_fetches_total", "blocked"): 4,
        ("gateway_revocation_fetches_total", "gone"): 3,
        ("gateway_revocation_fetch_failures_total", "blocked"): 1,
        ("gateway_revocation_fetch_failures_total", "gone"): 3,
        ("gateway_revocation_fetch_failures_in_a_row", "blocked"): 0,
        ("gateway_revocation_fetch_failures_in_a_row", "gone"): 3,
    }


def test_the_memo_reports_hits_misses_and_size() -> None:
    metrics = Metrics()
    metrics.memo_hits, metrics.memo_misses, metrics.memo_entries = 5, 6, 7

    families = memo_families(metrics)

    assert {family.samples[0].name: family.samples[0].value for family in families} == {
        "gateway_token_memo_hits_total": 5,
        "gateway_token_memo_misses_total": 6,
        "gateway_token_memo_entries": 7,
    }
