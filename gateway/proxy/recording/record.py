"""Record what became of a request: its counts and its access log line.

Nothing else writes access log lines, in either format.
"""

from time import time
from typing import Final, Protocol

from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Allow, Deny
from gateway.http.reading.request import HTTP_2, VERSIONS, Request
from gateway.http.reading.trace_context import Trace
from gateway.proxy.port import Port, RouteRecord, RouteState
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.telemetry.logs.access_line import (
    format_allowed,
    format_line,
    format_reason,
    format_refused,
    recall_reason,
    with_grpc_status,
    with_http2,
)
from gateway.telemetry.logs.combined_line import format_combined
from gateway.telemetry.logs.quoting import NULL, Json, quote, quote_common
from gateway.telemetry.logs.recent_refusals import MAX_LINE_BYTES

# The status in the access log if the client disconnected before the end of the response.
CLIENT_GONE: Final = 499

_UPSTREAM_FAILURES: Final = frozenset(
    (Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_INVALID, Reason.UPSTREAM_TIMEOUT)
)


class Lasting(Protocol):
    """A response that is a tunnel or an event stream."""

    tunnel: Tunnel | None


class Recorded(Protocol):
    """An exchange, as far as it is recorded."""

    client: Client
    id: bytes
    request: Request
    trace: Trace | None
    allow: Allow | None
    deny: Deny | None
    grpc_status: int | None
    status: int
    started_at: float
    sent_at: float
    sent_bytes: int
    upload: Upload | None
    upstream_seconds: float | None
    waited: bool

    @property
    def stream(self) -> Lasting | None:
        """Return the stream that the response became, if it is one."""


def route_of(exchange: Recorded) -> Route | None:
    """Return the route that allowed the request, or else refused it."""
    allow, deny = exchange.allow, exchange.deny
    return allow.route if allow is not None else deny.route if deny is not None else None


def token_of(exchange: Recorded) -> SignedToken | None:
    """Return the token of the request, if its signature was verified."""
    allow = exchange.allow
    # In report mode the caller is not vouched for, but the token of the refusal may be verified.
    judged = (None if allow is None else allow.would_deny) or allow or exchange.deny
    return None if judged is None else judged.token


def sizes_of(exchange: Recorded) -> tuple[int, int]:
    """Return how many body bytes went to the client, and how many came from it."""
    stream, upload = exchange.stream, exchange.upload
    if stream is not None and stream.tunnel is not None:
        return stream.tunnel.from_server_bytes, stream.tunnel.from_client_bytes
    return exchange.sent_bytes, 0 if upload is None else upload.received_bytes


def record(port: Port, exchange: Recorded, now: float) -> None:
    """Count *exchange*, which ended at *now* (monotonic clock), and write its line."""
    allow = exchange.allow
    seconds = now - exchange.started_at
    deny = exchange.deny
    if (
        deny is not None
        and allow is None
        and deny.route is not None
        and exchange.status == deny.reason.status  # else it was answered by a redirect to a login
        and exchange.grpc_status is None
    ):
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
    log = port.log
    # One in eight, because measuring takes about a hundredth of a request's time. Not the first:
    # it usually waits for a connection.
    if number & 7 == 2 and not exchange.waited and exchange.upload is None:
        log.overhead.observe(seconds - exchange.upstream_seconds)
    json_log = log.json
    if json_log is None:
        if log.combined is not None:
            _write_combined(port, exchange)
        return
    token, trace = allow.token, exchange.trace
    if request.is_plain:
        address = exchange.client.peer.address_bytes
        sent_bytes, received_bytes = exchange.sent_bytes, 0
    else:
        if allow.also is not None or exchange.grpc_status is not None:
            json_log.write(_unusual_line(port, state, exchange, None, seconds))
            return
        address = port.address_of(exchange.client, request)
        sent_bytes, received_bytes = sizes_of(exchange)
    line = format_allowed(
        time(),
        exchange.id,
        b"" if trace is None else trace.trace_id,
        address,
        request.method,
        request.fields.host,
        split_path(request.target),
        state.names,
        exchange.status,
        NULL if token is None else token.log_subject,
        NULL if token is None else log.issuer_names[token.issuer.name],
        sent_bytes,
        received_bytes,
        seconds * 1000,
        exchange.upstream_seconds * 1000,
    )
    json_log.write(line if request.version != HTTP_2 else with_http2(line))


