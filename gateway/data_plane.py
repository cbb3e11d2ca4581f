"""Serve requests: the data plane of one process, with its listener, log and counts."""

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.central import Central
from gateway.fetching.thread import start_thread
from gateway.limits.limiter import Limiter, MemoryLimiter
from gateway.limits.redis_limiter import Limiters
from gateway.preload import preload
from gateway.proxy.concurrency.concurrency_limits import report_adaptive_limits
from gateway.proxy.listener.listener import Listener
from gateway.proxy.port import new_pseudonym
from gateway.proxy.streams.open_streams import MACHINE_CLOCKS, Clocks
from gateway.serving import Serving, make_serving, make_tls
from gateway.settings.values.configuration import AccessLogTarget, Settings
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.tracing.span_exporter import SpanExporter
from gateway.tls.contexts import Contexts

# How long the last lines of the access log may take to be read when we end.
_LOG_CLOSE_SECONDS = 2.0
# And the last spans to be taken.
_SPANS_CLOSE_SECONDS = 2.0


class DataPlane:
    """What one process serves with; build it inside a running event loop.

    *pseudonym* is the gateway's name in Via, the same in all of its processes. *is_one_of_several*
    says that other processes write to the same access log. *limiter* counts requests that Redis
    does not count. *identity_names* are the aliases of the identity headers of former
    configurations, under which this process did not serve, and *had_logins* says whether one of
    these had logins.
    """

    def __init__(  # noqa: PLR0913 - built in two places, by name
        self,
        settings: Settings,
        central: Central,
        clocks: Clocks = MACHINE_CLOCKS,
        *,
        pseudonym: bytes | None = None,
        is_one_of_several: bool = False,
        limiter: Limiter | None = None,
        identity_names: frozenset[bytes] = frozenset(),
        had_logins: bool = False,
    ) -> None:
        self._clocks = clocks
        self._pseudonym = pseudonym or new_pseudonym()
        self._access_log = AccessLog(_stream(settings.access_log), shared=is_one_of_several)
        self._metrics = Metrics()
        self._spans = SpanExporter(self._metrics)
        self._limiters = Limiters(limiter or MemoryLimiter())
        self._prepared: tuple[Settings, Contexts] | None = None
        self._former_names = identity_names
        self._had_logins = had_logins
        self._serving = self._make_serving(settings, central, None)
        serving = self._serving
        addresses = [one.address for one in settings.listen]
        self._listener = Listener(addresses, serving.tls, serving.port, serving.pools)

    def _make_serving(
        self,
        settings: Settings,
        central: Central,
        former: Serving | None,
    ) -> Serving:
        self._spans.use(settings.tracing)
        prepared, self._prepared = self._prepared, None
        return make_serving(
            settings,
            central,
            self._metrics,
            self._access_log,
            former,
            self._clocks,
            self._pseudonym,
            self._spans.add,
            prepared[1] if prepared is not None and prepared[0] is settings else None,
            self._limiters.use(settings.rate_limiting.redis),
            self._former_names,
            self._had_logins,
        )

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Return the hosts and ports of the data port, once started."""
        return self._listener.addresses

    @property
    def pseudonym(self) -> bytes:
        """Return the gateway's name in Via."""
        return self._pseudonym

    @property
    def identity_names(self) -> frozenset[bytes]:
        """Return the aliases of the identity headers of all configurations so far."""
        return self._serving.identity_names

    @property
    def had_logins(self) -> bool:
        """Return whether any configuration so far has had logins."""
        return self._serving.had_logins

    @property
    def is_started(self) -> bool:
        """Return whether connections are accepted, or were until the drain."""
        return self._listener.is_started

    @property
    def is_draining(self) -> bool:
        """Return whether it is draining."""
        return self._serving.port.is_draining

    async def start(self, sockets: Sequence[Sequence[socket.socket]] = ()) -> None:
        """Listen: see ``Listener.start``; raises OSError if an address is unavailable."""
        preload()
        await self._listener.start(sockets)

    async def prepare(self, settings: Settings) -> str | None:
        """Prepare what takes long or can fail; return None, or why ``use`` would fail."""
        try:
            # In a thread, because hundreds of certificates take long to load.
            contexts = await start_thread(lambda: make_tls(settings, self._serving), "tls")
            self._prepared = (settings, contexts)
        except OSError as error:  # ssl.SSLError is among them
            return f"cannot speak TLS: {error.strerror or error}"
        return None

    def use(self, settings: Settings, central: Central) -> None:
        """Switch to *settings* at once: no request sees parts of two configurations.

        Requests that were decided before finish under the former one; all others do not, also
        those that wait for a key.
        """
        serving = self._make_serving(settings, central, self._serving)
        self._listener.use(serving.tls, serving.port, serving.pools)
        self._serving = serving
        self.compare_streams()

    def compare_streams(self) -> None:
        """End the streams whose token is on a revocation list by now."""
        self._serving.port.streams.check_revocation()

    def counts(self) -> Metrics:
        """Return all counts as they are now; they go on counting."""
        metrics, memo = self._metrics, self._serving.memo
        metrics.requests_in_flight = self._listener.requests_in_flight()
        metrics.memo_hits, metrics.memo_misses = memo.hits, memo.misses
        metrics.memo_entries = len(memo)
        metrics.log_dropped = self._access_log.dropped
        metrics.rate_limit_failures = self._limiters.failures
        metrics.rate_limits_without_redis = int(self._limiters.is_without)
        for pool in self._serving.pools:
            pool.report()
        report_adaptive_limits(self._serving.concurrency_limits, metrics)
        return metrics

    def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the members of the log line of a refusal, if it is still kept."""
        return self._access_log.recent.find(request_id)

    async def drain(self, *, delays: bool = True) -> None:
        """Drain all clients: see ``Listener.drain``; without its delay unless it *delays*."""
        settings = self._serving.settings
        delay_seconds = settings.drain_delay_seconds if delays else 0.0
        await self._listener.drain(
            settings.drain_seconds, delay_seconds, settings.drain_streams_seconds
        )

    async def stop(self) -> None:
        """Stop everything; requests in flight are cut."""
        await self._listener.stop()
        await self._limiters.close()
        await self._spans.close(_SPANS_CLOSE_SECONDS)
        self._access_log.close(_LOG_CLOSE_SECONDS)


def _stream(target: AccessLogTarget) -> int | None:
    match target:
        case AccessLogTarget.STDOUT:
            return sys.stdout.fileno()
        case AccessLogTarget.STDERR:
            return sys.stderr.fileno()
        case AccessLogTarget.NONE:
            return None
