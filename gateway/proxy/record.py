"""Write down what became of a request: the only place that does."""

from time import monotonic
from typing import Protocol

from gateway.decision.verdict import Allow, Deny
from gateway.proxy.forwarding import client_address
from gateway.proxy.port import Port
from gateway.proxy.request import Request
from gateway.proxy.tunnel import Tunnel
from gateway.proxy.upload import Upload
from gateway.telemetry.access_log import format_line
from gateway.telemetry.quoting import NULL


class Peer(Protocol):
    """The connection an exchange came on."""

    peer: str


class Recorded(Protocol):
    """What is written down of an exchange."""

    @property
    def client(self) -> Peer:
        """Return the connection it came on."""

    id: bytes
    request: Request
    allow: Allow | None
    deny: Deny | None
    status: int
    started_at: float
    sent_bytes: int
    upload: Upload | None
    tunnel: Tunnel | None
    upstream_seconds: float | None


def record(port: Port, exchange: Recorded) -> None:
    """Count *exchange* and write its line."""
    seconds = monotonic() - exchange.started_at
    allow = exchange.allow
    deny = exchange.deny
    route = allow.route if allow is not None else deny.route if deny is not None else None
    metrics = port.metrics
    if route is None:
        counts, name, upstream = metrics.no_route, NULL, NULL
    else:
        state = port.routes[route.index]
        counts, name, upstream = metrics.routes[route.index], state.name, state.upstream
    if deny is None:
        counts.allowed += 1
    else:
        counts.refuse(deny.reason)
    counts.observe(exchange.status, seconds)
    if not port.access_log.enabled:
        return
    sent_bytes, received_bytes = exchange.sent_bytes, 0
    if exchange.upload is not None:
        received_bytes = exchange.upload.received_bytes
    elif exchange.tunnel is not None:
        sent_bytes = exchange.tunnel.from_server_bytes
        received_bytes = exchange.tunnel.from_client_bytes
    token = allow.token if allow is not None else deny.token if deny is not None else None
    request = exchange.request
    upstream_seconds = exchange.upstream_seconds
    port.access_log.write(
        format_line(
            port.clock(),
            exchange.id,
            _client(port, exchange.client.peer, request),
            request.method.encode(),
            request.fields.host,
            request.target.partition(b"?")[0],
            name,
            upstream,
            exchange.status,
            deny.reason if deny is not None else None,
            deny.detail if deny is not None else None,
            NULL if token is None else token.log_subject,
            NULL if token is None else port.issuer_names[token.issuer.name],
            sent_bytes,
            received_bytes,
            seconds * 1000,
            None if upstream_seconds is None else upstream_seconds * 1000,
        )
    )


def _client(port: Port, peer: str, request: Request) -> bytes:
    if request.fields.incoming is None or not port.trusted_proxies:
        return peer.encode()
    return client_address(peer, request.fields.incoming.x_for, port.trusted_proxies).encode()
