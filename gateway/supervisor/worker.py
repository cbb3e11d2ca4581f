"""Serve as one of several workers of a supervisor."""

import asyncio
import os
from functools import partial
from typing import Any

from gateway.data_plane import DataPlane
from gateway.fetching.thread import compute_in_thread
from gateway.gc_settings import settle_memory
from gateway.reloading.report import summarize
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.text.disk import replay
from gateway.settings.values.configuration import Settings
from gateway.supervisor.messages import (
    Beat,
    Commit,
    Configuration,
    Count,
    Discard,
    Drain,
    Find,
    KeysUpdate,
    ListUpdate,
    Prepare,
    ServiceTokenUpdate,
    SessionsEnded,
    Start,
    Stop,
)
from gateway.supervisor.mirror import Mirror, PeerLimiter
from gateway.supervisor.peer import Peer, Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.sockets import inherit
from gateway.supervisor.worker_share import share_of


class Worker:
    """One worker process, which receives everything it needs from its supervisor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peer = Peer(reader, writer, self._receive, self._answer)
        self._circuit = PeerCircuit(self._peer)
        self._mirrors: dict[int, Mirror] = {}  # by the number of their configuration
        self._number = 0  # of the one that is live
        self._discarded = 0  # the last that was discarded
        self._index = 0  # of this worker, from 0
        self._prepared: tuple[int, Settings] | None = None
        self._data: DataPlane | None = None
        self._ends_now = False

    async def run(self) -> None:
        """Serve until the supervisor stops this worker, or is gone.

        If it is gone, requests in flight still finish, while another gateway may take the port.
        """
        await self._peer.listen()
        if self._data is not None:
            if not self._ends_now:
                # Without the delay, which is for `/readyz`: that is gone with the supervisor, and
                # another gateway cannot listen before this one has closed its sockets.
                await self._data.drain(delays=False)
            await self._data.stop()

    def _receive(self, update: Any) -> None:
        match update:
            case (
                KeysUpdate(number)
                | ListUpdate(number)
                | SessionsEnded(number)
                | ServiceTokenUpdate(number)
            ) if self._is_over(number):
                return
            case KeysUpdate(number):
                self._mirror(number).update_keys(update)
            case ListUpdate(number):
                self._mirror(number).update_list(update)
                if number == self._number and self._data is not None:
                    self._data.compare_streams()
            case ServiceTokenUpdate(number):
                self._mirror(number).service_tokens.update(update)
            case SessionsEnded(number, ids):
                self._mirror(number).logins.end(ids)
            case Discard(number):
                self._discarded = number
                self._mirrors.pop(number, None)
                if self._prepared is not None and self._prepared[0] == number:
                    self._prepared = None
            case Stop():
                self._ends_now = True
                self._peer.close()
            case _:
                raise TypeError(f"unknown notice: {type(update).__name__}")

    def _is_over(self, number: int) -> bool:
        """Return whether configuration *number* was discarded or replaced: numbers only grow."""
        return number != self._number and number <= max(self._number, self._discarded)

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
                raise Refused(f"unknown question: {type(question).__name__}")

    async def _start(self, start: Start) -> None:
        configuration, self._index = start.configuration, start.index
        settings = await self._load(configuration)
        mirror, self._number = self._mirror(configuration.number), configuration.number
        data = DataPlane(
            settings,
            mirror.central,
            pseudonym=start.pseudonym,
            is_one_of_several=True,
            limiter=PeerLimiter(self._circuit),
            identity_names=start.identity_names,
            had_logins=start.had_logins,
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
        # It may have been discarded while it was loaded, and the next may be prepared already.
        if not self._is_over(number) and (self._prepared is None or self._prepared[0] < number):
            self._prepared = (number, settings)

    async def _load(self, configuration: Configuration) -> Settings:
        return share_of(await _load(configuration), self._index, configuration.workers)

    def _commit(self, number: int) -> None:
        if self._prepared is None or self._prepared[0] != number or self._data is None:
            raise Refused("not prepared for it")
        settings = self._prepared[1]
        mirror = self._mirror(number)
        self._data.use(settings, mirror.central)
        self._mirrors.pop(self._number, None)
        self._number, self._prepared = number, None


async def _load(configuration: Configuration) -> Settings:
    """Load the configuration of the supervisor; raise Refused if that fails."""
    load = partial(load_settings, configuration.path, os.environ, replay(configuration.record))
    try:
        # In a thread: thousands of routes take seconds, and no request should wait for them.
        outcome = await compute_in_thread(load, "reload")
    except UnreadableError as error:
        raise Refused(str(error)) from None
    if not isinstance(outcome, Loaded):
        raise Refused(summarize(outcome.faults))
    return outcome.settings
