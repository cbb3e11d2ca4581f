"""Exchange messages between two processes of the gateway, in order."""

import asyncio
import logging
import pickle
from collections.abc import Awaitable, Callable
from enum import IntEnum
from itertools import count
from struct import Struct
from time import monotonic
from typing import Any

_log = logging.getLogger(__name__)

# The length of a message in bytes. One with a configuration may have many files.
_LENGTH = Struct("!Q")

# More than any configuration or list can have: a longer length is corrupt.
_MOST_BYTES = 1 << 30


class PeerGone(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The other process has exited, or no longer answers."""


class Refused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The other process refused the question; the message says why."""


class _Kind(IntEnum):
    NOTICE = 0
    QUESTION = 1
    ANSWER = 2
    REFUSAL = 3


class Peer:
    """The other end of a pair of sockets between a supervisor and one worker.

    *receive* is called with each notice, *answer* with each question. A notice that is sent before
    a question or an answer is received before it. Only these two processes have the sockets, and
    both run the same code, so messages are pickled.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        receive: Callable[[Any], None],
        answer: Callable[[Any], Awaitable[object]],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._receive = receive
        self._answer = answer
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._is_gone = False
        self.received_at = monotonic()  # when the last message arrived

    def notify(self, message: object) -> None:
        """Send *message* without an answer."""
        self._send(_Kind.NOTICE, 0, message)

    async def ask(self, question: object) -> Any:
        """Return the answer to *question*; raise PeerGone or Refused."""
        if self._is_gone:
            raise PeerGone
        number = next(self._numbers)
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            self._send(_Kind.QUESTION, number, question)
            return await answered
        finally:
            self._waiting.pop(number, None)

    async def listen(self) -> None:
        """Receive and answer until the other process is gone, or sends something invalid."""
        try:
            while True:
                self._take(*await self._read())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception:  # the beginning of the next message is unknown
            _log.exception("invalid message from another process of the gateway")
        finally:
            self.close()

    async def _read(self) -> tuple[_Kind, int, Any]:
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if length > _MOST_BYTES:
            raise ValueError(f"a message of {length} bytes")
        kind, number, content = pickle.loads(  # noqa: S301 - see the class
            await self._reader.readexactly(length)
        )
        return _Kind(kind), number, content

    def close(self) -> None:
        """Close the connection; every pending question fails with PeerGone."""
        self._is_gone = True
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(PeerGone())
        for task in self._answering:
            task.cancel()
        self._writer.close()

    def _send(self, kind: _Kind, number: int, content: object) -> None:
        if self._is_gone or self._writer.is_closing():
            return
        octets = pickle.dumps((kind, number, content), pickle.HIGHEST_PROTOCOL)
        self._writer.write(_LENGTH.pack(len(octets)) + octets)

    def _take(self, kind: _Kind, number: int, content: Any) -> None:
        self.received_at = monotonic()
        if kind is _Kind.NOTICE:
            try:
                self._receive(content)
            except Exception:  # an internal error must not cut a worker off from its supervisor
                _log.exception("internal error while receiving a notice of another gateway process")
        elif kind is _Kind.QUESTION:
            task = asyncio.get_running_loop().create_task(self._reply(number, content))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            answered = self._waiting.get(number)
            if answered is not None and not answered.done():
                if kind is _Kind.ANSWER:
                    answered.set_result(content)
                else:
                    answered.set_exception(Refused(content))

    async def _reply(self, number: int, question: object) -> None:
        try:
            self._send(_Kind.ANSWER, number, await self._answer(question))
        except OSError as error:
            self._send(_Kind.REFUSAL, number, error.strerror or str(error))
        except Refused as refusal:
            self._send(_Kind.REFUSAL, number, str(refusal))
        except Exception as error:
            _log.exception("internal error while answering another gateway process")
            refusal_text = f"internal error ({type(error).__name__}); see the log"
            self._send(_Kind.REFUSAL, number, refusal_text)
