"""Floods at a gateway with two workers end as they do with one, and no worker comes to harm."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop

from tests.certificates import trusting
from tests.proxy.corpus_routes import CORPUS_ROUTES
from tests.proxy.h2.conftest import listen_with_tls
from tests.proxy.h2.floods import MAX_REQUESTS, MAX_SENT_BYTES, Flood, Flooded, floods, send_flood
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client
from tests.proxy.recorder import RecordingService, running_recorder
from tests.proxy.wire import connect
from tests.supervisor.pools import Stage, serving

# The kernel hands connections to workers as it likes: so many reach both.
_OTHERS = 4


@dataclass(frozen=True, slots=True)
class Workers:
    """A gateway with two workers before a recording service, and other clients of it."""

    runner: asyncio.Runner
    service: RecordingService
    stage: Stage
    tls: ssl.SSLContext | None
    others: list[Http2Client]

    async def ask_others(self) -> list[str]:
        """Return what a request on each of the other connections gets."""
        fields = request_fields(b"/public/behind", authority=b"fence.test")
        return [(await other.fetch(fields)).label for other in self.others]


@pytest.fixture(scope="module", params=["plain", "TLS"])
def workers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workers]:
    stack = AsyncExitStack()
    folder = tmp_path_factory.mktemp("workers")
    has_tls = request.param == "TLS"
    listen = {"listen": listen_with_tls(folder)} if has_tls else {}

    async def start(runner: asyncio.Runner) -> Workers:
        service = await stack.enter_async_context(running_recorder())
        servers = [f"http://127.0.0.1:{service.port}"]
        changes: dict[str, Any] = {"routes": CORPUS_ROUTES, "servers": servers, **listen}
        stage = await stack.enter_async_context(serving(folder, **changes))
        made = Workers(runner, service, stage, trusting("h2") if has_tls else None, [])
        for _ in range(_OTHERS):
            wire = await connect(stage.supervisor.data_address, tls=made.tls)
            made.others.append(Http2Client(wire))
            made.others[-1].begin()
        return made

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        made = runner.run(start(runner))
        yield made
        for other in made.others:
            other.wire.transport.abort()
        runner.run(stack.aclose())


@pytest.mark.parametrize("flood", floods(), ids=lambda flood: flood.name)
def test_a_flood_is_ended_and_no_worker_with_it(flood: Flood, workers: Workers) -> None:
    before = workers.stage.workers

    async def run() -> tuple[Flooded, list[str]]:
        workers.service.begin()
        address = workers.stage.supervisor.data_address
        flooded = await send_flood(address, flood, turns=1, tls=workers.tls)
        # What the kernel took of it is more than the worker has read.
        await flooded.client.wire.wait_end()
        flooded.client.wire.transport.abort()
        return flooded, await workers.ask_others()

    flooded, labels = workers.runner.run(run())

    assert flooded.sent_bytes <= MAX_SENT_BYTES
    assert labels == ["200"] * _OTHERS
    seen = [one for one in workers.service.requests if one.all(b"host") != [b"fence.test"]]
    assert len(seen) <= MAX_REQUESTS
    assert workers.service.odd == []
    assert workers.stage.workers == before
