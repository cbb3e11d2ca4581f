"""Expose the counts to Prometheus, with those of keys, lists, processes and reloads."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.families import counter, gauge
from gateway.telemetry.metrics.introspection import IntrospectionMetrics, introspection_families
from gateway.telemetry.metrics.load import load_families
from gateway.telemetry.metrics.logins import LoginMetrics, login_families, session_families
from gateway.telemetry.metrics.processes import process_families
from gateway.telemetry.metrics.reloads import ReloadMetrics, reload_families
from gateway.telemetry.metrics.reports import (
    IssuerMetrics,
    RevocationMetrics,
    issuer_families,
    memo_families,
    revocation_families,
)
from gateway.telemetry.metrics.routes import route_families
from gateway.telemetry.metrics.service_tokens import (
    HeldToken,
    ServiceTokenMetrics,
    no_service_tokens,
    service_token_families,
)
from gateway.telemetry.metrics.upstreams import upstream_families

_VERSION = ("version",)


class Exposition:
    """What the whole gateway exposes beside the counts of its data port.

    Every callable is called at each scrape, possibly on another thread. *certificates* are the
    seconds until each file expires, *pids* those of the gateway's processes, *restarts* how often
    each worker was replaced, and *digest* is that of the live configuration.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        *,
        issuers: Callable[[], Iterable[IssuerMetrics]],
        revocations: Callable[[], Iterable[RevocationMetrics]],
        pids: Callable[[], Sequence[int]],
        restarts: Callable[[], Sequence[int]],
        is_ready: Callable[[], bool],
        digest: Callable[[], str],
        certificates: Callable[[], Iterable[tuple[str, float]]] = tuple,
        logins: Callable[[], LoginMetrics] = LoginMetrics,
        service_tokens: Callable[
            [], tuple[ServiceTokenMetrics, Iterable[HeldToken]]
        ] = no_service_tokens,
        introspection: Callable[[], IntrospectionMetrics] = IntrospectionMetrics,
        started_at: float = 0.0,
    ) -> None:
        self.reloads = ReloadMetrics(started_at)
        self.issuers = issuers
        self.revocations = revocations
        self.pids = pids
        self.restarts = restarts
        self.is_ready = is_ready
        self.digest = digest
        self.certificates = certificates
        self.logins = logins
        self.service_tokens = service_tokens
        self.introspection = introspection

    def expose(self, metrics: Metrics) -> bytes:
        """Return all metrics in Prometheus' text format; safe to call from another thread."""
        registry = CollectorRegistry()
        registry.register(_Families(self, metrics))
        return generate_latest(registry)


class _Families(Collector):
    """Read the counts at each scrape, so that counting costs no more than an addition.

    Every dict that the event loop may grow is copied first, which is atomic in CPython.
    """

    def __init__(self, exposition: Exposition, metrics: Metrics) -> None:
        self._exposition = exposition
        self._metrics = metrics

    def describe(self) -> Iterator[Metric]:
        """Yield nothing, so that registering does not ask for counts before there are any."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield every family of ``docs/metrics.md``."""
        exposition, metrics = self._exposition, self._metrics
        yield gauge("gateway_build_info", "The running version.", [((__version__,), 1)], _VERSION)
        is_ready = int(exposition.is_ready())
        yield gauge("gateway_ready", "1 if traffic should be sent here.", [((), is_ready)])
        yield from route_families(tuple(metrics.routes))
        yield from load_families(metrics.load)
        yield from _rate_limit_families(metrics)
        yield from _concurrency_limit_families(metrics)
        yield from _connection_families(metrics)
        yield from upstream_families(tuple(metrics.upstreams.values()))
        yield from issuer_families(tuple(exposition.issuers()))
        yield from revocation_families(tuple(exposition.revocations()))
        yield from _certificate_families(exposition.certificates())
        yield from login_families(exposition.logins())
        yield from service_token_families(*exposition.service_tokens())
        yield from introspection_families(exposition.introspection())
        yield from memo_families(metrics)
        yield from session_families(metrics)
        yield counter(
            "gateway_access_log_dropped",
            "Dropped access log lines.",
            [((), metrics.log_dropped)],
        )
        yield from _span_families(metrics)
        yield gauge(
            "gateway_config_info",
            "Always 1; the label is the digest of the live configuration.",
            [((exposition.digest(),), 1)],
            ("digest",),
        )
        yield from reload_families(exposition.reloads)
        yield from _worker_families(exposition.restarts())
        yield from process_families(exposition.pids())


