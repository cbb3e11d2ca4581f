"""Export the spans of a request once it is recorded: they show its path, never its token."""

from time import time
from typing import Final

from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import Deny
from gateway.http.reading.request import VERSIONS, Request
from gateway.proxy.port import Port
from gateway.proxy.recording.record import CLIENT_GONE, Recorded, record_refused, route_of
from gateway.proxy.streams.client import Client
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.telemetry.metrics.response_times import OTHER_METHOD, known_method
from gateway.telemetry.tracing.spans import Span, SpanKind, span_text
from gateway.telemetry.tracing.tracer import RecordedTrace

_DEFAULT_PORTS: Final = {b"http": 80, b"https": 443}

_NS: Final = 1_000_000_000


def record_spans(port: Port, exchange: Recorded, trace: RecordedTrace, now: float) -> None:
    """Export the spans of *exchange*, which ended at *now* (of the monotonic clock)."""
    tracer = port.tracer
    if tracer is None:  # tracing was switched off by a reload
        return
    at = time()
    allow, deny = exchange.allow, exchange.deny
    route = route_of(exchange)
    attributes = _server_attributes(
        port, exchange.client, exchange.request, exchange.id, route, exchange.status
    )
    reason = None if deny is None else deny.reason
    if reason is not None:
        attributes["gateway.reason"] = reason.code
    if allow is not None and allow.would_deny is not None:
        attributes["gateway.would_deny"] = allow.would_deny.reason.code
    failed = _note_error(attributes, exchange.status, reason)
    seconds = now - exchange.started_at
    tracer.export(_server_span(trace, exchange.request, route, attributes, at, seconds, failed))
    if trace.server is not None and allow is not None:
        tracer.export(_client_span(exchange, trace, trace.server, allow.route, at, now))


def record_refusal(  # noqa: PLR0913, PLR0917 - an exchange would hold them, but there is none
    port: Port,
    client: Client,
    request: Request,
    request_id: bytes,
    deny: Deny,
    at: float,
    seconds: float,
) -> None:
    """Record a request that its route refused, as ``record_refused``, and its span."""
    tracer, received = port.tracer, request.trace
    try:
        if tracer is None:
            record_refused(port, client, request, request_id, received, deny, 0, at, seconds)
            return
        trace = tracer.begin(received, client.peer.is_trusted)
        record_refused(port, client, request, request_id, trace, deny, 0, at, seconds)
        if isinstance(trace, RecordedTrace):
            _record_refused_span(port, client, request, request_id, trace, deny, at, seconds)
    except Exception as bug:  # the client has its response
        report_unexpected_error("a request could not be recorded", bug)


def _record_refused_span(  # noqa: PLR0913, PLR0917 - an exchange would hold them, but there is none
    port: Port,
    client: Client,
    request: Request,
    request_id: bytes,
    trace: RecordedTrace,
    deny: Deny,
    at: float,
    seconds: float,
) -> None:
    """Export the span of a request that its route refused *at* (seconds since the epoch)."""
    tracer = port.tracer
    if tracer is None:
        return
    reason = deny.reason
    attributes = _server_attributes(port, client, request, request_id, deny.route, reason.status)
    attributes["gateway.reason"] = reason.code
    failed = _note_error(attributes, reason.status, reason)
    tracer.export(_server_span(trace, request, deny.route, attributes, at, seconds, failed))


