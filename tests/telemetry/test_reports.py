from gateway.telemetry.reports import IssuerMetrics, MemoMetrics, issuer_families, memo_families

HAS_KEYS = IssuerMetrics("main", keys=2, age_seconds=3.5, fetches=4, failures=1)
NEVER_HAD_ANY = IssuerMetrics("other", keys=0, age_seconds=None, fetches=3, failures=3)


def test_each_issuer_reports_under_its_name() -> None:
    families = issuer_families([HAS_KEYS, NEVER_HAD_ANY])

    values = {
        (sample.name, sample.labels["issuer"]): sample.value
        for family in families
        for sample in family.samples
    }
    assert values == {
        ("gateway_issuer_keys", "main"): 2,
        ("gateway_issuer_keys", "other"): 0,
        ("gateway_issuer_keys_age_seconds", "main"): 3.5,
        ("gateway_issuer_key_fetches_total", "main"): 4,
        ("gateway_issuer_key_fetches_total", "other"): 3,
        ("gateway_issuer_key_fetch_failures_total", "main"): 1,
        ("gateway_issuer_key_fetch_failures_total", "other"): 3,
    }


def test_keys_that_never_came_have_no_age() -> None:
    """An age of 0 would read as fresh."""
    ages = [
        family
        for family in issuer_families([NEVER_HAD_ANY])
        if family.name == "gateway_issuer_keys_age_seconds"
    ]

    assert [family.samples for family in ages] == [[]]


def test_the_memo_reports_hits_misses_and_size() -> None:
    families = memo_families(MemoMetrics(hits=5, misses=6, size=7))

    assert {family.samples[0].name: family.samples[0].value for family in families} == {
        "gateway_token_memo_hits_total": 5,
        "gateway_token_memo_misses_total": 6,
        "gateway_token_memo_entries": 7,
    }
