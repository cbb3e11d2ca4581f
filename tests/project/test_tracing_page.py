"""`docs/tracing.md`: its example behaves as it shows, and its lists are complete."""

import re
from pathlib import Path

import yaml

from tests.project.console import fence_of
from tests.project.test_docs import rows, sections
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import load, running_gateway
from tests.proxy.messages import make_answer
from tests.proxy.service import running_service, serve
from tests.telemetry.collector import Seen, running_collector

__all__ = ["pytest_asyncio_loop_factories"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tracing.md").read_text()


async def run_the_example(directory: Path) -> tuple[bytes, list[Seen]]:
    """Return the traceparent that the upstream receives for the request, and the spans."""
    config = yaml.safe_load(fence_of(PAGE, "version: 1\n"))
    request = fence_of(PAGE, "GET ").rstrip("\n").replace("\n", "\r\n") + "\r\n\r\n"
    async with running_service() as service, running_collector() as collector:
        service.script = serve(make_answer(b"hello"))
        config |= {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "access_log": "none"}
        config["upstreams"]["shop"]["servers"] = [service.url]
        config["tracing"]["otlp"] = collector.url
        file = directory / "gateway.yaml"
        file.write_text(yaml.safe_dump(config))
        async with running_gateway(load(file)) as gateway:
            assert (await gateway.ask(request.encode())).status == 200
            await gateway.stop()
        return service.requests[0].one(b"traceparent"), collector.spans


async def test_the_example_runs_as_it_is_shown(tmp_path: Path) -> None:
    """The ids of the gateway differ; how they refer to each other is the same."""
    traceparent, spans = await run_the_example(tmp_path)
    told = f"`traceparent: {traceparent.decode()}`"
    listed = [
        f"| `{span.name}` | {span.kind.lower()} | `{span.span_id}` | `{span.parent_id}` |"
        for span in spans
    ]
    shown_ids = dict.fromkeys(re.findall(r"\b[0-9a-f]{16}\b", PAGE))
    asked, sent = spans
    for made, shown in zip((sent.span_id, asked.span_id), list(shown_ids)[1:], strict=True):
        told = told.replace(made, shown)
        listed = [line.replace(made, shown) for line in listed]

    assert told in " ".join(PAGE.split())
    assert "\n".join(listed) in PAGE


def test_every_attribute_of_a_span_is_listed() -> None:
    """All of them are written in one module, by name."""
    source = (ROOT / "gateway" / "proxy" / "recording" / "record_spans.py").read_text()
    written = set(
        re.findall(r'"((?:http|url|server|client|network|error|gateway)\.[a-z_.]+)"', source)
    )
    table = rows(sections(PAGE, "###")["Span attributes"])
    listed = {name for row in table for name in re.findall(r"`([^`]+)`", row[0])}

    assert written == listed
