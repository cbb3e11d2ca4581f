import re
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.decision.reason import Reason
from gateway.telemetry.metrics import RELOAD_OUTCOMES, Metrics
from gateway.telemetry.reports import IssuerMetrics, MemoMetrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def make_metrics(issuers: tuple[IssuerMetrics, ...] = ()) -> Metrics:
    metrics = Metrics(
        issuers=lambda: issuers,
        revocations=list,
        memo=lambda: MemoMetrics(5, 6, 7),
        log_dropped=lambda: 8,
    )
    metrics.use(["orders", "health"], ["backend"])
    return metrics


def samples_of(metrics: Metrics) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
    }


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples_of(metrics).get((name, frozenset(labels.items())))


def test_the_page_names_exactly_the_families_exposed() -> None:
    named = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    text = make_metrics().expose().decode()

    exposed = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE)

    assert sorted(named) == sorted(exposed)


def test_the_page_names_the_labels_of_every_family() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| \w+ \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    named = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    metrics = make_metrics((IssuerMetrics("main", 2, 3.5, 3900.0, 236.5, 4, 1, 0),))
    metrics.routes[0].allowed += 1
    metrics.routes[0].report(Reason.TOKEN_EXPIRED)
    metrics.routes[0].observe(200, 0.1)

    for name, labels in samples_of(metrics):
        family = re.sub("_(bucket|count|sum)$", "", name)
        assert {label for label, _ in labels} - {"le"} == named[family], name


def test_no_route_stands_behind_the_last_route() -> None:
    metrics = make_metrics()

    assert [route.name for route in metrics.routes] == ["orders", "health", ""]
    assert metrics.routes[-1] is metrics.no_route


def test_gauges_and_counters_are_exposed_as_they_stand() -> None:
    metrics = make_metrics()
    metrics.connections_open = 1
    metrics.connections_total = 2
    metrics.connections_refused = 3
    metrics.requests_in_flight = 4
    metrics.tunnels_open = 9
    metrics.upstreams["backend"].opened = 10
    metrics.upstreams["backend"].reused = 11

    samples = samples_of(metrics)

    bare = {name: value for (name, labels), value in samples.items() if not labels}
    assert bare["gateway_connections_open"] == 1
    assert bare["gateway_connections_total"] == 2
    assert bare["gateway_connections_refused_total"] == 3
    assert bare["http_server_active_requests"] == 4
    assert bare["gateway_token_memo_hits_total"] == 5
    assert bare["gateway_token_memo_misses_total"] == 6
    assert bare["gateway_token_memo_entries"] == 7
    assert bare["gateway_access_log_dropped_total"] == 8
    assert bare["gateway_tunnels_open"] == 9
    backend = frozenset({("upstream", "backend")})
    assert samples["gateway_upstream_connections_opened_total", backend] == 10
    assert samples["gateway_upstream_connections_reused_total", backend] == 11


def test_the_running_version_is_exposed() -> None:
    assert sample(make_metrics(), "gateway_build_info", version=__version__) == 1


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


def test_reloads_are_counted_by_outcome() -> None:
    metrics = make_metrics()

    metrics.reloads["invalid"] += 2

    counts = {
        outcome: sample(metrics, "gateway_config_reloads_total", outcome=outcome)
        for outcome in RELOAD_OUTCOMES
    }
    assert counts == {"applied": 0, "invalid": 2, "needs_restart": 0}


def test_the_page_names_every_outcome_of_a_reload() -> None:
    (row,) = re.findall(r"^\| `gateway_config_reloads_total` .*$", PAGE.read_text(), re.MULTILINE)

    assert all(f"`{outcome}`" in row for outcome in RELOAD_OUTCOMES)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "é", "{x}"])
def test_any_name_is_read_back_as_it_is(name: str) -> None:
    metrics = make_metrics()
    metrics.use([name], [])

    metrics.routes[0].allowed += 1

    assert sample(metrics, "gateway_decisions_total", route=name, reason="allow") == 1


def test_exposing_on_another_thread_does_not_trip_over_counting() -> None:
    """New statuses and reasons appear while the families are rendered."""
    metrics = make_metrics()
    pages: list[bytes] = []
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            pages.append(metrics.expose())
        pages.append(metrics.expose())

    scraper = threading.Thread(target=scrape)
    scraper.start()
    for round_number in range(200):
        metrics.use([f"route-{round_number}"], ["backend"])
        for reason in Reason:
            metrics.routes[0].refuse(reason)
            metrics.routes[0].report(reason)
            metrics.routes[0].observe(reason.status, 0.1)
    stop.set()
    scraper.join()

    assert pages[-1].count(b"gateway_decisions_total{") == len(Reason)
    for page in pages:
        assert page.count(b"# TYPE") == pages[-1].count(b"# TYPE")
