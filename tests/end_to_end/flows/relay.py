"""Relays between two parties, which record every message whole before they pass it on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.proxy.messages import Message, make_chunked, read_answer, read_request
from tests.proxy.wire import Cut, Wire


@dataclass(frozen=True, slots=True)
class Sent:
    """A *message* that one party sent another."""

    sender: str
    receiver: str
    message: Message


@dataclass(slots=True)
class Record:
    """What the relays saw since it was last taken, in order."""

    sent: list[Sent] = field(default_factory=list)

    def take(self) -> list[Sent]:
        """Return it, and begin anew."""
        taken, self.sent = self.sent, []
        return taken


@dataclass(slots=True)
class Relay:
    """Stands in front of *party*, which listens on *target*; *port* is its own.

    A request without the name of its sender in User-Agent is from *other*.
    """

    party: str
    other: str
    record: Record
    port: int = 0
    target: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def origin(self) -> str:
        """Return its address as an origin."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self, wire: Wire) -> None:
        """Relay what comes on *wire*."""
        task = asyncio.ensure_future(self._relay(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, client: Wire) -> None:
        try:
            while True:
                request = await read_request(client)
                sender = "browser" if request.all(b"user-agent") == [b"browser"] else self.other
                self._note(request, Sent(sender, self.party, request))
                answer = await ask(self.target, request)
                self._note(request, Sent(self.party, sender, answer))
                client.send(as_bytes(answer))
        except (Cut, ConnectionError):
            pass
        finally:
            client.transport.close()

    def _note(self, request: Message, sent: Sent) -> None:
        # Fetched ahead, and at any moment.
        if not request.target.startswith((b"/.well-known/", b"/jwks")):
            self.record.sent.append(sent)

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def ask(port: int, request: Message) -> Message:
    """Return the answer to *request* of what listens on *port*."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, "127.0.0.1", port)
    try:
        wire.send(as_bytes(request))
        return await read_answer(wire, is_head=request.method == b"HEAD")
    finally:
        wire.transport.abort()


def as_bytes(message: Message) -> bytes:
    """Return *message* as it was received."""
    lines = (message.start, *(b"%b: %b" % pair for pair in message.fields), b"", b"")
    is_chunked = message.has(b"transfer-encoding")
    return b"\r\n".join(lines) + (make_chunked(*message.chunks) if is_chunked else message.body)


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    """Listen on a free port for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Wire(relay.accept), "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.close()
