"""All workers switch to a configuration or none does; their counts are shown together."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.control_plane import ControlPlane
from gateway.fetched import Fetched, make_fetched
from gateway.fetching.clock import SystemClock
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.telemetry.metrics.counts import Metrics
from tests.proxy.gateways import load, write_config


class FakeWorkers:
    """Workers that do as they are told, and write down what that was."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refusal: str | None = None
        self.before_prepared: Callable[[], Any] = lambda: asyncio.sleep(0)
        self.before_committed: Callable[[], Any] = lambda: asyncio.sleep(0)
        self.total = Metrics()
        self.lines: dict[str, Mapping[str, Any]] = {}
        self.is_started = True
        self.is_draining = False
        self.had_logins = False
        self.pids: Sequence[int] = ()
        self.crashing: Sequence[str] = ()

    async def prepare(self, settings: Settings, _fetched: Fetched, _record: Record) -> str | None:
        self.calls.append(f"prepare {settings.digest}")
        await self.before_prepared()
        return self.refusal

    async def commit(self) -> None:
        self.calls.append("commit")
        await self.before_committed()

    async def counts(self) -> Metrics:
        return self.total

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        return self.lines.get(request_id)

    @property
    def identity_names(self) -> frozenset[bytes]:
        return frozenset()

    @property
    def restarts(self) -> Sequence[int]:
        return (0,)

    def faults(self) -> Sequence[str]:
        return self.crashing

    def status(self) -> Sequence[Mapping[str, object]]:
        return [{"pid": 1}]


class Stage:
    """A control plane over workers that only pretend."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.workers = FakeWorkers()
        self.made: list[Fetched] = []
        settings = self.settings()
        self.control = ControlPlane(
            settings,
            self.make(settings),
            self.workers,
            self.make,
            pseudonym=b"jwt-gateway-1",
            clock=time.time,
        )

    def settings(self, **changes: Any) -> Settings:
        return load(write_config(self.directory, ["http://127.0.0.1:1"], changes))

    def make(self, settings: Settings) -> Fetched:
        self.made.append(make_fetched(settings, SystemClock(), lambda: None))
        return self.made[-1]

    async def config(self) -> Any:
        return (await self.control.status())["config"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    started = Stage(tmp_path)
    await started.control.start()
    yield started
    await started.control.stop()


async def test_a_configuration_that_all_can_have_is_live_in_the_end(stage: Stage) -> None:
    wanted = stage.settings(drain="1s")

    assert await stage.control.reload(wanted) is None

    assert stage.workers.calls == [f"prepare {wanted.digest}", "commit"]
    assert (await stage.config())["live_hash"] == wanted.digest
    assert stage.control.fetched is stage.made[1]
    assert not stage.made[0].keyring.is_started


async def test_a_configuration_that_one_worker_cannot_have_is_live_in_none(stage: Stage) -> None:
    before, wanted = (await stage.config())["live_hash"], stage.settings(drain="1s")
    stage.workers.refusal = "worker 1: no such file"

    assert await stage.control.reload(wanted) == "worker 1: no such file"

    assert stage.workers.calls == [f"prepare {wanted.digest}"]
    config = await stage.config()
    assert config["live_hash"] == before
    assert config["attempted_hash"] == wanted.digest
    assert config["last_error"] == "worker 1: no such file"
    assert stage.control.fetched is stage.made[0]
    assert not stage.made[1].keyring.is_started
    assert 'reloads_total{outcome="invalid"} 1.0' in (await stage.control.metrics()).decode()


async def test_what_only_a_restart_can_change_is_not_tried(stage: Stage) -> None:
    wanted = stage.settings(admin=False)

    refusal = await stage.control.reload(wanted)

    assert refusal == "`admin` cannot change without a restart"
    assert stage.workers.calls == []


async def test_a_gateway_that_ends_in_the_middle_gives_up_what_it_prepared(stage: Stage) -> None:
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        reached.set()
        await never.wait()

    stage.workers.before_prepared = hang
    reloading = asyncio.create_task(stage.control.reload(stage.settings(drain="1s")))
    await reached.wait()

    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading

    assert not stage.made[1].keyring.is_started
    assert stage.control.fetched is stage.made[0]
    assert stage.made[0].keyring.is_started


async def test_what_workers_go_on_with_is_live_though_the_gateway_ends_meanwhile(
    stage: Stage,
) -> None:
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        reached.set()
        await never.wait()

    stage.workers.before_committed = hang
    reloading = asyncio.create_task(stage.control.reload(stage.settings(drain="1s")))
    await reached.wait()

    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading

    assert stage.control.fetched is stage.made[1]
    assert not stage.made[0].keyring.is_started  # else nobody would ever end it


async def test_the_counts_of_all_workers_are_shown(stage: Stage) -> None:
    stage.workers.total.connections_open = 7

    status: Any = await stage.control.status()

    assert status["connections"]["open"] == 7
    assert status["workers"] == [{"pid": 1}]
    assert b"gateway_connections_open 7.0" in await stage.control.metrics()


async def test_readiness_says_how_the_workers_are(stage: Stage) -> None:
    assert stage.control.ready().not_ready == ()
    stage.workers.is_started, stage.workers.is_draining = False, True
    assert stage.control.ready().not_ready == ("starting", "draining")


async def test_a_worker_that_cannot_be_had_keeps_traffic_away(stage: Stage) -> None:
    stage.workers.crashing = ["worker 2 keeps crashing"]

    assert stage.control.ready().not_ready == ("worker 2 keeps crashing",)


async def test_a_refusal_is_looked_for_at_the_workers(stage: Stage) -> None:
    names = ("time", "client", "method", "host", "path", "upstream", "status", "detail", "issuer")
    stage.workers.lines["a-1"] = {
        **dict.fromkeys(names),
        "id": "a-1",
        "route": "api",
        "reason": "token_expired",
    }

    assert await stage.control.decision("a-2") is None
    found = await stage.control.decision("a-1")
    assert found is not None
    assert found["reason"] == "token_expired"
    assert str(found["place"]).startswith(str(stage.directory))