def _server_attributes(  # noqa: PLR0913, PLR0917 - an exchange would hold them, but there is none
    port: Port,
    client: Client,
    request: Request,
    request_id: bytes,
    route: Route | None,
    status: int,
) -> dict[str, str | int]:
    """Return the attributes of a request, by OpenTelemetry's names if it has one."""
    attributes: dict[str, str | int] = _method_attributes(request.method)
    attributes["url.scheme"] = client.peer.proto.decode()
    path = split_path(request.target)
    if path[:1] == b"/":  # anything else is not known to be a path
        attributes["url.path"] = span_text(path)
    host = port.hosts[request.fields.host]
    if host is not None:
        attributes["server.address"] = host
        digits = request.fields.host.rpartition(b":")[2]
        named = int(digits) if digits.isdigit() and digits != request.fields.host else None
        attributes["server.port"] = named or _DEFAULT_PORTS[client.peer.proto]
    attributes["client.address"] = port.address_of(client, request).decode()
    attributes["network.protocol.version"] = VERSIONS[request.version]
    attributes["gateway.request_id"] = request_id.decode()
    if route is not None:
        attributes["http.route"] = _template(route)
        attributes["gateway.route"] = route.name
        attributes["gateway.upstream"] = route.upstream
    if status != CLIENT_GONE:
        attributes["http.response.status_code"] = status
    return attributes


def _method_attributes(method: str) -> dict[str, str | int]:
    known = known_method(method)
    attributes: dict[str, str | int] = {"http.request.method": known}
    if method and known != method:
        attributes["http.request.method_original"] = span_text(method.encode())
    return attributes


def _note_error(attributes: dict[str, str | int], status: int, reason: Reason | None) -> bool:
    """Add the kind of error; return whether the gateway or the upstream failed, not the client."""
    failed = status >= 500 or (reason is not None and reason.status >= 500)
    if failed:
        attributes["error.type"] = str(status) if reason is None else reason.code
    elif status == CLIENT_GONE:
        attributes["error.type"] = "client_gone"
    return failed


def _server_span(  # noqa: PLR0913, PLR0917 - the parts of a span
    trace: RecordedTrace,
    request: Request,
    route: Route | None,
    attributes: dict[str, str | int],
    at: float,
    seconds: float,
    failed: bool,
) -> Span:
    method = _span_method(request)
    return Span(
        SpanKind.SERVER,
        trace.trace_id,
        trace.span_id,
        trace.parent_id,
        trace.tracestate,
        method if route is None else f"{method} {_template(route)}",
        int((at - seconds) * _NS),
        int(at * _NS),
        failed,
        tuple(attributes.items()),
    )


def _client_span(  # noqa: PLR0913, PLR0917 - the parts of a span
    exchange: Recorded,
    trace: RecordedTrace,
    server: tuple[str, int],
    route: Route,
    at: float,
    now: float,
) -> Span:
    """Return the span of the request to the upstream, to the end of its response."""
    request, deny = exchange.request, exchange.deny
    host, port = server
    scheme = "https" if trace.is_tls else "http"
    authority = f"[{host}]" if ":" in host else host
    attributes = _method_attributes(request.method)
    path = span_text(split_path(request.target))
    attributes["url.full"] = f"{scheme}://{authority}:{port}{path}"
    attributes["server.address"] = host
    attributes["server.port"] = port
    attributes["network.protocol.version"] = "1.1"
    attributes["gateway.upstream"] = route.upstream
    # If the response is one of our own, that of the upstream is unknown or invalid.
    is_theirs = exchange.upstream_seconds is not None and (
        deny is None or deny.reason.status != exchange.status
    )
    if is_theirs and exchange.status != CLIENT_GONE:
        attributes["http.response.status_code"] = exchange.status
        if exchange.status >= 400:
            attributes["error.type"] = str(exchange.status)
    if deny is not None and deny.reason.status >= 500:
        attributes["error.type"] = deny.reason.code
    return Span(
        SpanKind.CLIENT,
        trace.trace_id,
        trace.client_span_id,
        trace.span_id,
        trace.tracestate,
        _span_method(request),
        int((at - (now - exchange.sent_at)) * _NS),
        int(at * _NS),
        "error.type" in attributes,
        tuple(attributes.items()),
    )


def _span_method(request: Request) -> str:
    """Return the method as it begins the name of a span."""
    known = known_method(request.method)
    return "HTTP" if known == OTHER_METHOD else known


def _template(route: Route) -> str:
    """Return the path of *route* as in its configuration; a prefix ends with `*`."""
    return f"{route.path}*" if route.is_prefix else route.path
