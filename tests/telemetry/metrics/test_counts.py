"""Counts are plain: a reload keeps them, and those of several processes add up."""

import pickle
from typing import Any

from gateway.decision.reason import Reason
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.routes import RouteMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics


def make_metrics() -> Metrics:
    metrics = Metrics()
    metrics.use(["orders", "health"], ["backend"])
    return metrics


def test_no_route_stands_behind_the_last_route() -> None:
    metrics = make_metrics()

    assert [route.name for route in metrics.routes] == ["orders", "health", ""]
    assert metrics.routes[-1] is metrics.no_route


def test_a_reload_keeps_the_counts_of_names_that_stay() -> None:
    metrics = make_metrics()
    metrics.routes[1].allowed += 1
    metrics.no_route.refuse(Reason.ROUTE_NOT_FOUND)
    metrics.upstreams["backend"].opened = 10

    metrics.use(["new", "health"], ["other", "backend"])

    assert [route.name for route in metrics.routes] == ["new", "health", ""]
    assert metrics.routes[1].allowed == 1
    assert metrics.no_route.refused == {"route_not_found": 1}
    assert metrics.upstreams["backend"].opened == 10
    assert metrics.upstreams["other"].opened == 0


def test_a_reload_keeps_no_counts_of_names_that_go() -> None:
    metrics = make_metrics()
    metrics.routes[0].allowed += 1

    metrics.use(["health"], [])
    metrics.use(["orders", "health"], [])

    assert metrics.routes[0].allowed == 0


def fill(counts: Any, value: int) -> None:
    """Set every plain number of *counts* to *value*."""
    names = [*getattr(type(counts), "__slots__", ()), *getattr(counts, "__dict__", ())]
    for name in names:
        if isinstance(getattr(counts, name), int):
            setattr(counts, name, value)


def numbers(counts: Any) -> dict[str, int]:
    names = [*getattr(type(counts), "__slots__", ()), *getattr(counts, "__dict__", ())]
    return {name: getattr(counts, name) for name in names if isinstance(getattr(counts, name), int)}


def test_every_number_of_two_processes_adds_up() -> None:
    one, two = make_metrics(), make_metrics()
    for metrics, value in ((one, 1), (two, 2)):
        for counts in (metrics, *metrics.routes, *metrics.upstreams.values()):
            fill(counts, value)

    one.add(two)

    for counts in (one, *one.routes, *one.upstreams.values()):
        assert set(numbers(counts).values()) == {3}, type(counts)
    assert numbers(RouteMetrics("a"))
    assert numbers(UpstreamMetrics("a"))


def test_reasons_and_durations_of_two_processes_add_up() -> None:
    one, two = make_metrics(), make_metrics()
    for metrics, times in ((one, 1), (two, 2)):
        for _ in range(times):
            metrics.routes[0].refuse(Reason.TOKEN_EXPIRED)
            metrics.routes[0].report(Reason.SCOPE_MISSING)
            metrics.routes[0].times.observe("GET", 200, 0.03)
            metrics.upstreams["backend"].times.observe("GET", 200, 0.02)
            metrics.upstreams["backend"].fail(Reason.UPSTREAM_TIMEOUT)
            metrics.load.overhead.observe(0.0001)
            metrics.load.delay.observe(0.001)
    two.no_route.observe_refusal("GET", Reason.ROUTE_NOT_FOUND, 0.5)

    one.add(two)

    orders = one.routes[0]
    assert orders.refused == {"token_expired": 3}
    assert orders.would_deny == {"scope_missing": 3}
    answers = orders.times.by_method["GET"][200]
    assert sum(answers.counts) == 3
    assert round(answers.total, 6) == 0.09
    backend = one.upstreams["backend"]
    assert sum(backend.times.by_method["GET"][200].counts) == 3
    assert backend.failures == {"upstream_timeout": 3}
    assert sum(one.load.overhead.counts) == sum(one.load.delay.counts) == 3
    assert one.no_route.refused == {"route_not_found": 1}
    assert sum(one.no_route.times.by_method["GET"][404].counts) == 1


def test_what_another_process_counts_for_other_names_is_left_out() -> None:
    """It goes on under another configuration already; its next counts will be of this one."""
    one, two = make_metrics(), Metrics()
    two.use(["new"], ["other"])
    two.routes[0].allowed = two.upstreams["other"].opened = 1

    one.add(two)

    assert [route.name for route in one.routes] == ["orders", "health", ""]
    assert list(one.upstreams) == ["backend"]


def test_counts_can_be_sent_to_another_process() -> None:
    metrics = make_metrics()
    metrics.no_route.refuse(Reason.ROUTE_NOT_FOUND)
    metrics.routes[1].times.observe("GET", 200, 0.1)

    sent: Metrics = pickle.loads(pickle.dumps(metrics))

    assert sent.routes[-1] is sent.no_route
    assert sent.no_route.refused == {"route_not_found": 1}
    assert sum(sent.routes[1].times.by_method["GET"][200].counts) == 1


def test_rate_limited_requests_add_up_and_processes_that_ended_are_not_without_redis() -> None:
    total, one, dead = Metrics(), Metrics(), Metrics()
    one.rate_limited.update(each=3)
    dead.rate_limited.update(each=1, all=1)
    one.rate_limits_without_redis = dead.rate_limits_without_redis = 1
    dead.settle()

    total.add(one)
    total.add(dead)

    assert total.rate_limited == {"each": 4, "all": 1}
    assert total.rate_limits_without_redis == 1


def test_requests_refused_by_concurrency_limits_add_up_over_processes() -> None:
    total, one, dead = Metrics(), Metrics(), Metrics()
    one.shed.update(route=3)
    one.http2_ended.update(calm=2)
    dead.shed.update(route=1, gateway=2)
    dead.http2_ended.update(calm=1)
    dead.settle()

    total.add(one)
    total.add(dead)

    assert total.shed == {"route": 4, "gateway": 2}
    assert total.http2_ended == {"calm": 3}
