"""Two peers in one process, over a pair of sockets as between supervisor and worker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.supervisor.peer import Peer, Refused
from tests.hanging import LIMIT_SECONDS


class End:
    """One of the two: *heard* is what it was told and asked, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[object] = []
        self.reply: Callable[[Any], Awaitable[object]] = refuse
        self.bug: Exception | None = None
        self.peer: Peer
        self.listening: asyncio.Task[None]

    async def open(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        self.peer = Peer(reader, writer, self._receive, self._answer)
        self.listening = asyncio.create_task(self.peer.listen())

    def _receive(self, update: object) -> None:
        self.heard.append(update)
        if self.bug is not None:
            raise self.bug

    async def _answer(self, question: object) -> object:
        self.heard.append(question)
        return await self.reply(question)


async def refuse(question: object) -> object:
    raise Refused(f"nobody answers {question!r}")


async def echo(question: object) -> object:
    return question


@asynccontextmanager
async def two_ends() -> AsyncIterator[tuple[End, End]]:
    """Yield both ends, which listen; whatever happens, both are closed."""
    left, right = End("left"), End("right")
    for end, sock in zip((left, right), socket.socketpair(), strict=True):
        await end.open(sock)
    try:
        yield left, right
    finally:
        for end in (left, right):
            end.peer.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            await asyncio.gather(left.listening, right.listening)


@asynccontextmanager
async def one_end() -> AsyncIterator[tuple[End, socket.socket]]:
    """Yield one end, which listens, and the bare socket that is its other side."""
    end, (ours, theirs) = End("only"), socket.socketpair()
    await end.open(ours)
    theirs.setblocking(False)
    with theirs:
        yield end, theirs
        end.peer.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            await end.listening
