"""`gateway run` with tracing: each process exports its own spans, down to the last one."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.cli.worker_world import config_of, serving, site
from tests.hanging import LIMIT_SECONDS
from tests.telemetry.collector import read_resource, running_collector


def ask_each_worker_and_end(path: Path, workers: int) -> list[str]:
    """Ask each of the processes once, end the gateway in order; return what it said."""
    with serving(path, {"COLLECTOR": "api-key=hush"}) as fleet:
        if workers == 1:
            clients = [fleet.send("/open/x")]
        else:
            clients = list(fleet.on_each_worker(lambda: fleet.send("/open/x")).values())
        assert len(clients) == workers
        for client in clients:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            client.close()
        fleet.process.send_signal(signal.SIGTERM)
        assert fleet.process.wait(LIMIT_SECONDS) == 0
        return fleet.said


@pytest.mark.parametrize("workers", [1, 2])
async def test_each_process_exports_what_it_saw_before_it_ends(
    workers: int, tmp_path: Path
) -> None:
    """Long before a batch is gathered; with fields that only the environment holds."""
    async with running_collector() as collector:
        with site() as service:
            tracing = {"otlp": collector.url, "sample": 1.0, "headers_env": "COLLECTOR"}
            path = config_of(tmp_path, service.url, workers=workers, tracing=tracing)
            said = await asyncio.to_thread(ask_each_worker_and_end, path, workers)

    instances = {read_resource(body)["service.instance.id"] for body in collector.taken}
    assert len(instances) == workers
    assert {fields["api-key"] for fields in collector.fields} == {"hush"}
    assert sum(span.kind == "SERVER" for span in collector.spans) >= workers
    assert not [line for line in said if "hush" in line or "Traceback" in line]
    told = {str(fields["traceparent"]).split("-")[2] for fields in service.headers}
    assert told == {span.span_id for span in collector.spans if span.kind == "CLIENT"}
