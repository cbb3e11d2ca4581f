"""Let two processes of the gateway ask and tell each other things, in order."""

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

# The length of what follows, in bytes. A record of a configuration may have many files.
_LENGTH = Struct("!Q")

# More than any configuration or list can have: what claims to be longer was never said by us.
_MOST_BYTES = 1 << 30


class PeerGone(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The other process has ended, or will not answer any more."""


class Refused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The other process cannot do what it was asked for; the text says why."""


class _Kind(IntEnum):
    NEWS = 0
    QUESTION = 1
    ANSWER = 2
    REFUSAL = 3


class Peer:
    """The other end of a pair of sockets between a supervisor and one worker.

    *hear* is called with each thing that is told, *answer* with each question; what is told
    before a question, or before an answer, is heard before it. Only these two processes have
    the sockets, and both run the same code: so what they say is pickled.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hear: Callable[[Any], None],
        answer: Callable[[Any], Awaitable[object]],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._hear = hear
        self._answer = answer
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._is_gone = False
        self.heard_at = monotonic()  # when anything came last

    def tell(self, news: object) -> None:
        """Say *news*; nothing tells whether it is heard."""
        self._send(_Kind.NEWS, 0, news)

    async def ask(self, question: object) -> Any:
        """Return the answer to *question*; raises PeerGone and Refused."""
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
        """Hear and answer until the other process is gone, or makes no sense any more."""
        try:
            while True:
                self._take(*await self._read())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception:  # nobody can say where the next word begins
            _log.exception("another process of the gateway is not understood any more")
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
        """Say nothing any more; whoever waits for an answer waits in vain."""
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
        self.heard_at = monotonic()
        if kind is _Kind.NEWS:
            try:
                self._hear(content)
            except Exception:  # a bug of ours must not leave a worker without a supervisor
                _log.exception("what another process of the gateway told was not understood")
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
        except Exception as bug:
            _log.exception("a bug in what another process of the gateway asked for")
            self._send(_Kind.REFUSAL, number, f"a bug ({type(bug).__name__}); the log has more")
