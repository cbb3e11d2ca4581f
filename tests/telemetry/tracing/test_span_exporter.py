"""Spans reach a collector that takes them; one that does not costs spans and nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from gateway.settings.values.configuration import Tracing
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.tracing.span_exporter import BATCH, CAPACITY, ExportTimes, SpanExporter
from tests.telemetry.collector import Collector, read_resource, running_collector
from tests.telemetry.tracing.test_span_protobuf import make_span

QUICK = ExportTimes(gather_seconds=0.01, request_seconds=5.0, pauses_seconds=(0.01, 0.01))
LONG = 30.0  # longer than any of this takes


@pytest.fixture(name="collector")
async def make_collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


def tracing(url: str, *headers: tuple[str, str]) -> Tracing:
    return Tracing(url, 1.0, 100, "edge", headers)


def make_exporter(
    url: str, times: ExportTimes = QUICK, *headers: tuple[str, str]
) -> tuple[SpanExporter, Metrics]:
    metrics = Metrics()
    exporter = SpanExporter(metrics, times)
    exporter.use(tracing(url, *headers))
    return exporter, metrics


def add(exporter: SpanExporter, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        exporter.add(make_span(number))


def counts(metrics: Metrics) -> tuple[int, int, int]:
    """Return how many spans were exported, dropped as too many, and dropped for the collector."""
    return metrics.spans_exported, metrics.spans_dropped_full, metrics.spans_dropped_collector


async def test_spans_are_sent_together_after_a_while(collector: Collector) -> None:
    exporter, metrics = make_exporter(collector.url, QUICK, ("api-key", "hush"))
    add(exporter, 3)

    await collector.wait_for(lambda: len(collector.taken) == 1)
    await exporter.close(LONG)

    assert [span.name for span in collector.spans] == ["GET /0", "GET /1", "GET /2"]
    assert read_resource(collector.taken[0])["service.name"] == "edge"
    assert collector.fields[0]["Content-Type"] == "application/x-protobuf"
    assert collector.fields[0]["api-key"] == "hush"
    assert collector.fields[0]["User-Agent"] == "jwt-gateway"
    assert counts(metrics) == (3, 0, 0)


async def test_a_full_batch_does_not_wait(collector: Collector) -> None:
    exporter, metrics = make_exporter(collector.url, ExportTimes(gather_seconds=LONG))
    add(exporter, 1)
    await asyncio.sleep(0)  # it waits for more now
    add(exporter, BATCH - 1)

    await collector.wait_for(lambda: len(collector.taken) == 1)

    assert len(collector.spans) == BATCH
    await exporter.close(LONG)
    assert counts(metrics) == (BATCH, 0, 0)


async def test_what_waits_is_sent_when_the_gateway_ends(collector: Collector) -> None:
    exporter, metrics = make_exporter(collector.url, ExportTimes(gather_seconds=LONG))
    add(exporter, BATCH + 7)

    await exporter.close(LONG)

    assert [span.name for span in collector.spans] == [f"GET /{n}" for n in range(BATCH + 7)]
    assert counts(metrics) == (BATCH + 7, 0, 0)


async def test_no_more_spans_wait_than_there_is_room_for(collector: Collector) -> None:
    exporter, metrics = make_exporter(collector.url, ExportTimes(gather_seconds=LONG))
    add(exporter, CAPACITY + 10)

    await exporter.close(LONG)

    assert len(collector.spans) == CAPACITY
    assert counts(metrics) == (CAPACITY, 10, 0)


async def test_what_comes_after_the_end_is_dropped(collector: Collector) -> None:
    exporter, metrics = make_exporter(collector.url)
    await exporter.close(LONG)
    add(exporter, 1)

    assert collector.bodies == []
    assert counts(metrics) == (0, 1, 0)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_collector_is_asked_again(collector: Collector, status: int) -> None:
    collector.statuses = [status, status, 200]
    exporter, metrics = make_exporter(collector.url)
    add(exporter, 2)

    await collector.wait_for(lambda: len(collector.bodies) == 3)
    await exporter.close(LONG)

    assert len(set(collector.bodies)) == 1
    assert len(collector.spans) == 2
    assert counts(metrics) == (2, 0, 0)


async def test_a_collector_that_stays_busy_costs_its_batch_alone(collector: Collector) -> None:
    collector.statuses = [503, 503, 503, 200]
    exporter, metrics = make_exporter(collector.url)
    add(exporter, 2)
    await collector.wait_for(lambda: len(collector.bodies) == 3)
    add(exporter, 1, start=2)

    await collector.wait_for(lambda: len(collector.bodies) == 4)
    await exporter.close(LONG)

    assert [span.name for span in collector.spans] == ["GET /2"]
    assert counts(metrics) == (1, 0, 2)


@pytest.mark.parametrize("status", [307, 400, 401, 404, 413, 500])
async def test_what_is_refused_for_good_is_not_sent_again(
    collector: Collector, status: int
) -> None:
    """A redirect would take the key for one collector to another."""
    collector.statuses = [status, 200]
    collector.headers = {"Location": collector.url}
    exporter, metrics = make_exporter(collector.url)
    add(exporter, 2)
    await collector.wait_for(lambda: len(collector.bodies) == 1)

    await exporter.close(LONG)

    assert len(collector.bodies) == 1
    assert counts(metrics) == (0, 0, 2)


async def test_spans_that_a_collector_says_it_rejected_are_dropped(collector: Collector) -> None:
    collector.rejects = 2
    exporter, metrics = make_exporter(collector.url)
    add(exporter, 5)

    await exporter.close(LONG)

    assert counts(metrics) == (3, 0, 2)


async def test_a_retry_after_is_heeded(collector: Collector) -> None:
    collector.statuses = [503, 200]
    collector.headers = {"Retry-After": "7200"}  # of which half a minute is heeded
    exporter, metrics = make_exporter(collector.url)
    add(exporter, 1)
    await collector.wait_for(lambda: len(collector.bodies) == 1)
    for _ in range(20):
        await asyncio.sleep(0.01)  # many of its own pauses

    assert len(collector.bodies) == 1
    await exporter.close(LONG)  # asks once more, at once
    assert counts(metrics) == (1, 0, 0)


async def test_a_collector_that_hangs_holds_up_neither_spans_nor_the_end(
    collector: Collector,
) -> None:
    collector.is_hanging = True
    exporter, metrics = make_exporter(collector.url, ExportTimes(gather_seconds=0.01))
    add(exporter, BATCH)
    await collector.wait_for(lambda: len(collector.bodies) == 1)
    add(exporter, CAPACITY + 5)

    await exporter.close(0.05)

    assert counts(metrics) == (0, 5, BATCH + CAPACITY)


async def test_a_collector_that_answers_too_late_did_not_take_them(collector: Collector) -> None:
    collector.is_hanging = True
    exporter, metrics = make_exporter(collector.url, ExportTimes(0.01, 0.05, ()))
    add(exporter, 1)
    await collector.wait_for(lambda: len(collector.bodies) == 1)

    await exporter.close(LONG)

    assert counts(metrics) == (0, 0, 1)


async def test_a_collector_that_is_down_is_found_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    exporter, metrics = make_exporter("http://127.0.0.1:1/v1/traces?key=hush")
    add(exporter, 1)
    async with asyncio.timeout(LONG):
        while metrics.spans_dropped_collector == 0:  # noqa: ASYNC110 - nobody else can tell
            await asyncio.sleep(0.01)
    async with running_collector() as collector:
        exporter.use(tracing(collector.url))
        add(exporter, 1)
        await collector.wait_for(lambda: len(collector.taken) == 1)
        await exporter.close(LONG)

    assert counts(metrics) == (1, 0, 1)
    said = [record.getMessage() for record in caplog.records if "spans" in record.getMessage()]
    assert said == [
        "spans are not accepted by http://127.0.0.1:1/v1/traces: ClientConnectorError",
        f"spans are accepted again by {collector.url}",
    ]


async def test_what_waits_still_goes_to_where_it_went_once_tracing_is_off(
    collector: Collector,
) -> None:
    exporter, metrics = make_exporter(collector.url, ExportTimes(gather_seconds=LONG))
    add(exporter, 1)
    exporter.use(None)

    await exporter.close(LONG)

    assert counts(metrics) == (1, 0, 0)
