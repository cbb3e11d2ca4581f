"""Serve as one of several workers, as the supervisor says."""

import asyncio
import os
from functools import partial
from typing import Any

from gateway.collector import settle_memory
from gateway.data_plane import DataPlane
from gateway.fetching.thread import compute_in_thread
from gateway.reloading.report import summarize
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.text.disk import replay
from gateway.settings.values.configuration import Settings
from gateway.supervisor.messages import (
    Beat,
    Commit,
    Configuration,
    Count,
    Drain,
    Find,
    GiveUp,
    KeysNews,
    ListNews,
    Prepare,
    Start,
    Stop,
)
from gateway.supervisor.mirror import Mirror
from gateway.supervisor.peer import Peer, Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.peer_limiter import PeerLimiter
from gateway.supervisor.share import share_of
from gateway.supervisor.sockets import inherit


class Worker:
    """What one worker process does; *peer* is its supervisor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peer = Peer(reader, writer, self._hear, self._answer)
        self._circuit = PeerCircuit(self._peer)
        self._mirrors: dict[int, Mirror] = {}  # by the number of their configuration
        self._number = 0  # of the one that is live
        self._given_up = 0  # of the last that was
        self._index = 0  # ours, among the workers
        self._prepared: tuple[int, Settings] | None = None
        self._data: DataPlane | None = None
        self._ends_now = False

    async def run(self) -> None:
        """Serve until the supervisor says that this ends, or is gone itself.

        Where it is gone, requests under way may still finish: another supervisor serves anew.
        """
        await self._peer.listen()
        if self._data is not None:
            if not self._ends_now:
                # At once: with the supervisor the admin port has gone, where a delay would tell.
                # Nobody else can listen where we do.
                await self._data.drain(delays=False)
            await self._data.stop()

    def _hear(self, news: Any) -> None:
        match news:
            case KeysNews(number) | ListNews(number) if self._is_over(number):
                return
            case KeysNews(number):
                self._mirror(number).hear_keys(news)
            case ListNews(number):
                self._mirror(number).hear_list(news)
                if number == self._number and self._data is not None:
                    self._data.compare_streams()
            case GiveUp(number):
                self._given_up = number
                self._mirrors.pop(number, None)
                if self._prepared is not None and self._prepared[0] == number:
                    self._prepared = None
            case Stop():
                self._ends_now = True
                self._peer.close()
            case _:
                raise TypeError(f"not understood: {type(news).__name__}")

    def _is_over(self, number: int) -> bool:
        """Say whether the configuration *number* was given up, or replaced: numbers only grow."""
        return number != self._number and number <= max(self._number, self._given_up)

    def _mirror(self, number: int) -> Mirror:
        if number not in self._mirrors:
            self._mirrors[number] = Mirror(number, self._circuit)
        return self._mirrors[number]

    async def _answer(self, question: Any) -> object:
        match question:
            case Start():
                await self._start(question)
                return None
            case Prepare(configuration):
                await self._prepare(configuration)
                return None
            case Commit(number):
                self._commit(number)
                return None
            case Beat():
                return None
            case _ if self._data is None:
                raise Refused("does not serve yet")
            case Count():
                return self._data.counts()
            case Find(request_id):
                return self._data.find_refusal(request_id)
            case Drain():
                await self._data.drain()
                return None
            case _:
                raise Refused(f"not understood: {type(question).__name__}")

    async def _start(self, start: Start) -> None:
        configuration, self._index = start.configuration, start.index
        settings = await self._load(configuration)
        mirror, self._number = self._mirror(configuration.number), configuration.number
        data = DataPlane(
            settings,
            mirror,
            mirror.lists,
            pseudonym=start.pseudonym,
            is_one_of_several=True,
            limiter=PeerLimiter(self._circuit),
            identity_names=start.identity_names,
        )
        await data.start(inherit(start.descriptors))
        settle_memory()
        self._data = data

    async def _prepare(self, configuration: Configuration) -> None:
        number = configuration.number
        settings = await self._load(configuration)
        refusal = None if self._data is None else await self._data.prepare(settings)
        if refusal is not None:
            raise Refused(refusal)
        # It may have been given up while we read it, and the next one may be there already.
        if not self._is_over(number) and (self._prepared is None or self._prepared[0] < number):
            self._prepared = (number, settings)

    async def _load(self, configuration: Configuration) -> Settings:
        return share_of(await _load(configuration), self._index, configuration.workers)

    def _commit(self, number: int) -> None:
        if self._prepared is None or self._prepared[0] != number or self._data is None:
            raise Refused("was not prepared for it")
        settings = self._prepared[1]
        mirror = self._mirror(number)
        self._data.use(settings, mirror, mirror.lists)
        self._mirrors.pop(self._number, None)
        self._number, self._prepared = number, None


async def _load(configuration: Configuration) -> Settings:
    """Return the settings that the supervisor has; raises Refused where they cannot be had."""
    load = partial(load_settings, configuration.path, os.environ, replay(configuration.record))
    try:
        # In a thread: thousands of routes take seconds, and no request should wait for them.
        outcome = await compute_in_thread(load, "reload")
    except UnreadableError as error:
        raise Refused(str(error)) from None
    if not isinstance(outcome, Loaded):
        raise Refused(summarize(outcome.faults))
    return outcome.settings
