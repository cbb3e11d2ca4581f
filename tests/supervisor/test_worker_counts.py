"""The counts of workers add up, even after their crashes."""

from pathlib import Path
from typing import Any

import pytest

from gateway.settings.values.configuration import Settings
from gateway.supervisor.starting import StartGate
from gateway.supervisor.timeouts import DEFAULT_TIMEOUTS
from gateway.supervisor.worker_counts import WorkerCounts
from gateway.supervisor.worker_slot import WorkerSlot
from gateway.telemetry.metrics.counts import Metrics
from tests.proxy.gateways import load, write_config
from tests.supervisor.pair import refuse


async def serve_nobody(_slot: WorkerSlot, _child: Any) -> None:
    raise AssertionError("nobody is started here")


def slots(count: int) -> list[WorkerSlot]:
    starts = StartGate()
    return [
        WorkerSlot(index, (), serve_nobody, refuse, starts, DEFAULT_TIMEOUTS)
        for index in range(count)
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(write_config(tmp_path, ["http://127.0.0.1:1"], {}))


def counts(settings: Settings, connections: int) -> Metrics:
    metrics = Metrics()
    metrics.use([route.name for route in settings.policy.routes.routes], list(settings.upstreams))
    metrics.connections_total = metrics.connections_open = connections
    metrics.routes[0].allowed = connections
    metrics.upstreams["main"].opened = connections
    return metrics


def shown(metrics: Metrics) -> tuple[int, int, int, int]:
    upstream = metrics.upstreams["main"]
    allowed = metrics.routes[0].allowed
    return metrics.connections_total, metrics.connections_open, allowed, upstream.opened


async def test_counts_of_all_workers_and_of_the_dead_add_up(settings: Settings) -> None:
    first, second = both = slots(2)
    tally = WorkerCounts(both, settings, DEFAULT_TIMEOUTS)
    first.last_counts, second.last_counts = counts(settings, 3), counts(settings, 4)
    assert shown(await tally.total()) == (7, 7, 7, 7)

    first.on_exit(first)
    assert shown(await tally.total()) == (7, 4, 7, 7)
    first.last_counts = counts(settings, 1)  # of the next one
    assert shown(await tally.total()) == (8, 5, 8, 8)
    first.on_exit(first)
    second.on_exit(second)
    assert shown(await tally.total()) == (8, 0, 8, 8)


async def test_the_sum_is_nobodys_and_asking_twice_counts_once(settings: Settings) -> None:
    (only,) = one = slots(1)
    tally = WorkerCounts(one, settings, DEFAULT_TIMEOUTS)
    only.last_counts = counts(settings, 3)

    (await tally.total()).connections_total += 100

    assert shown(await tally.total()) == (3, 3, 3, 3)


async def test_names_that_stay_keep_their_counts_over_a_reload_and_those_that_go_do_not(
    settings: Settings, tmp_path: Path
) -> None:
    (only,) = one = slots(1)
    tally = WorkerCounts(one, settings, DEFAULT_TIMEOUTS)
    only.last_counts = counts(settings, 3)
    only.on_exit(only)
    name = settings.policy.routes.routes[0].name
    other = {"name": "other", "match": {"path": "/a"}, "upstream": "main", "public": True}
    kept = {**other, "name": name, "match": {"path": "/b"}}
    later = load(write_config(tmp_path, ["http://127.0.0.1:1"], {"routes": [other, kept]}))

    tally.use(later)
    total = await tally.total()
    assert {route.name: route.allowed for route in total.routes} == {name: 3, "other": 0, "": 0}

    gone = load(write_config(tmp_path, ["http://127.0.0.1:1"], {"routes": [other]}))
    tally.use(gone)
    tally.use(settings)
    assert sum(route.allowed for route in (await tally.total()).routes) == 0
