"""Lead several workers: all serve under one configuration, and what they count adds up."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.fetched import Fetched
from gateway.settings.disk import Record
from gateway.settings.values import Settings
from gateway.supervisor.child import Child, ask_all
from gateway.supervisor.messages import (
    Commit,
    Configuration,
    Count,
    Drain,
    Find,
    GiveUp,
    Prepare,
    Refetch,
    Start,
    Stop,
)
from gateway.supervisor.news import News, NewsOf
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.slot import Slot
from gateway.supervisor.sockets import Sockets, close_sockets
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

# Thousands of routes take seconds to compile, and all workers do it at the same time.
_PREPARE_SECONDS = 120.0
_COMMIT_SECONDS = 10.0
_COUNT_SECONDS = 1.0
_STOP_SECONDS = 5.0

# What a worker has counted since it was last asked is lost when it is killed.
_COUNT_EACH_SECONDS = 2.0


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
        sockets: Sequence[Sockets],
        pseudonym: bytes,
    ) -> None:
        self._path = path
        self._pseudonym = pseudonym
        self._share = len(sockets)
        self._settings = settings
        self._live = self._configuration(1, record)
        self._news = {1: NewsOf(1, fetched)}
        self._prepared: tuple[Settings, Configuration] | None = None
        self._ready_children: list[Child] = []
        self._changing = asyncio.Lock()
        self._dead = Metrics()  # what those counted that have died
        self._slots = [
            Slot(index, one, self._serve, self._answer, self._changing)
            for index, one in enumerate(sockets)
        ]
        for slot in self._slots:
            slot.on_death = self._bury
        self._counting: asyncio.Task[None] | None = None
        self.is_started = False
        self.is_draining = False
        self._use(settings)
        self._news[1].follow(self._tell_all)

    def _configuration(self, number: int, record: Record) -> Configuration:
        return Configuration(number, self._path, record, self._share)

    def _use(self, settings: Settings) -> None:
        self._settings = settings
        self._dead.use(*_names(settings))

    # --- their life

    async def start(self) -> None:
        """Have all workers serve; raises WorkerFailed and OSError where one cannot."""
        async with self._changing:
            starting = [asyncio.ensure_future(slot.start()) for slot in self._slots]
            try:
                await asyncio.gather(*starting)
            except BaseException:
                for task in starting:
                    task.cancel()
                await asyncio.gather(*starting, return_exceptions=True)
                raise
        self.is_started = True
        self._counting = asyncio.get_running_loop().create_task(self._count_each())

    async def _serve(self, child: Child) -> None:
        """Make *child* serve under the live configuration."""
        live = self._live
        for news in self._news[live.number].all():
            child.peer.tell(news)
        child.number = live.number
        await child.ask(Start(live, child.descriptors, self._pseudonym))

    async def _answer(self, question: Any) -> object:
        match question:
            case Refetch(number, issuer_name, kid):
                news = self._news.get(number)
                if news is not None:
                    await news.fetched.keyring.refetch(issuer_name, kid)
                return None
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

    def _bury(self, slot: Slot) -> None:
        counts, slot.last_counts = slot.last_counts, Metrics()
        counts.settle()
        self._dead.add(counts)

    # --- another configuration

    async def prepare(self, settings: Settings, fetched: Fetched, record: Record) -> str | None:
        """Get all workers ready to go on under *settings*; return None, or who cannot and why.

        No worker is started from here on until ``commit``, or until this has failed.
        """
        await self._changing.acquire()
        number = self._live.number + 1
        try:
            refusal = await self._prepare(number, fetched, record)
        except BaseException:
            self._give_up(number)
            raise
        if refusal is not None:
            self._give_up(number)
            return refusal
        self._prepared = (settings, self._configuration(number, record))
        return None

    async def _prepare(self, number: int, fetched: Fetched, record: Record) -> str | None:
        news = self._news[number] = NewsOf(number, fetched)
        news.follow(self._tell_all)
        children = self._children()
        for one in news.all():
            self._tell_all(one)
        question = Prepare(self._configuration(number, record))
        answers = await ask_all(children, question, _PREPARE_SECONDS)
        self._ready_children = children
        for child, answer in zip(children, answers, strict=True):
            if isinstance(answer, BaseException):
                return f"the worker with pid {child.pid} {_failure(answer)}"
        return None

    def _give_up(self, number: int) -> None:
        self._news.pop(number, None)
        for child in self._children():
            child.peer.tell(GiveUp(number))
        self._changing.release()

    async def commit(self) -> None:
        """Go on under what was prepared, all at once.

        A worker that does not is killed: the one that replaces it does.
        """
        if self._prepared is None:
            return
        settings, configuration = self._prepared
        self._prepared = None
        former, self._live = self._live, configuration
        self._use(settings)
        try:
            children = self._ready_children
            answers = await ask_all(children, Commit(configuration.number), _COMMIT_SECONDS)
            for child, answer in zip(children, answers, strict=True):
                child.number = configuration.number
                if isinstance(answer, BaseException):
                    _log.error("the worker with pid %d %s", child.pid, _failure(answer))
                    child.kill()
        finally:
            self._changing.release()
            # Requests that wait for a key of the former configuration are decided under this.
            self._news.pop(former.number, None)

    # --- what they count and remember

    async def counts(self) -> Metrics:
        """Return the counts of all workers, of those that have died, too."""
        await self._count()
        total = Metrics()
        total.use(*_names(self._settings))
        total.add(self._dead)
        for slot in self._slots:
            total.add(slot.last_counts)
        return total

    async def _count(self) -> None:
        await asyncio.gather(*(slot.count(Count(), _COUNT_SECONDS) for slot in self._slots))

    async def _count_each(self) -> None:
        while True:
            await asyncio.sleep(_COUNT_EACH_SECONDS)
            await self._count()

    async def find_refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the members of the log line of a refusal, if a worker remembers it."""
        answers = await ask_all(self._children(), Find(request_id), _COUNT_SECONDS)
        return next((answer for answer in answers if isinstance(answer, Mapping)), None)

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids of this process and of all workers."""
        return (os.getpid(), *(child.pid for child in self._children()))

    def status(self) -> Sequence[Mapping[str, object]]:
        """Return what ``/status`` shows of each worker."""
        return [slot.status() for slot in self._slots]

    def faults(self) -> list[str]:
        """Return which workers cannot be had, for ``/readyz``."""
        return [f"{slot.name} does not start" for slot in self._slots if slot.restarts.is_hopeless]

    # --- their end

    async def drain(self) -> None:
        """Have all workers take no new connections, and let requests under way finish."""
        self.is_draining = True
        # First: else connections would come in that no worker takes any more.
        close_sockets([slot.sockets for slot in self._slots])
        for slot in self._slots:
            slot.stop_keeping()
        questions = (child.ask(Drain()) for child in self._children())
        await asyncio.gather(*questions, return_exceptions=True)

    async def stop(self) -> None:
        """End all workers, those that do not want to, too."""
        if self._counting is not None:
            self._counting.cancel()
        close_sockets([slot.sockets for slot in self._slots])
        children = self._children()
        for slot in self._slots:
            slot.stop_keeping()
        for child in children:
            child.peer.tell(Stop())
        endings = [asyncio.ensure_future(child.wait()) for child in children]
        if endings:
            await asyncio.wait(endings, timeout=_STOP_SECONDS)
        self.kill()
        for ending in endings:
            with suppress(PeerGone):
                await ending

    def kill(self) -> None:
        """End all workers at once."""
        for slot in self._slots:
            slot.kill()


def _names(settings: Settings) -> tuple[list[str], list[str]]:
    routes = [route.name for route in settings.policy.routes.routes]
    return routes, list(settings.upstreams)


def _failure(error: BaseException) -> str:
    match error:
        case Refused():
            return f"cannot have it: {error}"
        case TimeoutError():
            return "did not answer in time"
        case _:
            return "ended meanwhile"
