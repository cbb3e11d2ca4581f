import os
import re
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.decision.reason import Reason
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import Exposition
from gateway.telemetry.metrics.reloads import RELOAD_OUTCOMES
from gateway.telemetry.metrics.reports import IssuerMetrics

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def make_metrics() -> Metrics:
    metrics = Metrics()
    metrics.use(["orders", "health"], ["backend"])
    metrics.memo_hits, metrics.memo_misses, metrics.memo_entries = 5, 6, 7
    metrics.log_dropped = 8
    return metrics


def make_exposition(
    issuers: tuple[IssuerMetrics, ...] = (), *, is_ready: bool = True
) -> Exposition:
    return Exposition(
        issuers=lambda: issuers,
        revocations=list,
        pids=lambda: [os.getpid()],
        restarts=lambda: [0],
        is_ready=lambda: is_ready,
        digest=lambda: "0a1b",
    )


def samples_of(metrics: Metrics, exposition: Exposition | None = None) -> Samples:
    page = (exposition or make_exposition()).expose(metrics).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples_of(metrics).get((name, frozenset(labels.items())))


def test_the_page_names_exactly_the_families_exposed() -> None:
    named = re.findall(r"^\| `([a-z0-9_]+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    text = make_exposition().expose(make_metrics()).decode()

    exposed = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE)

    assert sorted(named) == sorted(exposed)


def test_the_page_names_the_labels_of_every_family() -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| \w+ \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    named = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    metrics = make_metrics()
    exposition = make_exposition((IssuerMetrics("main", 2, 3.5, 3900.0, 236.5, 4, 1, 0),))
    metrics.routes[0].allowed += 1
    metrics.routes[0].report(Reason.TOKEN_EXPIRED)
    metrics.routes[0].times.observe("GET", 200, 0.1)
    metrics.upstreams["backend"].times.observe("GET", 200, 0.1)
    metrics.upstreams["backend"].fail(Reason.UPSTREAM_TIMEOUT)
    metrics.upstreams["backend"].use(["10.0.0.7:8000"])

    for name, labels in samples_of(metrics, exposition):
        family = re.sub("_(bucket|count|sum)$", "", name)
        assert {label for label, _ in labels} - {"le"} == named[family], name


def test_gauges_and_counters_are_exposed_as_they_stand() -> None:
    metrics = make_metrics()
    metrics.connections_limit = 100
    metrics.connections_open = 1
    metrics.connections_total = 2
    metrics.connections_refused = 3
    metrics.connections_refused_by_address = 12
    metrics.requests_in_flight = 4
    metrics.tunnels_open = 9
    metrics.upstreams["backend"].opened = 10
    metrics.upstreams["backend"].reused = 11

    samples = samples_of(metrics)

    bare = {name: value for (name, labels), value in samples.items() if not labels}
    assert bare["gateway_connections_limit"] == 100
    assert bare["gateway_connections_open"] == 1
    assert bare["gateway_connections_total"] == 2
    assert bare["gateway_connections_refused_total"] == 3
    assert bare["gateway_connections_refused_by_address_total"] == 12
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


@pytest.mark.parametrize("is_ready", [True, False])
def test_whether_it_is_ready_and_what_it_runs_are_exposed(is_ready: bool) -> None:
    samples = samples_of(make_metrics(), make_exposition(is_ready=is_ready))

    assert samples["gateway_ready", frozenset()] == int(is_ready)
    assert samples["gateway_config_info", frozenset({("digest", "0a1b")})] == 1


def test_reloads_are_counted_by_outcome() -> None:
    exposition = make_exposition()

    for _ in range(2):
        exposition.reloads.count("invalid", 0.0)

    samples = samples_of(make_metrics(), exposition)
    counts = {
        outcome: samples["gateway_config_reloads_total", frozenset({("outcome", outcome)})]
        for outcome in RELOAD_OUTCOMES
    }
    assert counts == {**dict.fromkeys(RELOAD_OUTCOMES, 0), "invalid": 2}


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
    metrics, exposition = make_metrics(), make_exposition()
    pages: list[bytes] = []
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            pages.append(exposition.expose(metrics))
        pages.append(exposition.expose(metrics))

    scraper = threading.Thread(target=scrape)
    scraper.start()
    for round_number in range(200):
        metrics.use([f"route-{round_number}"], ["backend"])
        for reason in Reason:
            metrics.routes[0].refuse(reason)
            metrics.routes[0].report(reason)
            metrics.routes[0].times.observe("GET", reason.status, 0.1)
            metrics.upstreams["backend"].times.observe("GET", reason.status, 0.1)
    stop.set()
    scraper.join()

    assert pages[-1].count(b"gateway_decisions_total{") == len(Reason)
    for page in pages:
        assert page.count(b"# TYPE") == pages[-1].count(b"# TYPE")


def shown(
    metrics: Metrics, family: str, exposition: Exposition | None = None
) -> list[tuple[object, ...]]:
    """Return the label values and the value of each sample of *family*."""
    samples = samples_of(metrics, exposition)
    found = [
        (*(value for _, value in sorted(labels)), count)
        for (name, labels), count in samples.items()
        if name == family
    ]
    return sorted(found, key=repr)


def test_each_certificate_file_has_its_seconds_negative_once_it_expired() -> None:
    exposition = make_exposition()
    exposition.certificates = lambda: [("/etc/a.pem", 3.5), ("/etc/b.pem", -2.0)]

    assert shown(make_metrics(), "gateway_tls_certificate_expiry_seconds", exposition) == [
        ("/etc/a.pem", 3.5),
        ("/etc/b.pem", -2.0),
    ]


def test_each_rate_limit_that_refused_is_shown() -> None:
    metrics = make_metrics()
    metrics.rate_limited.update(each=3, all=1)
    metrics.rate_limit_failures = 7

    assert shown(metrics, "gateway_rate_limited_total") == [("all", 1), ("each", 3)]
    assert shown(metrics, "gateway_rate_limit_failures_total") == [(7,)]
    assert shown(metrics, "gateway_rate_limit_processes_without_redis") == [(0,)]


def test_each_kind_of_concurrency_limit_is_shown() -> None:
    metrics = make_metrics()
    metrics.shed.update(route=4, gateway=2)

    assert shown(metrics, "gateway_requests_shed_total") == [("gateway", 2), ("route", 4)]


def test_spans_are_counted_by_what_became_of_them_over_all_processes() -> None:
    metrics, other = make_metrics(), Metrics()
    metrics.spans_exported, metrics.spans_dropped_full, metrics.spans_dropped_collector = 1, 2, 3
    other.spans_exported, other.spans_dropped_full, other.spans_dropped_collector = 10, 20, 30
    metrics.add(other)

    assert shown(metrics, "gateway_spans_exported_total") == [(11,)]
    assert shown(metrics, "gateway_spans_dropped_total") == [("collector", 33), ("queue_full", 22)]


@pytest.mark.parametrize(("restarts", "expected"), [([0], (1, 0)), ([0, 3, 1], (3, 4))])
def test_workers_and_their_restarts_are_shown(
    restarts: list[int], expected: tuple[int, int]
) -> None:
    exposition = make_exposition()
    exposition.restarts = lambda: restarts

    assert shown(make_metrics(), "gateway_workers", exposition) == [(expected[0],)]
    assert shown(make_metrics(), "gateway_worker_restarts_total", exposition) == [(expected[1],)]
