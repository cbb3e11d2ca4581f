"""What becomes of the requests of each route is counted, and shown by route."""

from gateway.decision.reason import Reason
from gateway.telemetry.metrics.routes import RouteMetrics, route_families

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

    in_one.observe_refusal("GET", Reason.TOKEN_EXPIRED, 0.1)
    in_two.refuse(Reason.TOKEN_EXPIRED)
    in_two.times.observe("GET", 401, 0.1)

    assert samples_of(in_one) == samples_of(in_two)


def test_the_times_of_answers_are_shown_by_route_method_and_status() -> None:
    orders, no_route = RouteMetrics("orders"), RouteMetrics("")

    orders.times.observe("GET", 200, 0.25)
    orders.times.observe("GET", 200, 0.5)
    orders.times.observe("POST", 200, 1.0)
    no_route.times.observe("GET", 404, 2.0)

    samples = samples_of(orders, no_route)
    name = "http_server_request_duration_seconds"
    sums = {labels: value for (family, labels), value in samples.items() if family == f"{name}_sum"}
    assert {tuple(dict(labels).values()): value for labels, value in ordered(sums).items()} == {
        ("GET", "200", "orders"): 0.75,
        ("POST", "200", "orders"): 1.0,
        ("GET", "404", ""): 2.0,
    }


def ordered(
    found: dict[frozenset[tuple[str, str]], float],
) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the same with the labels in the order of their names."""
    return {tuple(sorted(labels)): value for labels, value in found.items()}


def test_streams_that_outlasted_their_token_are_counted() -> None:
    route = RouteMetrics("orders")
    name = "gateway_streams_expired_total"
    labels = frozenset({("route", "orders")})
    assert (name, labels) not in samples_of(route)

    route.streams_expired += 2

    assert samples_of(route)[name, labels] == 2
