"""Build every object of one gateway process, and start and stop them in order."""

import asyncio
import sys
import time
from collections.abc import Mapping

from gateway import __version__
from gateway.admin.decisions import remembered_decision
from gateway.admin.issuers import issuer_metrics, issuer_readiness, issuer_status
from gateway.admin.live import explain_live
from gateway.admin.question import Question
from gateway.admin.report_only import report_only
from gateway.admin.revocations import revocation_metrics, revocation_readiness, revocation_status
from gateway.admin.server import AdminServer, Readiness
from gateway.fetching.clock import Clock, SystemClock
from gateway.http.rehearsal import Rehearsal
from gateway.keyring.keyring import Keyring
from gateway.proxy.listener import Listener
from gateway.proxy.streams import MACHINE_CLOCKS, Clocks
from gateway.reload import LastAttempt, needs_restart
from gateway.revocation.revocations import Revocations
from gateway.serving import Serving, make_serving
from gateway.settings.values import AccessLogTarget, Settings
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.reports import IssuerMetrics, MemoMetrics, RevocationMetrics

# How long the last lines of the access log may take to be read when we end.
_LOG_CLOSE_SECONDS = 2.0


class Gateway:
    """One gateway: the data port, the admin port, and what they stand on.

    Build it inside a running event loop; ``start`` it, and ``stop`` it in the end.
    """

    def __init__(
        self,
        settings: Settings,
        clocks: Clocks = MACHINE_CLOCKS,
        fetch_clock: Clock | None = None,
    ) -> None:
        self._started_at = time.time()
        self._clocks = clocks
        self._fetch_clock = fetch_clock or SystemClock()
        self._access_log = AccessLog(_stream(settings.access_log))
        self._metrics = Metrics(
            issuers=self._issuer_metrics,
            revocations=self._revocation_metrics,
            memo=self._memo_metrics,
            log_dropped=lambda: self._access_log.dropped,
        )
        self._serving = self._make_serving(settings, *self._make_fetched(settings))
        self._listener = Listener(settings.listen, self._serving.port, self._serving.pools)
        self._admin = None if settings.admin is None else AdminServer(settings.admin, self)
        self._last_attempt = LastAttempt(settings.digest)
        self._reloading = asyncio.Lock()

    def _make_fetched(self, settings: Settings) -> tuple[Keyring, Revocations]:
        clock = self._fetch_clock
        lists = Revocations(settings.revocations, self._compare_streams, clock=clock)
        return Keyring(settings.issuers, clock=clock), lists

    def _make_serving(
        self,
        settings: Settings,
        keyring: Keyring,
        revocations: Revocations,
        former: Serving | None = None,
    ) -> Serving:
        metrics, access_log = self._metrics, self._access_log
        return make_serving(
            settings, keyring, revocations, metrics, access_log, former, self._clocks
        )

    def _compare_streams(self) -> None:
        self._serving.port.streams.compare()

    @property
    def data_address(self) -> tuple[str, int]:
        """Return the host and port of the data port, once started."""
        return self._listener.address

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Return the host and port of the admin port, once started; None where it is off."""
        return None if self._admin is None else self._admin.address

    async def start(self) -> None:
        """Fetch keys and lists, then listen; raises OSError where an address cannot be had."""
        if self._admin is not None:
            await self._admin.start()
        await asyncio.gather(self._serving.keyring.start(), self._serving.revocations.start())
        await self._listener.start()

    async def drain(self) -> None:
        """Be not ready any more, take no new connections, let requests under way finish."""
        await self._listener.drain(self._serving.settings.drain_seconds)

    async def stop(self) -> None:
        """End everything; what is still under way is cut off. Not during a ``reload``."""
        await self._listener.stop()
        if self._admin is not None:
            await self._admin.stop()
        await asyncio.gather(self._serving.keyring.close(), self._serving.revocations.close())
        self._access_log.close(_LOG_CLOSE_SECONDS)

    # --- another configuration

    async def reload(self, settings: Settings) -> str | None:
        """Go on under *settings*; return None, or why not: then everything stays as it was.

        Requests that were decided before finish as they began; no other does, nor one that
        waits for a key meanwhile. Reloads that overlap take their turns.
        """
        async with self._reloading:
            former = self._serving
            refusal = needs_restart(former.settings, settings)
            if refusal is not None:
                self._note("needs_restart", settings.digest, refusal)
                return refusal
            keyring, revocations = self._make_fetched(settings)
            await _succeed(former, keyring, revocations)
            # Nothing below waits: no request sees a half of each configuration.
            serving = self._make_serving(settings, keyring, revocations, former)
            self._listener.use(serving.port, serving.pools)
            self._serving = serving
            self._compare_streams()
            self._note("applied", settings.digest, None)
            await asyncio.gather(former.keyring.retire(), former.revocations.retire())
            return None

    def reject(self, digest: str | None, error: str) -> None:
        """Take note of a configuration that cannot be used; it has no *digest* if not read."""
        self._note("invalid", digest, error)

    def _note(self, outcome: str, digest: str | None, error: str | None) -> None:
        self._metrics.reloads[outcome] += 1
        self._last_attempt.note(digest, error)

    # --- the view of the admin port

    def ready(self) -> Readiness:
        """Return whether traffic should be sent here."""
        issuers = self._serving.keyring.status()
        settings = self._serving.settings
        reasons = [
            f"no keys of issuer {issuer.name}"
            for issuer in issuers
            # What only reports refuses nobody for want of keys: it keeps no traffic away either.
            if not (issuer.loaded or settings.issuers[issuer.name].issuer.reports)
        ]
        lists = self._serving.revocations.status()
        reasons += [
            f"no revocation list {one.name}"
            for one in lists
            if one.is_missed and not _only_reports(settings, one.name)
        ]
        if not self._listener.is_started:
            reasons.append("starting")
        if self._serving.port.is_draining:
            reasons.append("draining")
        return Readiness(
            tuple(reasons),
            tuple(map(issuer_readiness, issuers)),
            tuple(map(revocation_readiness, lists)),
        )

    def status(self) -> Mapping[str, object]:
        """Return what ``/status`` shows."""
        metrics = self._metrics
        return {
            "version": __version__,
            "started_at": self._started_at,
            "uptime_seconds": time.time() - self._started_at,
            "draining": self._serving.port.is_draining,
            "config": self._last_attempt.status(self._serving.settings.digest),
            "report_only": report_only(self._serving.settings),
            "issuers": [issuer_status(issuer) for issuer in self._serving.keyring.status()],
            "revocations": [revocation_status(one) for one in self._serving.revocations.status()],
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

    async def explain(self, question: Question) -> Mapping[str, object]:
        """Return what would become of a request now, as ``POST /explain`` shows it."""
        serving = self._serving
        rehearsal = Rehearsal(serving.settings, question.client, serving.port.pseudonym)
        lists, clock = serving.revocations.lists, self._clocks.wall
        return await explain_live(question, rehearsal, serving.keyring, lists, clock)

    def decision(self, request_id: str) -> Mapping[str, object] | None:
        """Return what is remembered of a refusal, as ``/decisions`` shows it."""
        line = self._access_log.recent.find(request_id)
        policy = self._serving.settings.policy
        return None if line is None else remembered_decision(line, policy)

    def _issuer_metrics(self) -> list[IssuerMetrics]:
        return [issuer_metrics(issuer) for issuer in self._serving.keyring.status()]

    def _revocation_metrics(self) -> list[RevocationMetrics]:
        return [revocation_metrics(one) for one in self._serving.revocations.status()]

    def _memo_metrics(self) -> MemoMetrics:
        memo = self._serving.memo
        return MemoMetrics(memo.hits, memo.misses, len(memo))


async def _succeed(former: Serving, keyring: Keyring, revocations: Revocations) -> None:
    """Have all keys and lists in hand before any request asks for them."""
    keyring.take_over(former.keyring)
    revocations.take_over(former.revocations)
    try:
        await asyncio.gather(keyring.start(), revocations.start())
    except BaseException:  # cancelled: the gateway is ending
        await asyncio.gather(keyring.close(), revocations.close())
        raise


def _only_reports(settings: Settings, list_name: str) -> bool:
    """Say whether nobody is refused for want of this revocation list."""
    issuers = settings.revocations[list_name].rule.issuers
    return all(settings.issuers[name].issuer.reports for name in issuers)


def _stream(target: AccessLogTarget) -> int | None:
    match target:
        case AccessLogTarget.STDOUT:
            return sys.stdout.fileno()
        case AccessLogTarget.STDERR:
            return sys.stderr.fileno()
        case AccessLogTarget.NONE:
            return None
