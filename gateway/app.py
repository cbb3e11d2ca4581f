"""Build every object of one gateway process, and start and stop them in order."""

import sys
import time
from collections.abc import Mapping

from gateway import __version__
from gateway.admin.server import AdminServer
from gateway.admission import Admission
from gateway.decision.identity import identity_aliases
from gateway.decision.memo import TokenMemo
from gateway.keyring.keyring import Keyring
from gateway.proxy.listener import Listener
from gateway.proxy.pool import Pool
from gateway.proxy.port import Port, RouteState
from gateway.settings.values import AccessLogTarget, Settings
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.quoting import quote
from gateway.telemetry.reports import IssuerMetrics, MemoMetrics

# How long the last lines of the access log may take to be read when we end.
_LOG_CLOSE_SECONDS = 2.0


class Gateway:
    """One gateway: the data port, the admin port, and what they stand on.

    Build it inside a running event loop; ``start`` it, and ``stop`` it in the end.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started_at = time.time()
        self._keyring = Keyring(settings.issuers)
        self._memo = TokenMemo()
        self._access_log = AccessLog(_stream(settings.access_log))
        self._metrics = Metrics(
            issuers=self._issuer_metrics,
            memo=self._memo_metrics,
            log_dropped=lambda: self._access_log.dropped,
        )
        routes = settings.policy.routes.routes
        self._metrics.use([route.name for route in routes], list(settings.upstreams))
        stall_seconds = settings.timeouts.tunnel_seconds
        self._pools = {
            name: Pool(upstream, stall_seconds, self._metrics.upstreams[name])
            for name, upstream in settings.upstreams.items()
        }
        self._port = self._make_port()
        self._listener = Listener(settings.listen, self._port, list(self._pools.values()))
        self._admin = None if settings.admin is None else AdminServer(settings.admin, self)

    def _make_port(self) -> Port:
        settings = self._settings
        policy = settings.policy
        routes = policy.routes.routes
        return Port(
            admission=Admission(policy, self._keyring, self._memo, time.time),
            routes=[
                RouteState(route, self._pools[route.upstream], self._metrics.routes[route.index])
                for route in routes
            ],
            issuer_names={name: quote(name) for name in settings.issuers},
            identity_aliases=identity_aliases(policy.identity),
            forward_token=policy.identity.forward_token,
            timeouts=settings.timeouts,
            limits=settings.limits,
            trusted_proxies=settings.trusted_proxies,
            metrics=self._metrics,
            access_log=self._access_log,
            is_tls=settings.listen.tls is not None,
        )

    @property
    def data_address(self) -> tuple[str, int]:
        """Return the host and port of the data port, once started."""
        return self._listener.address

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Return the host and port of the admin port, once started; None where it is off."""
        return None if self._admin is None else self._admin.address

    async def start(self) -> None:
        """Fetch keys, then listen; raises OSError where an address cannot be had."""
        if self._admin is not None:
            await self._admin.start()
        await self._keyring.start()
        await self._listener.start()

    async def drain(self) -> None:
        """Be not ready any more, take no new connections, let requests under way finish."""
        await self._listener.drain(self._settings.drain_seconds)

    async def stop(self) -> None:
        """End everything; what is still under way is cut off."""
        await self._listener.stop()
        if self._admin is not None:
            await self._admin.stop()
        await self._keyring.close()
        self._access_log.close(_LOG_CLOSE_SECONDS)

    # --- the view of the admin port

    def ready(self) -> tuple[str, ...]:
        """Return why no traffic should be sent here."""
        reasons = [
            f"no keys of issuer {issuer.name}"
            for issuer in self._keyring.status()
            if not issuer.loaded
        ]
        if self._port.is_draining:
            reasons.append("draining")
        return tuple(reasons)

    def status(self) -> Mapping[str, object]:
        """Return what ``/status`` shows."""
        metrics = self._metrics
        return {
            "version": __version__,
            "started_at": self._started_at,
            "uptime_seconds": time.time() - self._started_at,
            "draining": self._port.is_draining,
            "config": {
                "live_hash": self._settings.digest,
                "attempted_hash": self._settings.digest,
                "last_error": None,
            },
            "issuers": [
                {
                    "name": issuer.name,
                    "source": issuer.source.value,
                    "loaded": issuer.loaded,
                    "kids": issuer.kids,
                    "age_seconds": issuer.age_seconds,
                    "fetches": issuer.fetches,
                    "failures": issuer.failures,
                    "last_error": issuer.last_error,
                    "next_refresh_in_seconds": issuer.next_refresh_in_seconds,
                    "unusable_keys": issuer.unusable,
                }
                for issuer in self._keyring.status()
            ],
            "upstreams": [
                {"name": upstream.name, "opened": upstream.opened, "reused": upstream.reused}
                for upstream in metrics.upstreams.values()
            ],
            "connections": {
                "open": metrics.connections_open,
                "requests_in_flight": self._listener.requests_in_flight(),
                "tunnels": metrics.tunnels_open,
            },
        }

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        self._metrics.requests_in_flight = self._listener.requests_in_flight()
        return self._metrics.expose()

    def _issuer_metrics(self) -> list[IssuerMetrics]:
        return [
            IssuerMetrics(
                issuer.name, len(issuer.kids), issuer.age_seconds, issuer.fetches, issuer.failures
            )
            for issuer in self._keyring.status()
        ]

    def _memo_metrics(self) -> MemoMetrics:
        return MemoMetrics(self._memo.hits, self._memo.misses, len(self._memo))


def _stream(target: AccessLogTarget) -> int | None:
    match target:
        case AccessLogTarget.STDOUT:
            return sys.stdout.fileno()
        case AccessLogTarget.STDERR:
            return sys.stderr.fileno()
        case AccessLogTarget.NONE:
            return None
