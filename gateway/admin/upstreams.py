"""Show how services do: each server, its addresses, and what is kept from it."""

from collections.abc import Mapping
from typing import Any

from gateway.settings.values.configuration import Upstream
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics


def upstream_statuses(
    upstreams: Mapping[str, Upstream], metrics: Mapping[str, UpstreamMetrics]
) -> list[Mapping[str, object]]:
    """Return what ``/status`` shows of all *upstreams* that are counted."""
    return [_upstream(one, metrics[name]) for name, one in upstreams.items() if name in metrics]


def _upstream(upstream: Upstream, metrics: UpstreamMetrics) -> Mapping[str, object]:
    # Of the parts that it does not use, nothing is shown.
    balancing = upstream.balancing
    shown: dict[str, Any] = {
        "name": upstream.name,
        "opened": metrics.opened_to_all,
        "reused": metrics.reused_to_all,
        "balance": balancing.balance.value,
        "servers": [
            _server(metrics.servers[server.authority])
            for server in upstream.servers
            if server.authority in metrics.servers
        ],
        "retries": metrics.retries,
        "panics": metrics.panics,
    }
    if balancing.max_connections is not None:
        shown["queued"] = metrics.queued
    if balancing.target_seconds is not None:
        shown["requests_allowed"] = metrics.allowed
    if balancing.breaker is not None:
        shown["breakers_open"] = metrics.breakers_open
    return shown


def _server(server: ServerMetrics) -> Mapping[str, object]:
    return {
        "server": server.name,
        "requests": server.opened + server.reused,
        "failures": server.failures,
        "in_flight": server.in_flight,
        "connections": server.connections,
        "addresses": [
            {"address": address, "state": state.word, "detail": server.details.get(address)}
            for address, state in server.addresses.items()
        ],
    }
