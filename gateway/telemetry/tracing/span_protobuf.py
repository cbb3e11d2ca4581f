"""Encode spans for a collector: OTLP in protobuf.

The messages are those of OpenTelemetry (``opentelemetry-proto``), without its SDK: that would
bring context variables, a thread and an HTTP library, and reads its settings from the
environment, while the gateway has one file. Only a configuration with ``tracing`` loads this.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from gateway import __version__
from gateway.telemetry.tracing.spans import Span

# Spans encoded in one turn of the event loop, in about 0.3 ms: requests come first.
_SPANS_A_TURN: Final = 16

# The version of the semantic conventions that the attributes are named by.
_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.27.0"

_FAILED: Final = Status(code=Status.STATUS_CODE_ERROR)


async def write_spans(spans: Sequence[Span], service_name: str, instance_id: str) -> bytes:
    """Return the export request for *spans*; yields to other tasks meanwhile."""
    request = ExportTraceServiceRequest()
    of_process = request.resource_spans.add(schema_url=_SCHEMA_URL)
    of_process.resource.attributes.extend(
        (
            _attribute("service.name", service_name),
            _attribute("service.version", __version__),
            _attribute("service.instance.id", instance_id),
        )
    )
    of_scope = of_process.scope_spans.add(schema_url=_SCHEMA_URL)
    of_scope.scope.name = "jwt-gateway"
    of_scope.scope.version = __version__
    for start in range(0, len(spans), _SPANS_A_TURN):
        for span in spans[start : start + _SPANS_A_TURN]:
            _add(of_scope, span)
        await asyncio.sleep(0)
    return request.SerializeToString()


def count_rejected(response: bytes) -> int:
    """Return how many spans the collector reports as rejected."""
    try:
        return ExportTraceServiceResponse.FromString(response).partial_success.rejected_spans
    except DecodeError:  # the status was a success all the same
        return 0


def _add(of_scope: ScopeSpans, span: Span) -> None:
    message = of_scope.spans.add(
        trace_id=bytes.fromhex(span.trace_id.decode()),
        span_id=bytes.fromhex(span.span_id.decode()),
        parent_span_id=bytes.fromhex(span.parent_id.decode()),
        trace_state=span.tracestate.decode(),
        name=span.name,
        kind=SpanMessage.SpanKind.ValueType(span.kind.value),
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=[_attribute(name, value) for name, value in span.attributes],
    )
    if span.failed:
        message.status.CopyFrom(_FAILED)


def _attribute(name: str, value: str | int) -> KeyValue:
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value))
