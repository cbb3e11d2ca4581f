"""Keep all workers of a gateway on one configuration, and add up their counts."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from gateway.decision.tokens.introspected import TokenAnswer
from gateway.fetched import Fetched
from gateway.http.reading.names import reserved_aliases
from gateway.limits.limiter import MemoryLimiter
from gateway.login.requests import Logins
from gateway.service_tokens.requests import ServiceTokens
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.supervisor.child import Child, ask_all, describe_failure
from gateway.supervisor.heartbeat import Heartbeats
from gateway.supervisor.messages import (
    Commit,
    Configuration,
    Discard,
    Drain,
    ExchangeToken,
    Find,
    FindServiceToken,
    FindSession,
    Introspect,
    IssueTicket,
    Prepare,
    RedeemTicket,
    Refetch,
    RejectServiceToken,
    ServeLogin,
    Start,
    Stop,
    Take,
)
from gateway.supervisor.peer import Refused
from gateway.supervisor.sockets import WorkerSockets, close_sockets
from gateway.supervisor.starting import StartGate
from gateway.supervisor.timeouts import DEFAULT_TIMEOUTS, WorkerTimeouts
from gateway.supervisor.updates import Update, UpdateSource
from gateway.supervisor.worker_counts import WorkerCounts
from gateway.supervisor.worker_slot import WorkerSlot
from gateway.telemetry.metrics.counts import Metrics
from gateway.tickets.ticket import TicketsGone

_log = logging.getLogger(__name__)


class WorkerPool:
    """The workers of one gateway, one for each of *sockets*.

    *path* and *record* are what *settings* were read from. *pseudonym* is the name of the gateway
    in Via.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        settings: Settings,
        fetched: Fetched,
        *,
        path: Path,
        record: Record,
        sockets: Sequence[WorkerSockets],
        pseudonym: bytes,
        timeouts: WorkerTimeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._path = path
        self._pseudonym = pseudonym
        self._settings = settings
        # Of all configurations so far.
        self.identity_names = reserved_aliases(settings.policy)
        self.had_logins = bool(settings.logins)
        self._timeouts = timeouts
        self._limiter = MemoryLimiter()
        # A number is never reused: a worker may still be busy with a discarded configuration.
        self._numbers = count(1)
        self._live = Configuration(next(self._numbers), path, record, len(sockets))
        self._updates = {self._live.number: UpdateSource(self._live.number, fetched)}
        self._prepared: tuple[Settings, Configuration] | None = None
        self._ready_children: list[Child] = []
        self._changing = asyncio.Lock()  # one configuration is prepared at a time
        self._start_gate = StartGate()
        self._slots = [
            WorkerSlot(index, one, self._serve, self._answer, self._start_gate, timeouts)
            for index, one in enumerate(sockets)
        ]
        self._counts = WorkerCounts(self._slots, settings, timeouts)
        self._heartbeats = Heartbeats(self._slots, timeouts)
        self.is_started = False
        self.is_draining = False
        self._updates[self._live.number].follow(self._publish)

    # --- start

    async def start(self) -> None:
        """Start all workers; raise WorkerFailed or OSError if one cannot serve."""
        self._heartbeats.start()
        async with self._start_gate:
            starting = [asyncio.ensure_future(slot.start()) for slot in self._slots]
            try:
                await asyncio.gather(*starting)
            except BaseException:
                for task in starting:
                    task.cancel()
                await asyncio.gather(*starting, return_exceptions=True)
                raise
        self.is_started = True
        self._counts.start()

    async def _serve(self, slot: WorkerSlot, child: Child) -> None:
        """Make *child* serve with the live configuration."""
        live = self._live
        for update in self._updates[live.number].all():
            child.peer.notify(update)
        start = Start(
            live,
            slot.index,
            child.descriptors,
            self._pseudonym,
            self.identity_names,
            self.had_logins,
        )
        await child.ask(start)

    async def _answer(self, question: Any) -> object:
        match question:
            case Refetch() | Introspect():
                return await self._ask_issuer(question)
            case FindSession(number, cookies):
                return await self._logins(number).find(cookies)
            case ServeLogin(number, request):
                return await self._logins(number).serve(request)
            case FindServiceToken(number, upstream):
                return await self._service_tokens(number).find(upstream)
            case ExchangeToken(number, upstream, digest, subject, seconds):
                tokens = self._service_tokens(number)
                return await tokens.exchange(upstream, digest, subject, seconds)
            case RejectServiceToken(number, upstream, token, digest):
                self._service_tokens(number).reject(upstream, token, digest)
                return None
            case IssueTicket() | RedeemTicket():
                return await self._ask_tickets(question)
            case Take(wanted):
                return self._limiter.take(wanted)
            case _:
                raise Refused(f"unknown question: {type(question).__name__}")

    async def _ask_issuer(self, question: Refetch | Introspect) -> TokenAnswer | None:
        """Have an issuer asked for its keys, or about a token; None without its answer.

        Not after its configuration: the next one may have another server under the same name.
        """
        source, name = self._updates.get(question.number), question.issuer_name
        if source is None:
            return None
        if isinstance(question, Refetch):
            await source.fetched.keyring.refetch(name, question.kid)
            return None
        introspection = source.fetched.introspection
        return None if introspection is None else await introspection.ask(name, question.token)

    def _logins(self, number: int) -> Logins:
        """Return the logins of configuration *number*; those of the live one if it is over.

        A worker may ask while it switches. Raises Refused if there are none.
        """
        source = self._updates.get(number) or self._updates[self._live.number]
        if source.fetched.logins is None:
            raise Refused("the configuration has no login")
        return source.fetched.logins

    def _service_tokens(self, number: int) -> ServiceTokens:
        """Return the tokens for services of configuration *number*; raise Refused without any.

        Not those of the next one: a request of the former goes to the servers that it knew.
        """
        source = self._updates.get(number)
        if source is None or source.fetched.service_tokens is None:
            raise Refused("the configuration was replaced, or no upstream has credentials")
        return source.fetched.service_tokens

    async def _ask_tickets(self, question: IssueTicket | RedeemTicket) -> object:
        """Return what the tickets answer, which are found as ``_logins`` finds the logins."""
        source = self._updates.get(question.number) or self._updates[self._live.number]
        tickets = source.fetched.tickets
        if tickets is None:
            raise Refused("the configuration issues no tickets")
        try:
            if isinstance(question, RedeemTicket):
                return await tickets.redeem(question.ticket)
            return await tickets.issue(question.grant, question.lifetime_seconds)
        except TicketsGone:
            raise Refused("what keeps the tickets does not respond") from None

    def _publish(self, update: Update) -> None:
        if update.number in self._updates:  # otherwise its configuration was discarded
            for slot in self._slots:
                if slot.receiver is not None:
                    slot.receiver.peer.notify(update)

    def _children(self) -> list[Child]:
        """Return the workers that serve now."""
        return [slot.child for slot in self._slots if slot.child is not None]

    # --- another configuration

    async def prepare(self, settings: Settings, fetched: Fetched, record: Record) -> str | None:
        """Prepare all workers for *settings*; return None, or which worker failed and why.

        A worker that crashes meanwhile is replaced at once, and its successor is prepared as well.
        One that hangs is killed, and not waited for. After this has returned None, no worker is
        started before ``commit``.
        """
        await self._changing.acquire()
        wanted = Configuration(next(self._numbers), self._path, record, len(self._slots))
        try:
            refusal = await self._prepare(wanted, fetched)
        except BaseException:
            self._discard(wanted.number)
            raise
        if refusal is not None:
            self._discard(wanted.number)
            return refusal
        self._prepared = (settings, wanted)
        return None

    async def _prepare(self, wanted: Configuration, fetched: Fetched) -> str | None:
        source = self._updates[wanted.number] = UpdateSource(wanted.number, fetched)
        source.follow(self._publish)
        self._ready_children = []
        refusal = await self._prepare_others(wanted, source)
        if refusal is None:
            await self._start_gate.hold()
            refusal = await self._prepare_others(wanted, source)  # started meanwhile
        if refusal is None and not self._ready_children:
            return "no worker is running; one is being started"
        return refusal

    async def _prepare_others(self, wanted: Configuration, source: UpdateSource) -> str | None:
        """Prepare the workers that are not yet; return None, or which one failed and why."""
        children = [one for one in self._children() if one not in self._ready_children]
        for child in children:
            for update in source.all():
                child.peer.notify(update)
        answers = await ask_all(children, Prepare(wanted), self._timeouts.prepare_seconds)
        for child, answer in zip(children, answers, strict=True):
            if child.is_hung:
                continue  # its successor starts with what is live by then
            if isinstance(answer, BaseException):
                return f"the worker with pid {child.pid} {describe_failure(answer)}"
            self._ready_children.append(child)
        return None

    def _discard(self, number: int) -> None:
        self._updates.pop(number, None)
        for slot in self._slots:
            if slot.receiver is not None:
                slot.receiver.peer.notify(Discard(number))
        self._start_gate.release()
        self._changing.release()

    async def commit(self) -> None:
        """Switch all workers to what was prepared, even if cancelled.

        A worker that fails to switch is killed and restarted on the new configuration.
        """
        if self._prepared is None:
            return
        former = self._live
        (self._settings, self._live), self._prepared = self._prepared, None
        self.identity_names |= reserved_aliases(self._settings.policy)
        self.had_logins = self.had_logins or bool(self._settings.logins)
        self._start_gate.release()  # a worker that starts from here on gets the new one
        self._counts.use(self._settings)
        await asyncio.shield(self._commit(former))

    async def _commit(self, former: Configuration) -> None:
        try:
            children = [one for one in self._children() if one in self._ready_children]
            self._ready_children = []
            question = Commit(self._live.number)
            answers = await ask_all(children, question, self._timeouts.commit_seconds)
            for child, answer in zip(children, answers, strict=True):
                if isinstance(answer, BaseException):
                    _log.error(
                        "killing the worker with pid %d, which failed to switch: it %s",
                        child.pid,
                        describe_failure(answer),
                    )
                    child.kill()
        finally:
            # Requests that wait for a key of the former configuration are decided by the new one.
            self._updates.pop(former.number, None)
            self._changing.release()

    # --- counts, refusals and status

    async def counts(self) -> Metrics:
        """Return the counts of all workers, including those that have exited."""
        return await self._counts.total()

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the log line of a refusal, as a mapping, if a worker remembers it."""
        seconds = self._timeouts.count_seconds
        answers = await ask_all(self._children(), Find(request_id), seconds)
        return next((one for one in answers if isinstance(one, Mapping)), None)

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids of this process and of all workers."""
        return (os.getpid(), *(child.pid for child in self._children()))

    def status(self) -> Sequence[Mapping[str, object]]:
        """Return what ``/status`` shows of each worker."""
        return [slot.status() for slot in self._slots]

    def faults(self) -> Sequence[str]:
        """Return which workers keep crashing, for ``/readyz``."""
        return [f"{slot.name} keeps crashing" for slot in self._slots if slot.keeps_crashing]

    @property
    def restarts(self) -> Sequence[int]:
        """Return the number of restarts of each worker, failed ones included."""
        return tuple(slot.restarts.total for slot in self._slots)

    # --- drain and stop

    async def drain(self) -> None:
        """Make all workers refuse new connections, and let requests in flight finish."""
        self.is_draining = True
        await asyncio.gather(*(slot.retire() for slot in self._slots))
        # Before they drain: otherwise connections would arrive that no worker accepts.
        self._close_sockets()
        seconds = self._settings.drain_delay_seconds + self._settings.drain_seconds
        children = self._children()
        answers = await ask_all(children, Drain(), seconds + self._timeouts.drain_seconds)
        for child, answer in zip(children, answers, strict=True):
            if isinstance(answer, TimeoutError):
                child.kill()  # it hangs, and would not receive Stop either

    def _close_sockets(self) -> None:
        for slot in self._slots:
            close_sockets(slot.sockets)

    async def stop(self) -> None:
        """Stop all workers; kill those that do not stop in time."""
        self._counts.stop()
        self._heartbeats.stop()
        self._close_sockets()
        await asyncio.gather(*(slot.stop_keeping() for slot in self._slots))
        children = self._children()
        for child in children:
            child.peer.notify(Stop())
        endings = [asyncio.ensure_future(child.wait()) for child in children]
        if endings:
            await asyncio.wait(endings, timeout=self._timeouts.stop_seconds)
        self.kill()
        await asyncio.gather(*endings)

    def kill(self) -> None:
        """Kill all workers."""
        for slot in self._slots:
            slot.kill()
