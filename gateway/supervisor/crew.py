"""Lead several workers: all serve under one configuration, and what they count adds up."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from gateway.decision.identity import identity_aliases
from gateway.fetched import Fetched
from gateway.limits.limiter import MemoryLimiter
from gateway.settings.text.disk import Record
from gateway.settings.values.configuration import Settings
from gateway.supervisor.child import Child, ask_all, describe_failure
from gateway.supervisor.heartbeat import Heartbeats
from gateway.supervisor.messages import (
    Commit,
    Configuration,
    Drain,
    Find,
    GiveUp,
    Prepare,
    Refetch,
    Start,
    Stop,
    Take,
)
from gateway.supervisor.news import News, NewsOf
from gateway.supervisor.patience import PATIENCE, Patience
from gateway.supervisor.peer import Refused
from gateway.supervisor.slot import Slot
from gateway.supervisor.sockets import WorkerSockets, close_sockets
from gateway.supervisor.starts import Starts
from gateway.supervisor.tally import Tally
from gateway.telemetry.metrics.counts import Metrics

_log = logging.getLogger(__name__)


class Crew:
    """The workers of one gateway, one for each of *sockets*.

    *path* and *record* are what *settings* were read from. *pseudonym* is how the gateway calls
    itself in Via.
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
        patience: Patience = PATIENCE,
    ) -> None:
        self._path = path
        self._pseudonym = pseudonym
        self._settings = settings
        self.identity_names = identity_aliases(settings.policy.identity)  # of all so far
        self._patience = patience
        self._limiter = MemoryLimiter()
        # None is used twice: a worker may be late with one that was given up.
        self._numbers = count(1)
        self._live = Configuration(next(self._numbers), path, record, len(sockets))
        self._news = {self._live.number: NewsOf(self._live.number, fetched)}
        self._prepared: tuple[Settings, Configuration] | None = None
        self._ready_children: list[Child] = []
        self._changing = asyncio.Lock()  # one configuration at a time is prepared
        self._starts = Starts()
        self._slots = [
            Slot(index, one, self._serve, self._answer, self._starts, patience)
            for index, one in enumerate(sockets)
        ]
        self._tally = Tally(self._slots, settings, patience)
        self._heartbeats = Heartbeats(self._slots, patience)
        self.is_started = False
        self.is_draining = False
        self._news[self._live.number].follow(self._tell_all)

    # --- their life

    async def start(self) -> None:
        """Have all workers serve; raises WorkerFailed and OSError where one cannot."""
        self._heartbeats.start()
        async with self._starts:
            starting = [asyncio.ensure_future(slot.start()) for slot in self._slots]
            try:
                await asyncio.gather(*starting)
            except BaseException:
                for task in starting:
                    task.cancel()
                await asyncio.gather(*starting, return_exceptions=True)
                raise
        self.is_started = True
        self._tally.start()

    async def _serve(self, slot: Slot, child: Child) -> None:
        """Make *child* serve under the live configuration."""
        live = self._live
        for news in self._news[live.number].all():
            child.peer.tell(news)
        names = self.identity_names
        await child.ask(Start(live, slot.index, child.descriptors, self._pseudonym, names))

    async def _answer(self, question: Any) -> object:
        match question:
            case Refetch(number, issuer_name, kid):
                news = self._news.get(number)
                if news is not None:
                    await news.fetched.keyring.refetch(issuer_name, kid)
                return None
            case Take(wanted):
                return self._limiter.take(wanted)
            case _:
                raise Refused(f"not understood: {type(question).__name__}")

    def _tell_all(self, news: News) -> None:
        if news.number in self._news:  # else what was prepared under it has been given up
            for slot in self._slots:
                if slot.hearer is not None:
                    slot.hearer.peer.tell(news)

    def _children(self) -> list[Child]:
        """Return the workers that serve."""
        return [slot.child for slot in self._slots if slot.child is not None]

    # --- another configuration

    async def prepare(self, settings: Settings, fetched: Fetched, record: Record) -> str | None:
        """Get all workers ready to go on under *settings*; return None, or who cannot and why.

        One that dies meanwhile is replaced at once, and the other one is asked as well; one that
        hangs is killed, and nobody waits for it. Once this has returned None, none is started
        before ``commit``.
        """
        await self._changing.acquire()
        wanted = Configuration(next(self._numbers), self._path, record, len(self._slots))
        try:
            refusal = await self._prepare(wanted, fetched)
        except BaseException:
            self._give_up(wanted.number)
            raise
        if refusal is not None:
            self._give_up(wanted.number)
            return refusal
        self._prepared = (settings, wanted)
        return None

    async def _prepare(self, wanted: Configuration, fetched: Fetched) -> str | None:
        news = self._news[wanted.number] = NewsOf(wanted.number, fetched)
        news.follow(self._tell_all)
        self._ready_children = []
        refusal = await self._prepare_others(wanted, news)
        if refusal is None:
            await self._starts.hold()
            refusal = await self._prepare_others(wanted, news)  # those started meanwhile
        if refusal is None and not self._ready_children:
            return "no worker serves; it is being replaced"
        return refusal

    async def _prepare_others(self, wanted: Configuration, news: NewsOf) -> str | None:
        """Get those workers ready that are not yet; return None, or who cannot and why."""
        children = [one for one in self._children() if one not in self._ready_children]
        for child in children:
            for one in news.all():
                child.peer.tell(one)
        answers = await ask_all(children, Prepare(wanted), self._patience.prepare_seconds)
        for child, answer in zip(children, answers, strict=True):
            if child.is_hung:
                continue  # and its successor begins with what is live by then
            if isinstance(answer, BaseException):
                return f"the worker with pid {child.pid} {describe_failure(answer)}"
            self._ready_children.append(child)
        return None

    def _give_up(self, number: int) -> None:
        self._news.pop(number, None)
        for slot in self._slots:
            if slot.hearer is not None:
                slot.hearer.peer.tell(GiveUp(number))
        self._starts.release()
        self._changing.release()

    async def commit(self) -> None:
        """Go on under what was prepared, all at once; whoever is cancelled here does not stop it.

        A worker that does not is killed: the one that replaces it does.
        """
        if self._prepared is None:
            return
        former = self._live
        (self._settings, self._live), self._prepared = self._prepared, None
        self.identity_names |= identity_aliases(self._settings.policy.identity)
        self._starts.release()  # whoever starts from here on has nothing else to go on with
        self._tally.use(self._settings)
        await asyncio.shield(self._commit(former))

    async def _commit(self, former: Configuration) -> None:
        try:
            children = [one for one in self._children() if one in self._ready_children]
            self._ready_children = []
            question = Commit(self._live.number)
            answers = await ask_all(children, question, self._patience.commit_seconds)
            for child, answer in zip(children, answers, strict=True):
                if isinstance(answer, BaseException):
                    _log.error("the worker with pid %d %s", child.pid, describe_failure(answer))
                    child.kill()
        finally:
            # Requests that wait for a key of the former configuration are decided under this.
            self._news.pop(former.number, None)
            self._changing.release()

    # --- what they count and remember

    async def counts(self) -> Metrics:
        """Return the counts of all workers, of those that have died, too."""
        return await self._tally.total()

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the members of the log line of a refusal, if a worker remembers it."""
        seconds = self._patience.count_seconds
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
        """Return which workers cannot be had, for ``/readyz``."""
        return [f"{slot.name} dies again and again" for slot in self._slots if slot.is_hopeless]

    @property
    def restarts(self) -> Sequence[int]:
        """Return how often each of the workers was replaced, or could not be."""
        return tuple(slot.restarts.total for slot in self._slots)

    # --- their end

    async def drain(self) -> None:
        """Have all workers take no new connections, and let requests under way finish."""
        self.is_draining = True
        await asyncio.gather(*(slot.retire() for slot in self._slots))
        # Before they drain: else connections would come in that no worker takes any more.
        self._close_sockets()
        seconds = self._settings.drain_delay_seconds + self._settings.drain_seconds
        children = self._children()
        answers = await ask_all(children, Drain(), seconds + self._patience.drain_seconds)
        for child, answer in zip(children, answers, strict=True):
            if isinstance(answer, TimeoutError):
                child.kill()  # it hangs, and would not hear that it is to stop either

    def _close_sockets(self) -> None:
        for slot in self._slots:
            close_sockets(slot.sockets)

    async def stop(self) -> None:
        """End all workers, those that do not want to, too."""
        self._tally.stop()
        self._heartbeats.stop()
        self._close_sockets()
        await asyncio.gather(*(slot.stop_keeping() for slot in self._slots))
        children = self._children()
        for child in children:
            child.peer.tell(Stop())
        endings = [asyncio.ensure_future(child.wait()) for child in children]
        if endings:
            await asyncio.wait(endings, timeout=self._patience.stop_seconds)
        self.kill()
        await asyncio.gather(*endings)

    def kill(self) -> None:
        """End all workers at once."""
        for slot in self._slots:
            slot.kill()
