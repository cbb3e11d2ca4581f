"""Serve requests: the data side of one process, with its listener, its log and its counts."""

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.admission import Keys
from gateway.decision.revocation import RevocationLists
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

    *keys* and *lists* are live: whoever fetches them keeps them current. *pseudonym* is how the
    gateway calls itself in Via, the same in all of its processes. *is_one_of_several* processes
    that write to one access log. *limiter* counts requests where Redis does not.
    *identity_names* are the aliases of what former configurations of the gateway, under which
    this process did not serve, wrote about callers.
    """

    def __init__(  # noqa: PLR0913 - built in two places, by name
        self,
        settings: Settings,
        keys: Keys,
        lists: RevocationLists,
        clocks: Clocks = MACHINE_CLOCKS,
        *,
        pseudonym: bytes | None = None,
        is_one_of_several: bool = False,
        limiter: Limiter | None = None,
        identity_names: frozenset[bytes] = frozenset(),
    ) -> None:
        self._clocks = clocks
        self._pseudonym = pseudonym or new_pseudonym()
        self._access_log = AccessLog(_stream(settings.access_log), shared=is_one_of_several)
        self._metrics = Metrics()
        self._spans = SpanExporter(self._metrics)
        self._limiters = Limiters(limiter or MemoryLimiter())
        self._prepared: tuple[Settings, Contexts] | None = None
        self._former_names = identity_names
        self._serving = self._make_serving(settings, keys, lists, None)
        serving = self._serving
        addresses = [one.address for one in settings.listen]
        self._listener = Listener(addresses, serving.tls, serving.port, serving.pools)

    def _make_serving(
        self, settings: Settings, keys: Keys, lists: RevocationLists, former: Serving | None
    ) -> Serving:
        self._spans.use(settings.tracing)
        prepared, self._prepared = self._prepared, None
        return make_serving(
            settings,
            keys,
            lists,
            self._metrics,
            self._access_log,
            former,
            self._clocks,
            self._pseudonym,
            self._spans.add,
            prepared[1] if prepared is not None and prepared[0] is settings else None,
            self._limiters.use(settings.rate_limiting.redis),
            self._former_names,
        )

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Return the hosts and ports of the data port, once started."""
        return self._listener.addresses

    @property
    def pseudonym(self) -> bytes:
        """Return how the gateway calls itself in Via."""
        return self._pseudonym

    @property
    def identity_names(self) -> frozenset[bytes]:
        """Return the aliases of the identity headers of all configurations so far."""
        return self._serving.identity_names

    @property
    def is_started(self) -> bool:
        """Say whether connections are taken, or were until the drain."""
        return self._listener.is_started

    @property
    def is_draining(self) -> bool:
        """Say whether it is ending in order."""
        return self._serving.port.is_draining

    async def start(self, sockets: Sequence[Sequence[socket.socket]] = ()) -> None:
        """Listen: see ``Listener.start``; raises OSError where an address cannot be had."""
        preload()
        await self._listener.start(sockets)

    async def prepare(self, settings: Settings) -> str | None:
        """Make ready what takes long, or can fail; return None, or why ``use`` would fail."""
        try:
            # In a thread: certificates by the hundred take their time.
            contexts = await start_thread(lambda: make_tls(settings, self._serving), "tls")
            self._prepared = (settings, contexts)
        except OSError as error:  # ssl.SSLError is among them
            return f"cannot speak TLS: {error.strerror or error}"
        return None

    def use(self, settings: Settings, keys: Keys, lists: RevocationLists) -> None:
        """Go on under *settings*, all at once: no request sees a half of each configuration.

        Requests that were decided before finish as they began; no other does, nor one that
        waits for a key meanwhile.
        """
        serving = self._make_serving(settings, keys, lists, self._serving)
        self._listener.use(serving.tls, serving.port, serving.pools)
        self._serving = serving
        self.compare_streams()

    def compare_streams(self) -> None:
        """End the streams whose token is on a revocation list by now."""
        self._serving.port.streams.check_revocation()

    def counts(self) -> Metrics:
        """Return all counts as they stand; they go on counting."""
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
        """Return the members of the log line of a refusal, if it is still remembered."""
        return self._access_log.recent.find(request_id)

    async def drain(self, *, delays: bool = True) -> None:
        """Take leave of all clients: see ``Listener.drain``; unless it *delays*, at once."""
        settings = self._serving.settings
        delay_seconds = settings.drain_delay_seconds if delays else 0.0
        await self._listener.drain(
            settings.drain_seconds, delay_seconds, settings.drain_streams_seconds
        )

    async def stop(self) -> None:
        """End everything; what is still under way is cut off."""
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
