"""Show upstreams, certificates, rate limits and report-only settings in ``/status``."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.introspection.live_introspection import IntrospectionStatus
from gateway.service_tokens.exchanges import Exchanges
from gateway.service_tokens.live_tokens import LiveServiceTokens
from gateway.service_tokens.own_token import OwnTokenStatus
from gateway.settings.values.configuration import ServiceGrant, Settings, Upstream
from gateway.settings.values.rates import RateLimiting
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics
from gateway.tls.certificate import Certificate


def upstream_statuses(
    upstreams: Mapping[str, Upstream], metrics: Mapping[str, UpstreamMetrics]
) -> list[Mapping[str, object]]:
    """Return the status of all *upstreams* that have counts."""
    return [_upstream(one, metrics[name]) for name, one in upstreams.items() if name in metrics]


def _upstream(upstream: Upstream, metrics: UpstreamMetrics) -> Mapping[str, object]:
    # Features that the upstream does not use are left out.
    balancing = upstream.balancing
    shown: dict[str, Any] = {
        "name": upstream.name,
        "opened": metrics.opened_to_all,
        "reused": metrics.reused_to_all,
        "protocol": upstream.protocol.value,
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


def certificates_in_use(settings: Settings) -> tuple[Certificate, ...]:
    """Return the certificates that are presented to clients and upstreams, each file once."""
    return tuple({one.file: one for one in _certificates(settings)}.values())


def _certificates(settings: Settings) -> Iterator[Certificate]:
    for listen in settings.listen:
        if listen.tls is not None:
            yield from listen.tls.certificates
    for upstream in settings.upstreams.values():
        if upstream.tls is not None and upstream.tls.certificate is not None:
            yield upstream.tls.certificate


def certificate_status(certificate: Certificate, now: float) -> Mapping[str, object]:
    """Return the status of a certificate at *now*, in seconds since the epoch."""
    return {
        "certificate": certificate.file,
        "names": list(certificate.names),
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "expires_in_seconds": certificate.not_after - now,
    }


def rate_limit_status(settings: RateLimiting, metrics: Metrics) -> Mapping[str, object]:
    """Return the status of rate limits; the member ``redis`` is None if not configured."""
    redis = settings.redis
    return {
        "limits": {name: metrics.rate_limited.get(name, 0) for name in settings.limits},
        "redis": None
        if redis is None
        else {
            "answers": metrics.rate_limits_without_redis == 0,
            "on_failure": redis.on_failure.value,
            "failures": metrics.rate_limit_failures,
        },
    }


def report_only(settings: Settings) -> Mapping[str, object]:
    """Return the names of the routes and issuers that only report."""
    routes = settings.policy.routes.routes
    return {
        "routes": [route.name for route in routes if route.reports],
        "issuers": [name for name, one in settings.issuers.items() if one.issuer.reports],
    }


def introspection_status(one: IntrospectionStatus) -> Mapping[str, object]:
    """Return what ``/status`` shows of an issuer that is asked about its tokens."""
    return {"issuer": one.name, "remembered": one.remembered, "last_error": one.last_error}


def service_token_statuses(tokens: LiveServiceTokens) -> list[Mapping[str, object]]:
    """Return the status of the credentials of each upstream that has some."""
    own = [_own(one) for one in tokens.status()]
    return own + [_exchanges(name, one) for name, one in tokens.exchanges.items()]


def _own(token: OwnTokenStatus) -> Mapping[str, object]:
    return {
        "upstream": token.name,
        "grant": ServiceGrant.CLIENT_CREDENTIALS.value,
        "loaded": token.loaded,
        "age_seconds": token.age_seconds,
        "expires_in_seconds": token.expires_in_seconds,
        "failures_in_a_row": token.failures_in_a_row,
        "last_error": token.last_error,
    }


def _exchanges(name: str, exchanges: Exchanges) -> Mapping[str, object]:
    return {
        "upstream": name,
        "grant": ServiceGrant.TOKEN_EXCHANGE.value,
        "kept": len(exchanges),
        "failures_in_a_row": exchanges.failures_in_a_row,
        "last_error": exchanges.last_error,
    }
