"""What becomes of the requests to each upstream is counted, and shown by upstream."""

from gateway.decision.reason import Reason
from gateway.telemetry.metrics.upstreams import UpstreamMetrics, upstream_families


def values_of(name: str, *upstreams: UpstreamMetrics) -> dict[tuple[str, ...], float]:
    """Return the values of the sample *name*, by the values of its labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in upstream_families(upstreams)
        for sample in family.samples
        if sample.name == name
    }


def test_the_times_until_an_answer_are_shown_by_upstream_method_and_status() -> None:
    orders, billing = UpstreamMetrics("orders"), UpstreamMetrics("billing")

    orders.times.observe("GET", 200, 0.25)
    orders.times.observe("POST", 500, 0.5)
    billing.times.observe("GET", 200, 1.0)

    assert values_of("http_client_request_duration_seconds_sum", orders, billing) == {
        ("orders", "GET", "200"): 0.25,
        ("orders", "POST", "500"): 0.5,
        ("billing", "GET", "200"): 1.0,
    }


def test_failures_are_shown_by_upstream_and_reason() -> None:
    orders, billing = UpstreamMetrics("orders"), UpstreamMetrics("billing")

    for reason in (Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID):
        orders.fail(reason)

    assert values_of("gateway_upstream_failures_total", orders, billing) == {
        ("orders", "upstream_timeout"): 2,
        ("orders", "upstream_invalid"): 1,
    }


def test_connections_are_shown_from_the_start() -> None:
    orders = UpstreamMetrics("orders")
    orders.opened = 3

    assert values_of("gateway_upstream_connections_opened_total", orders) == {("orders",): 3}
    assert values_of("gateway_upstream_connections_reused_total", orders) == {("orders",): 0}
