"""What becomes of the requests of each route is counted, and shown by route."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.telemetry.route_metrics import DURATION_BOUNDS, RouteMetrics, route_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(*routes: RouteMetrics) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in route_families(routes)
        for sample in family.samples
    }


def counted(name: str, *routes: RouteMetrics) -> dict[tuple[str, str], float]:
    """Return the counts of the family *name*, by route and reason."""
    return {
        (dict(labels)["route"], dict(labels)["reason"]): value
        for (sample, labels), value in samples_of(*routes).items()
        if sample == name
    }


def test_allowed_and_refused_requests_are_counted_by_route_and_reason() -> None:
    orders, no_route = RouteMetrics("orders"), RouteMetrics("")

    orders.allowed += 2
    orders.refuse(Reason.TOKEN_EXPIRED)
    no_route.refuse(Reason.ROUTE_NOT_FOUND)

    assert counted("gateway_decisions_total", orders, no_route) == {
        ("orders", "allow"): 2,
        ("orders", "token_expired"): 1,
        ("", "route_not_found"): 1,
    }


def test_refusals_that_are_only_reported_are_counted_for_themselves() -> None:
    orders, health = RouteMetrics("orders"), RouteMetrics("health")

    for reason in (Reason.TOKEN_EXPIRED, Reason.SCOPE_MISSING, Reason.TOKEN_EXPIRED):
        orders.allowed += 1
        orders.report(reason)

    assert counted("gateway_would_deny_total", orders, health) == {
        ("orders", "token_expired"): 2,
        ("orders", "scope_missing"): 1,
    }
    assert counted("gateway_decisions_total", orders, health) == {("orders", "allow"): 3}


def test_a_refusal_that_is_answered_at_once_counts_as_any_other() -> None:
    in_one, in_two = RouteMetrics("orders"), RouteMetrics("orders")

    in_one.answer_refusal(Reason.TOKEN_EXPIRED, 0.1)
    in_two.refuse(Reason.TOKEN_EXPIRED)
    in_two.observe(401, 0.1)

    assert samples_of(in_one) == samples_of(in_two)


@pytest.mark.parametrize(
    ("seconds", "first_bound"),
    [(0.0, "0.005"), (0.005, "0.005"), (0.0051, "0.01"), (10.0, "10.0"), (11.0, "+Inf")],
)
def test_a_duration_counts_in_the_first_bucket_that_holds_it(
    seconds: float, first_bound: str
) -> None:
    route = RouteMetrics("orders")

    route.observe(200, seconds)

    samples = samples_of(route)
    status = {("http_route", "orders"), ("http_response_status_code", "200")}
    bounds = [*map(str, DURATION_BOUNDS), "+Inf"]
    counts = [
        samples["http_server_request_duration_seconds_bucket", frozenset(status | {("le", bound)})]
        for bound in bounds
    ]
    position = bounds.index(first_bound)
    assert counts == [0] * position + [1] * (len(bounds) - position)


@given(
    st.lists(st.tuples(st.sampled_from([200, 401, 503]), st.floats(0, 100)), min_size=1),
)
def test_counts_and_sums_are_those_of_what_was_observed(seen: list[tuple[int, float]]) -> None:
    route = RouteMetrics("health")

    for status, seconds in seen:
        route.observe(status, seconds)

    samples = samples_of(route)
    for status in {status for status, _ in seen}:
        of_status = [seconds for each, seconds in seen if each == status]
        labels = frozenset({("http_route", "health"), ("http_response_status_code", str(status))})
        assert samples["http_server_request_duration_seconds_count", labels] == len(of_status)
        total = samples["http_server_request_duration_seconds_sum", labels]
        assert total == pytest.approx(sum(of_status))


def test_a_service_that_answers_odd_statuses_adds_one_label_only() -> None:
    route = RouteMetrics("orders")

    for status in (0, 99, 600, 999, -1):
        route.observe(status, 0.1)

    assert [sum(durations.counts) for durations in route.durations.values()] == [5]


def test_streams_that_outlasted_their_token_are_counted() -> None:
    route = RouteMetrics("orders")
    name = "gateway_streams_expired_total"
    labels = frozenset({("route", "orders")})
    assert (name, labels) not in samples_of(route)

    route.streams_expired += 2

    assert samples_of(route)[name, labels] == 2