def _rate_limit_families(metrics: Metrics) -> Iterator[Metric]:
    yield counter(
        "gateway_rate_limited",
        "Requests refused by a rate limit; of several, by the one with the longest wait.",
        [((name,), refused) for name, refused in sorted(metrics.rate_limited.copy().items())],
        ("limit",),
    )
    yield counter(
        "gateway_rate_limit_failures",
        "Requests that Redis did not count.",
        [((), metrics.rate_limit_failures)],
    )
    yield gauge(
        "gateway_rate_limit_processes_without_redis",
        "Processes that currently do not use Redis because it does not respond.",
        [((), metrics.rate_limits_without_redis)],
    )


def _concurrency_limit_families(metrics: Metrics) -> Iterator[Metric]:
    yield counter(
        "gateway_requests_shed",
        "Requests refused because a concurrency limit was reached.",
        [((kind,), count) for kind, count in sorted(metrics.shed.copy().items())],
        ("limit",),
    )


def _connection_families(metrics: Metrics) -> Iterator[Metric]:
    for name, words, value in (
        ("http_server_active_requests", "Requests in flight.", metrics.requests_in_flight),
        ("gateway_connections_open", "Open client connections.", metrics.connections_open),
        (
            "gateway_connections_limit",
            "Maximum number of open client connections.",
            metrics.connections_limit,
        ),
        ("gateway_tunnels_open", "Open upgraded connections.", metrics.tunnels_open),
    ):
        yield gauge(name, words, [((), value)])
    for name, words, value in (
        ("gateway_connections", "Accepted client connections.", metrics.connections_total),
        (
            "gateway_connections_refused",
            "Client connections closed at once because the limit was reached.",
            metrics.connections_refused,
        ),
        (
            "gateway_connections_refused_by_address",
            "Client connections closed at once because the limit of their address was reached.",
            metrics.connections_refused_by_address,
        ),
        (
            "gateway_http2_connections",
            "Client connections that speak HTTP/2.",
            metrics.http2_connections,
        ),
        (
            "gateway_http2_streams_refused",
            "Streams of HTTP/2 refused because their connection had too many open.",
            metrics.http2_streams_refused,
        ),
    ):
        yield counter(name, words, [((), value)])
    yield counter(
        "gateway_http2_connections_ended",
        "Client connections of HTTP/2 that the gateway ended because of what the client sent.",
        [((cause,), count) for cause, count in sorted(metrics.http2_ended.copy().items())],
        ("cause",),
    )


def _certificate_families(seconds_left: Iterable[tuple[str, float]]) -> Iterator[Metric]:
    yield gauge(
        "gateway_tls_certificate_expiry_seconds",
        "Time until the certificate expires; negative after that.",
        [((file,), seconds) for file, seconds in seconds_left],
        ("certificate",),
    )


def _span_families(metrics: Metrics) -> Iterator[Metric]:
    yield counter(
        "gateway_spans_exported",
        "Spans that the collector accepted.",
        [((), metrics.spans_exported)],
    )
    yield counter(
        "gateway_spans_dropped",
        "Dropped spans, by cause.",
        [
            (("queue_full",), metrics.spans_dropped_full),
            (("collector",), metrics.spans_dropped_collector),
        ],
        ("cause",),
    )


def _worker_families(restarts: Sequence[int]) -> Iterator[Metric]:
    """Yield the families about workers; *restarts* has a number for each."""
    yield gauge("gateway_workers", "Worker processes.", [((), len(restarts))])
    yield counter(
        "gateway_worker_restarts",
        "Workers that exited and were, or will be, replaced.",
        [((), sum(restarts))],
    )
