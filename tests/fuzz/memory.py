"""A network without sockets: both ends of a connection in one process, turn by turn."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from tests.proxy.reading import AnyProtocol, hand_over

# No input may keep the loop busy for ever: that is a finding.
_MAX_TURNS = 20_000

_END = None  # of what comes in, in place of bytes


class MemoryTransport(asyncio.Transport):
    """The near end of a connection: *protocol* is ours; what it writes goes to *on_write*.

    *written* is all that went out. A *slow* one asks for a pause with every write, and takes
    more two turns later.
    """

    def __init__(
        self,
        protocol: AnyProtocol,
        on_write: Callable[[bytes], None] = lambda _: None,
        *,
        slow: bool = False,
    ) -> None:
        super().__init__({"peername": ("192.0.2.7", 40000)})
        self.protocol = protocol
        self.written = bytearray()
        self.on_write = on_write
        self.is_reset = False
        self.is_lost = False
        self.has_ended = False
        self._slow = slow
        self._blocked = False
        self._closing = False
        self._paused = False
        self._incoming: deque[bytes | None] = deque()
        self._loop = asyncio.get_running_loop()
        protocol.connection_made(self)

    # --- what the protocol asks for

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Pass *data* to the other end."""
        assert not self.has_ended, "a write behind the end"
        if self._closing:
            return
        self.written += data
        self.on_write(bytes(data))
        if self._slow and not self._blocked:
            self._blocked = True
            self.protocol.pause_writing()
            self._loop.call_soon(self._loop.call_soon, self._unblock)

    def writelines(self, list_of_data: Any) -> None:
        """Pass the pieces on as one."""
        self.write(b"".join(list_of_data))

    def _unblock(self) -> None:
        self._blocked = False
        if not self.is_lost:
            self.protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        """Say that everything was taken: what is written is there at once."""
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have *protocol* take what comes from now on."""
        self.protocol = cast(AnyProtocol, protocol)

    def can_write_eof(self) -> bool:
        """Say that half a connection can be closed."""
        return True

    def write_eof(self) -> None:
        """End our side."""
        self.has_ended = True

    def is_closing(self) -> bool:
        """Return whether nothing more can be sent."""
        return self._closing

    def close(self) -> None:
        """Close behind what was written."""
        self._lose()

    def abort(self) -> None:
        """Close with a reset, as far as the other end can tell."""
        self.is_reset = self.is_reset or not self._closing
        self._lose()

    def _lose(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lost)

    def _lost(self) -> None:
        self.is_lost = True
        self.protocol.connection_lost(None)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Leave it at that: nothing waits here by itself."""

    def pause_reading(self) -> None:
        """Hold back what comes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Let come what was held back."""
        self._paused = False
        if self._incoming:
            self._loop.call_soon(self._pump)

    # --- what the other end does

    def receive(self, data: bytes) -> None:
        """Take *data* from the other end."""
        self._incoming.append(data)
        self._pump()

    def receive_end(self) -> None:
        """Take that the other end sends no more."""
        self._incoming.append(_END)
        self._pump()

    def _pump(self) -> None:
        while self._incoming and not self._paused and not self._closing:
            data = self._incoming.popleft()
            if data is not _END:
                piece = hand_over(self.protocol, data)
                if piece < len(data):
                    self._incoming.appendleft(data[piece:])
            elif not self.protocol.eof_received():
                self.close()


Accept = Callable[[AnyProtocol], asyncio.Transport]


class MemoryLoop(asyncio.SelectorEventLoop):
    """An event loop whose outgoing connections end at *accept*, in this process.

    *errors* is what would otherwise only be logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accept: Accept | None = None
        self.errors: list[str] = []
        self.set_exception_handler(self._note)

    def _note(self, _: asyncio.AbstractEventLoop, report: dict[str, Any]) -> None:
        self.errors.append(f"{report['message']}: {report.get('exception')!r}")

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], *_: Any, **__: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to *accept*, whatever the address."""
        assert self.accept is not None
        protocol = protocol_factory()
        return self.accept(protocol), protocol

    async def rest(self) -> None:
        """Return once nothing is left to do but to wait for time to pass."""
        turns = 0
        await asyncio.sleep(0)
        while self._ready:  # type: ignore[attr-defined]
            assert turns < _MAX_TURNS, "the loop never comes to rest"
            await asyncio.sleep(0)
            turns += 1
