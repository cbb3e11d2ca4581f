"""Format the access log line of a request as JSON."""

import time
from functools import lru_cache

from gateway.decision.reason import Reason
from gateway.telemetry.logs.quoting import NULL, Json, quote

# What needs no escaping, neither in a JSON string nor in a terminal. Without `?` and `#`: a query
# or fragment may carry a token, so it takes the slow path and is cut off there.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\?#')

_TRACE_ID = b'"trace_id":"%b",'

_ALLOWED_LINE = (
    b'{"time":"%b","id":"%b",%b"client":"%b","method":"%b","host":"%b","path":"%b",'
    b'%b,"status":%d,"reason":null,"detail":null,"subject":%b,"issuer":%b,'
    b'"sent_bytes":%d,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":%.3f}\n'
)

_REFUSED_LINE = (
    b'{"time":"%b","id":"%b",%b"client":"%b","method":"%b","host":"%b","path":"%b",'
    b'%b,"subject":%b,"issuer":%b,'
    b'"sent_bytes":0,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":null}\n'
)

_ANY_LINE = (
    b'{"time":"%b","id":%b,%b"client":%b,"method":%b,"host":%b,"path":%b,'
    b'"route":%b,"upstream":%b,"status":%d,"reason":%b,%b"detail":%b,"subject":%b,"issuer":%b,'
    b'%b"sent_bytes":%d,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":%b}\n'
)


def format_allowed(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    trace_id: bytes,
    client: bytes,
    method: str,
    host: bytes,
    path: bytes,
    names: bytes,
    status: int,
    subject: bytes,
    issuer: bytes,
    sent_bytes: int,
    received_bytes: int,
    duration_ms: float,
    upstream_ms: float,
) -> bytes:
    """Return the line of an allowed request: ``format_line``, at half the price.

    Only after the decision: *host* and *path* are canonical then, and need no escaping. *names*
    are the members ``route`` and ``upstream``. *trace_id* is hexadecimal; an empty one is left
    out.
    """
    return _ALLOWED_LINE % (
        _stamp(int(now * 1000)), request_id, _TRACE_ID % trace_id if trace_id else b"", client,
        method.encode(), host, path, names,
        status, subject, issuer, sent_bytes, received_bytes, duration_ms, upstream_ms,
    )  # fmt: skip


def format_refused(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    trace_id: bytes,
    client: bytes,
    method: str,
    host: bytes,
    path: bytes,
    outcome: bytes,
    subject: bytes,
    issuer: bytes,
    received_bytes: int,
    duration_ms: float,
) -> bytes:
    """Return the line of a request that its route refused; its head is canonical, as above.

    *outcome* is what ``format_reason`` returns.
    """
    return _REFUSED_LINE % (
        _stamp(int(now * 1000)), request_id, _TRACE_ID % trace_id if trace_id else b"", client,
        method.encode(), host, path, outcome, subject, issuer, received_bytes, duration_ms,
    )  # fmt: skip


def with_http2(line: bytes) -> bytes:
    """Return *line* of a request that came by HTTP/2; of others, no line says the protocol."""
    return line[:-2] + b',"protocol":"h2"}\n'


def with_grpc_status(line: bytes, status: int) -> bytes:
    """Return *line* of a call of gRPC that ended with *status*."""
    return b'%b,"grpc_status":%d}\n' % (line[:-2], status)


def format_reason(names: bytes, reason: Reason, detail: Json) -> bytes:
    """Return the members from ``route`` to ``detail``; *names* are as above."""
    return b'%b,"status":%d,"reason":"%b","detail":%b' % (
        names, reason.status, reason.code.encode(), detail,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def recall_reason(names: bytes, reason: Reason, detail: str) -> bytes:
    """Return ``format_reason`` for one of the few details that a route repeats.

    Never for text that a client can make up: that would evict all others.
    """
    return format_reason(names, reason, quote(detail))


def format_line(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    trace_id: bytes,
    client: bytes,
    method: bytes,
    host: bytes,
    path: bytes,
    route: Json,
    upstream: Json,
    status: int,
    reason: Reason | None,
    detail: Json,
    subject: bytes,
    issuer: Json,
    sent_bytes: int,
    received_bytes: int,
    duration_ms: float,
    upstream_ms: float | None,
    would_deny: Reason | None = None,
    also: tuple[bytes, Json] | None = None,
) -> bytes:
    """Return the line of any request.

    *now* is seconds since the epoch. *request_id* to *path* may hold any bytes, and are empty
    if unknown; a query in *path* is left out. *route*, *upstream*, *detail*, *issuer* and
    *subject* are JSON already: names are quoted once, when they are loaded; none is ``NULL``.
    *trace_id* is as above. *would_deny* is a member only if there is one, and so is *also*: subject
    and issuer of the second token.
    """
    outside = request_id + client + method + host + path
    plain = not outside.translate(None, _PLAIN)
    text = _wrap if plain else quote
    return _ANY_LINE % (
        _stamp(int(now * 1000)), text(request_id), _TRACE_ID % trace_id if trace_id else b"",
        text(client), text(method), text(host),
        text(path if plain else path.partition(b"?")[0].partition(b"#")[0]),
        route, upstream, status,
        NULL if reason is None else b'"%b"' % reason.code.encode(),
        b"" if would_deny is None else b'"would_deny":"%b",' % would_deny.code.encode(),
        detail, subject, issuer,
        b"" if also is None else b'"also":{"subject":%b,"issuer":%b},' % also,
        sent_bytes, received_bytes, duration_ms,
        NULL if upstream_ms is None else b"%.3f" % upstream_ms,
    )  # fmt: skip


def _wrap(plain: bytes) -> bytes:
    return b'"%b"' % plain if plain else NULL


@lru_cache(maxsize=8)
def _stamp(now_ms: int) -> bytes:
    """Return the time as RFC 3339 in UTC; requests of one millisecond share it."""
    return b"%b.%03dZ" % (_second(now_ms // 1000), now_ms % 1000)


@lru_cache(maxsize=8)
def _second(now_seconds: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_seconds)).encode("ascii")
