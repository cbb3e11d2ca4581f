"""Requests for tokens are counted; the gateway's own have an age."""

from gateway.telemetry.metrics.service_tokens import (
    HeldToken,
    ServiceTokenMetrics,
    no_service_tokens,
    service_token_families,
)


def samples(metrics: ServiceTokenMetrics, *held: HeldToken) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in service_token_families(metrics, held)
        for sample in family.samples
    }


def test_all_outcomes_are_shown_from_the_start() -> None:
    metrics = ServiceTokenMetrics()
    metrics.expect("orders")
    metrics.count("orders", "issued")
    metrics.count("orders", "issued")

    name = "gateway_service_token_requests_total"
    assert samples(metrics) == {
        (name, "orders", "issued"): 2,
        (name, "orders", "refused"): 0,
        (name, "orders", "failed"): 0,
    }


def test_a_token_that_is_held_has_an_age() -> None:
    found = samples(ServiceTokenMetrics(), HeldToken("orders", 7.5), HeldToken("bills", None))

    assert found == {
        ("gateway_service_token_held", "orders"): 1,
        ("gateway_service_token_held", "bills"): 0,
        ("gateway_service_token_age_seconds", "orders"): 7.5,
    }


def test_counts_go_on_after_a_reload() -> None:
    former, heir = ServiceTokenMetrics(), ServiceTokenMetrics()
    former.expect("orders")
    former.count("orders", "failed")
    heir.expect("bills")
    heir.take_over(former)
    former.count("orders", "failed")  # in flight during the reload
    heir.count("bills", "issued")

    assert heir.requests["orders", "failed"] == 2
    assert heir.requests["bills", "issued"] == 1
    assert heir.requests["bills", "refused"] == 0


def test_without_credentials_there_is_nothing() -> None:
    metrics, held = no_service_tokens()

    assert samples(metrics, *held) == {}
