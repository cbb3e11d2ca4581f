"""A collector of spans on loopback: it reads what comes as OpenTelemetry's own would."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.hanging import LIMIT_SECONDS


@dataclass(frozen=True, slots=True)
class Seen:
    """One span as it came, its ids in hexadecimal."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    tracestate: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: dict[str, Any]


class Collector:
    """Remembers each export, and answers the next of *statuses*, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.headers: dict[str, str] = {}
        self.rejects = 0
        self.is_hanging = False
        self.url = ""
        self.bodies: list[bytes] = []
        self.fields: list[dict[str, str]] = []
        self.taken: list[bytes] = []  # those that were answered 200
        self._changed = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        self.fields.append(dict(request.headers))
        self._changed.set()
        if self.is_hanging:
            await asyncio.Event().wait()
        status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
        if status == 200:
            self.taken.append(body)
        said = ExportTraceServiceResponse()
        if self.rejects:
            said.partial_success.rejected_spans = self.rejects
        return web.Response(
            status=status, body=said.SerializeToString(), headers=self.headers,
            content_type="application/x-protobuf",
        )  # fmt: skip

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until an export makes *condition* true."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def spans(self) -> list[Seen]:
        """Return every span that was taken."""
        return [span for body in self.taken for span in read_spans(body)]


def read_spans(body: bytes) -> list[Seen]:
    """Return the spans in an export."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _read(span)
        for of_process in request.resource_spans
        for of_scope in of_process.scope_spans
        for span in of_scope.spans
    ]


def read_resource(body: bytes) -> dict[str, Any]:
    """Return what an export says of the process that sent it."""
    (of_process,) = ExportTraceServiceRequest.FromString(body).resource_spans
    return _attributes(of_process.resource.attributes)


def _read(span: Span) -> Seen:
    attributes = _attributes(span.attributes)
    assert len(attributes) == len(span.attributes)  # OTLP: no name twice
    return Seen(
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == Status.STATUS_CODE_ERROR,
        attributes,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    """Yield a collector on a free port of loopback."""
    collector = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        collector.url = f"http://{host}:{port}/v1/traces"
        yield collector
    finally:
        await runner.cleanup()
