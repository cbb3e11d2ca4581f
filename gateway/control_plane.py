"""Own what a gateway has once: keys, lists, the admin port and the configuration."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from socket import socket
from typing import Any, Protocol

from gateway import __version__
from gateway.admin.explain import Question, explain_live, remembered_decision
from gateway.admin.issuers import issuer_metrics, issuer_status
from gateway.admin.readiness import Readiness, judge_readiness
from gateway.admin.revocations import revocation_metrics, revocation_status
from gateway.admin.server import AdminServer
from gateway.admin.sessions import login_status
from gateway.admin.status import (
    certificate_status,
    certificates_in_use,
    introspection_status,
    rate_limit_status,
    report_only,
    service_token_statuses,
    upstream_statuses,
)
from gateway.fetched import Fetched
from gateway.fetching.thread import compute_in_thread
from gateway.http.rehearsal import Rehearsal
from gateway.login.session import Session
from gateway.reloading.checks import Inventory, Missing, find_missing, needs_restart
from gateway.reloading.report import LastReload, ReloadOutcome, ReloadReport
from gateway.reloading.requests import ReloadRequests
from gateway.settings.text.disk import Record
from gateway.settings.text.fault import Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import Exposition
from gateway.telemetry.metrics.introspection import IntrospectionMetrics
from gateway.telemetry.metrics.logins import LoginMetrics
from gateway.telemetry.metrics.service_tokens import HeldToken, ServiceTokenMetrics


class Workers(Protocol):
    """What serves requests: this process, or several others."""

    @property
    def is_started(self) -> bool:
        """Return whether connections are accepted, or were until the drain."""

    @property
    def is_draining(self) -> bool:
        """Return whether they are draining."""

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids of the gateway, that of this process first."""

    @property
    def identity_names(self) -> frozenset[bytes]:
        """Return the aliases of the identity headers of all configurations so far."""
        ...

    @property
    def had_logins(self) -> bool:
        """Return whether any configuration so far has had logins."""
        ...

    async def prepare(self, settings: Settings, fetched: Fetched, record: Record) -> str | None:
        """Prepare to switch to *settings*; return None, or which worker cannot and why.

        *record* is what *settings* were read from. If this returns a reason, or is cancelled,
        nothing has changed.
        """

    async def commit(self) -> None:
        """Switch to what was prepared."""

    async def counts(self) -> Metrics:
        """Return the counts of all workers together."""

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the log line of a refusal, as a mapping, if it is still remembered."""

    @property
    def restarts(self) -> Sequence[int]:
        """Return the number of restarts of each worker."""
        ...

    def faults(self) -> Sequence[str]:
        """Return which workers keep crashing, for ``/readyz``."""
        ...

    def status(self) -> Sequence[Mapping[str, object]]:
        """Return the status of each worker."""


class ControlPlane:
    """What a gateway has once, however many processes serve requests.

    *clock* returns seconds since the epoch. *pseudonym* is the name of the gateway in Via.
    *admin_socket* already listens, and replaces the address of the admin port.
    """

    def __init__(  # noqa: PLR0913 - built in two places, by name
        self,
        settings: Settings,
        fetched: Fetched,
        workers: Workers,
        make_fetched: Callable[[Settings], Fetched],
        *,
        pseudonym: bytes,
        clock: Callable[[], float],
        admin_socket: socket | None = None,
    ) -> None:
        self._started_at = time.time()
        self._admin_socket = admin_socket
        self._settings = settings
        self._fetched = fetched
        self._workers = workers
        self._make_fetched = make_fetched
        self._pseudonym = pseudonym
        self._clock = clock
        self._exposition = Exposition(
            issuers=lambda: map(issuer_metrics, self._fetched.keyring.status()),
            revocations=lambda: map(revocation_metrics, self._fetched.revocations.status()),
            certificates=self._seconds_left,
            logins=self._login_metrics,
            service_tokens=self._service_token_metrics,
            introspection=self._introspection_metrics,
            pids=lambda: workers.pids,
            restarts=lambda: workers.restarts,
            is_ready=lambda: not self.ready().not_ready,
            digest=lambda: self._settings.digest,
            started_at=self._started_at,
        )
        self.reload_requests = ReloadRequests()
        self._admin = None
        if settings.admin is not None:
            self._admin = AdminServer(settings.admin, self, self.reload_requests)
        self._last_reload = LastReload(settings.digest, self._started_at)
        self._reloading = asyncio.Lock()
        self._has_loaded_all = False  # the keys and lists that readiness waits for

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Return host and port of the admin port, once started; None if it is off."""
        return None if self._admin is None else self._admin.address

    @property
    def fetched(self) -> Fetched:
        """Return the keys and lists of the live configuration."""
        return self._fetched

    async def start(self) -> None:
        """Open the admin port, then fetch; raise OSError if its address is unavailable."""
        if self._admin is not None:
            await self._admin.start(self._admin_socket)
        await self._fetched.start()

    async def stop(self) -> None:
        """Close the admin port and stop all fetches. Not during a ``reload``."""
        if self._admin is not None:
            await self._admin.stop()
        await self._fetched.close()

    # --- another configuration

    async def reload(
        self,
        settings: Settings,
        record: Record | None = None,
        places: Places | None = None,
        *,
        force: bool = False,
    ) -> str | None:
        """Switch to *settings*; return None, or why not: then nothing has changed.

        *record* is what *settings* were read from, and *places* locate its parts. Overlapping
        reloads run one after the other. If keys or lists of what changes cannot be loaded, the
        previous configuration stays active, except with *force*.
        """
        async with self._reloading:
            refusal = needs_restart(self._settings, settings)
            if refusal is not None:
                self.note(ReloadReport(ReloadOutcome.NEEDS_RESTART, settings.digest, refusal))
                return refusal
            fetched, former = self._make_fetched(settings), self._fetched
            await fetched.succeed(former, settings.reload.wait_seconds)
            missing = find_missing(self._inventory(), _inventory(settings, fetched))
            faults = _locate(missing, places, is_forced=force)
            refused = [one for one in missing if one.is_refused and not force]
            if refused:
                await fetched.close()
                return self._refuse(settings, refused, faults)
            refusal = await self._prepare(settings, fetched, record or Record())
            if refusal is not None:
                self.note(ReloadReport(ReloadOutcome.INVALID, settings.digest, refusal))
                return refusal
            self.ready()  # notes whether it was ready: then it stays so, whatever is required now
            # If this process also serves, `commit` does not suspend: no request sees a mixture.
            try:
                await self._workers.commit()
            except BaseException:  # cancelled: the gateway stops, but the switch has happened
                self._settings, self._fetched = settings, fetched
                await former.close()
                raise
            self._settings, self._fetched = settings, fetched
            self.note(ReloadReport(ReloadOutcome.APPLIED, settings.digest, faults=faults))
            await former.retire()
            return None

    def _inventory(self) -> Inventory:
        return _inventory(self._settings, self._fetched)

    def _refuse(
        self, settings: Settings, refused: Sequence[Missing], faults: tuple[Fault, ...]
    ) -> str:
        refusal = f"{refused[0]}"
        if len(refused) > 1:
            refusal += f" (and {len(refused) - 1} more)"
        outcome = ReloadOutcome.UNAVAILABLE
        self.note(ReloadReport(outcome, settings.digest, refusal, faults))
        return refusal

    async def _prepare(self, settings: Settings, fetched: Fetched, record: Record) -> str | None:
        try:
            refusal = await self._workers.prepare(settings, fetched, record)
        except BaseException:  # cancelled: the gateway stops
            await fetched.close()
            raise
        if refusal is not None:
            await fetched.close()
        return refusal

    def note(self, report: ReloadReport) -> None:
        """Remember the report of a reload, even of one that failed before ``reload`` was called."""
        now = self._clock()
        self._exposition.reloads.count(report.outcome.value, now)
        self._last_reload.note(report, now)

    @property
    def last_report(self) -> ReloadReport:
        """Return the report of the last reload, or of the start."""
        return self._last_reload.report

    # --- the view of the admin port

    def ready(self) -> Readiness:
        """Return whether the gateway is ready for traffic."""
        faults = list(self._workers.faults())
        if not self._workers.is_started:
            faults.append("starting")
        if self._workers.is_draining:
            faults.append("draining")
        readiness = judge_readiness(
            self._settings,
            self._fetched.keyring.status(),
            self._fetched.revocations.status(),
            faults,
            awaits=not self._has_loaded_all,
        )
        # Permanent: an issuer that a later configuration adds delays the rollout of new gateways,
        # but takes no traffic from those that serve.
        self._has_loaded_all = self._has_loaded_all or not readiness.awaited
        return readiness

    async def status(self) -> Mapping[str, object]:
        """Return the members of ``/status``."""
        metrics = await self._workers.counts()
        now, in_use = self._clock(), certificates_in_use(self._settings)
        settings, fetched = self._settings, self._fetched
        return {
            "version": __version__,
            "started_at": self._started_at,
            "uptime_seconds": time.time() - self._started_at,
            "draining": self._workers.is_draining,
            "config": self._last_reload.status(self._settings.digest),
            "workers": self._workers.status(),
            "report_only": report_only(self._settings),
            "issuers": [
                issuer_status(one, is_required=settings.requires_issuer(one.name))
                for one in fetched.keyring.status()
            ],
            "revocations": [
                revocation_status(one, is_required=settings.requires_list(one.name))
                for one in fetched.revocations.status()
            ],
            "certificates": [certificate_status(one, now) for one in in_use],
            "upstreams": upstream_statuses(self._settings.upstreams, metrics.upstreams),
            "rate_limits": rate_limit_status(self._settings.rate_limiting, metrics),
            "logins": self._login_statuses(),
            "service_tokens": self._service_token_statuses(),
            "introspection": [
                introspection_status(one)
                for one in (fetched.introspection.status() if fetched.introspection else ())
            ],
            "connections": {
                "open": metrics.connections_open,
                "requests_in_flight": metrics.requests_in_flight,
                "tunnels": metrics.tunnels_open,
            },
        }

    async def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        counts = await self._workers.counts()
        # In a thread: thousands of lines take tens of milliseconds, and requests should not wait.
        return await compute_in_thread(partial(self._exposition.expose, counts), "exposition")

    def _seconds_left(self) -> Iterable[tuple[str, float]]:
        now = self._clock()
        return ((one.file, one.not_after - now) for one in certificates_in_use(self._settings))

    def _login_metrics(self) -> LoginMetrics:
        logins = self._fetched.live_logins
        return LoginMetrics() if logins is None else logins.counts

    def _introspection_metrics(self) -> IntrospectionMetrics:
        introspection = self._fetched.introspection
        return IntrospectionMetrics() if introspection is None else introspection.metrics

    def _login_statuses(self) -> list[Mapping[str, object]]:
        logins = self._fetched.live_logins
        if logins is None:
            return []
        endpoints = {one.name: one for one in logins.status()}
        return [login_status(one, endpoints[one.issuer]) for one in self._settings.logins.values()]

    def _service_token_statuses(self) -> list[Mapping[str, object]]:
        tokens = self._fetched.service_tokens
        return [] if tokens is None else service_token_statuses(tokens)

    def _service_token_metrics(self) -> tuple[ServiceTokenMetrics, Iterable[HeldToken]]:
        tokens = self._fetched.service_tokens
        if tokens is None:
            return ServiceTokenMetrics(), ()
        return tokens.counts, [HeldToken(one.name, one.age_seconds) for one in tokens.status()]

    async def sessions(self, subject: str | None) -> Sequence[Session]:
        """Return the sessions of *subject*, or all, newest first. Raises StoreUnavailable."""
        logins = self._fetched.live_logins
        return [] if logins is None else await logins.listed(subject)

    async def end_session(self, session_id: bytes) -> bool:
        """End the session with this id; return whether there was one. Raises StoreUnavailable."""
        logins = self._fetched.live_logins
        return logins is not None and await logins.end_by_id(session_id)

    async def end_sessions(self, subject: str) -> int:
        """End all sessions of *subject*; return how many are known. Raises StoreUnavailable."""
        logins = self._fetched.live_logins
        return 0 if logins is None else await logins.end_subject(subject)

    async def explain(self, question: Question) -> Mapping[str, object]:
        """Return how a request would be decided now, as ``POST /explain`` shows it."""
        names = self._workers.identity_names
        rehearsal = Rehearsal(
            self._settings,
            question.client,
            self._pseudonym,
            names,
            had_logins=self._workers.had_logins,
        )
        keyring, lists = self._fetched.keyring, self._fetched.revocations.lists
        introspection = self._fetched.introspection
        return await explain_live(question, rehearsal, keyring, lists, self._clock, introspection)

    async def decision(self, request_id: str) -> Mapping[str, object] | None:
        """Return a refusal as ``/decisions`` shows it, if it is still remembered."""
        line = await self._workers.find_refusal(request_id)
        return None if line is None else remembered_decision(line, self._settings.policy)


def _inventory(settings: Settings, fetched: Fetched) -> Inventory:
    return Inventory(settings, fetched.keyring, fetched.revocations)


def _locate(
    missing: Sequence[Missing], places: Places | None, *, is_forced: bool
) -> tuple[Fault, ...]:
    if places is None:
        return ()
    return tuple(one.locate(places, is_forced=is_forced) for one in missing)
