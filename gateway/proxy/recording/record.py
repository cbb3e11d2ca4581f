"""Write down what became of a request: the only place that does."""

from time import time
from typing import Final

from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.proxy.address import address_of
from gateway.proxy.exchange.answering import Client
from gateway.proxy.port import Port, RouteState, Unrouted
from gateway.proxy.recording.combined import write_combined
from gateway.proxy.recording.recorded import Recorded, route_of, sizes_of, token_of
from gateway.telemetry.logs.access_line import (
    format_allowed,
    format_line,
    format_reason,
    format_refused,
    recall_reason,
)
from gateway.telemetry.logs.quoting import NULL, Json, quote, quote_common
from gateway.telemetry.logs.recent_refusals import MAX_LINE_BYTES

# How the access log calls a request whose client went away before the end of the answer.
CLIENT_GONE: Final = 499

_UPSTREAM_FAILURES: Final = frozenset(
    (Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_INVALID, Reason.UPSTREAM_TIMEOUT)
)


def record(port: Port, exchange: Recorded, now: float) -> None:
    """Count *exchange*, which ended at *now*, and write its line."""
    allow = exchange.allow
    seconds = now - exchange.started_at
    deny = exchange.deny
    if deny is not None and allow is None and deny.route is not None:
        record_refused(
            port,
            exchange.client,
            exchange.request,
            exchange.id,
            exchange.trace,
            deny,
            sizes_of(exchange)[1],
            time(),
            seconds,
        )
        return
    if (
        allow is None
        or deny is not None
        or exchange.upstream_seconds is None
        or allow.would_deny is not None
    ):
        _record_unusual(port, exchange, seconds)
        return
    state = port.routes[allow.route.index]
    request = exchange.request
    metrics = state.metrics
    metrics.allowed = number = metrics.allowed + 1
    metrics.times.observe(request.method, exchange.status, seconds)
    # One in eight, for measuring costs as much as a hundredth of a request. Not the first: it
    # mostly has to wait for a connection.
    if number & 7 == 2 and not exchange.waited and exchange.upload is None:
        port.overhead.observe(seconds - exchange.upstream_seconds)
    log = port.json_log
    if log is None:
        if port.combined_log is not None:
            _write_combined(port, exchange)
        return
    token, trace = allow.token, exchange.trace
    sent_bytes, received_bytes = exchange.sent_bytes, 0
    if not request.is_plain:
        sent_bytes, received_bytes = sizes_of(exchange)
    log.write(
        format_allowed(
            time(),
            exchange.id,
            b"" if trace is None else trace.trace_id,
            exchange.client.peer_bytes
            if request.is_plain
            else address_of(port, exchange.client, request),
            request.method,
            request.fields.host,
            split_path(request.target),
            state.names,
            exchange.status,
            NULL if token is None else token.log_subject,
            NULL if token is None else port.issuer_names[token.issuer.name],
            sent_bytes,
            received_bytes,
            seconds * 1000,
            exchange.upstream_seconds * 1000,
        )
    )


def record_refused(  # noqa: PLR0913, PLR0917 - what an exchange would hold
    port: Port,
    client: Client,
    request: Request,
    request_id: bytes,
    trace: Trace | None,
    deny: Deny,
    received_bytes: int,
    at: float,
    seconds: float,
) -> None:
    """Count a request that a route refused, and write its line.

    It was refused *at* (seconds since the epoch), *seconds* after it came.
    """
    reason = deny.reason
    state = port.no_route if deny.route is None else port.routes[deny.route.index]
    state.metrics.answer_refusal(request.method, reason, seconds)
    token = deny.token
    line = format_refused(
        at,
        request_id,
        b"" if trace is None else trace.trace_id,
        client.peer_bytes if request.is_plain else address_of(port, client, request),
        request.method,
        request.fields.host,
        split_path(request.target),
        recall_reason(state.names, reason, deny.detail)
        if deny.wanted_key is None
        else format_reason(state.names, reason, _detail(port, deny)),
        NULL if token is None else token.log_subject,
        NULL if token is None else port.issuer_names[token.issuer.name],
        received_bytes,
        seconds * 1000,
    )
    if len(line) <= MAX_LINE_BYTES:
        port.access_log.recent.keep(line)
    log = port.json_log
    if log is not None:
        log.write(line)
    else:
        write_combined(port, client, request, reason.status, 0, token)


def _record_unusual(port: Port, exchange: Recorded, seconds: float) -> None:
    allow, deny = exchange.allow, exchange.deny
    would_deny = None if allow is None else allow.would_deny
    route = route_of(exchange)
    state = port.no_route if route is None else port.routes[route.index]
    if deny is not None:
        state.metrics.refuse(deny.reason)
        if deny.reason in _UPSTREAM_FAILURES and isinstance(state, RouteState):
            state.pool.counts.fail(deny.reason)
    elif allow is not None or exchange.status != CLIENT_GONE:  # else nothing was decided
        state.metrics.allowed += 1
    if would_deny is not None:
        state.metrics.report(would_deny.reason)
    state.metrics.times.observe(exchange.request.method, exchange.status, seconds)
    is_refusal = deny is not None or would_deny is not None
    log = port.json_log
    if is_refusal or log is not None:
        line = _unusual_line(port, state, exchange, would_deny, seconds)
        if is_refusal and len(line) <= MAX_LINE_BYTES:
            port.access_log.recent.keep(line)
        if log is not None:
            log.write(line)
            return
    _write_combined(port, exchange)


def _unusual_line(
    port: Port, state: Unrouted, exchange: Recorded, would_deny: Deny | None, seconds: float
) -> bytes:
    deny, request, trace = exchange.deny, exchange.request, exchange.trace
    told = deny if deny is not None else would_deny
    token = token_of(exchange)
    sent_bytes, received_bytes = sizes_of(exchange)
    upstream_seconds = exchange.upstream_seconds
    return format_line(
        time(),
        exchange.id,
        b"" if trace is None else trace.trace_id,
        address_of(port, exchange.client, request),
        request.method.encode(),
        request.fields.host,
        split_path(request.target),
        state.name,
        state.upstream,
        exchange.status,
        deny.reason if deny is not None else None,
        NULL if told is None else _detail(port, told),
        NULL if token is None else token.log_subject,
        NULL if token is None else port.issuer_names[token.issuer.name],
        sent_bytes,
        received_bytes,
        seconds * 1000,
        None if upstream_seconds is None else upstream_seconds * 1000,
        None if would_deny is None else would_deny.reason,
    )


def _write_combined(port: Port, exchange: Recorded) -> None:
    client, request, status = exchange.client, exchange.request, exchange.status
    write_combined(port, client, request, status, sizes_of(exchange)[0], token_of(exchange))


def _detail(port: Port, deny: Deny) -> Json:
    wanted = deny.wanted_key
    if wanted is None:
        return quote_common(deny.detail)
    # Said by itself each time: clients can make up as many key ids as they like.
    return quote(f"{deny.detail}; {port.explain_key(wanted)}")