def record_refused(  # noqa: PLR0913, PLR0917 - an exchange would hold them, but there is none
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
    """Count a request that its route refused, and write its line.

    It was refused *at* (seconds since the epoch), *seconds* after its head was complete.
    """
    reason = deny.reason
    state = port.no_route if deny.route is None else port.routes[deny.route.index]
    state.metrics.observe_refusal(request.method, reason, seconds)
    token, log = deny.token, port.log
    line = format_refused(
        at,
        request_id,
        b"" if trace is None else trace.trace_id,
        client.peer.address_bytes if request.is_plain else port.address_of(client, request),
        request.method,
        request.fields.host,
        split_path(request.target),
        format_reason(state.names, reason, _detail(port, deny))
        if deny.is_made_up
        else recall_reason(state.names, reason, deny.detail),
        NULL if token is None else token.log_subject,
        NULL if token is None else log.issuer_names[token.issuer.name],
        received_bytes,
        seconds * 1000,
    )
    if request.version == HTTP_2:
        line = with_http2(line)
    if len(line) <= MAX_LINE_BYTES:
        log.recent.keep(line)
    json_log = log.json
    if json_log is not None:
        json_log.write(line)
    else:
        _write_combined_line(port, client, request, reason.status, 0, token)


def _record_unusual(port: Port, exchange: Recorded, seconds: float) -> None:
    """Record a request without a route, one that failed, and a refusal in report mode."""
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
    log = port.log
    if is_refusal or log.json is not None:
        line = _unusual_line(port, state, exchange, would_deny, seconds)
        if is_refusal and len(line) <= MAX_LINE_BYTES:
            log.recent.keep(line)
        if log.json is not None:
            log.json.write(line)
            return
    _write_combined(port, exchange)


def _unusual_line(
    port: Port, state: RouteRecord, exchange: Recorded, would_deny: Deny | None, seconds: float
) -> bytes:
    deny, request, trace = exchange.deny, exchange.request, exchange.trace
    explained = deny if deny is not None else would_deny
    token = token_of(exchange)
    also = None if exchange.allow is None else exchange.allow.also
    sent_bytes, received_bytes = sizes_of(exchange)
    upstream_seconds = exchange.upstream_seconds
    line = format_line(
        time(),
        exchange.id,
        b"" if trace is None else trace.trace_id,
        port.address_of(exchange.client, request),
        request.method.encode(),
        request.fields.host,
        split_path(request.target),
        state.name,
        state.upstream,
        exchange.status,
        deny.reason if deny is not None else None,
        NULL if explained is None else _detail(port, explained),
        NULL if token is None else token.log_subject,
        NULL if token is None else port.log.issuer_names[token.issuer.name],
        sent_bytes,
        received_bytes,
        seconds * 1000,
        None if upstream_seconds is None else upstream_seconds * 1000,
        None if would_deny is None else would_deny.reason,
        None if also is None else (also.log_subject, port.log.issuer_names[also.issuer.name]),
    )
    if exchange.grpc_status is not None:
        line = with_grpc_status(line, exchange.grpc_status)
    return line if request.version != HTTP_2 else with_http2(line)


def _detail(port: Port, deny: Deny) -> Json:
    wanted = deny.wanted_key
    if wanted is None:
        # Of a login that failed, the detail may be the issuer's, or a stranger's.
        is_new = deny.is_made_up or deny.reason is Reason.LOGIN_FAILED
        return (quote if is_new else quote_common)(deny.detail)
    # Not `quote_common`, which remembers: clients can make up any number of key ids.
    return quote(f"{deny.detail}; {port.log.explain_key(wanted)}")


# --- the combined format


def _write_combined(port: Port, exchange: Recorded) -> None:
    client, request, status = exchange.client, exchange.request, exchange.status
    _write_combined_line(port, client, request, status, sizes_of(exchange)[0], token_of(exchange))


def _write_combined_line(  # noqa: PLR0913, PLR0917 - an exchange would hold them
    port: Port,
    client: Client,
    request: Request,
    status: int,
    sent_bytes: int,
    token: SignedToken | None,
) -> None:
    """Write the line, if the access log has this format; *token* is one that was verified."""
    log, fields = port.log.combined, request.fields
    if log is None:
        return
    log.write(
        format_combined(
            time(),
            port.address_of(client, request),
            None if token is None else token.claims.subject,
            request.method,
            request.target,
            VERSIONS[request.version],
            status,
            sent_bytes,
            fields.first(b"referer"),
            fields.first(b"user-agent"),
        )
    )
