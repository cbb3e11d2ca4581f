"""Stop asking the supervisor while it hangs."""

import asyncio
import logging
from time import monotonic
from typing import Any

from gateway.supervisor.peer import Peer, PeerGone

_log = logging.getLogger(__name__)

# On a busy machine even a healthy supervisor may be late by seconds.
_TIMEOUT_SECONDS = 5.0


class PeerCircuit:
    """A circuit breaker between a worker and its supervisor, *peer*.

    It opens when a question is not answered in time, and closes with the next message of the
    supervisor, which asks each worker for a beat twice a second. So only requests in flight wait
    for a supervisor that hangs, and no questions pile up for it.
    """

    def __init__(self, peer: Peer, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._peer = peer
        self._timeout_seconds = timeout_seconds
        self._opened_at: float | None = None

    def is_open(self) -> bool:
        """Return whether the supervisor is considered to hang."""
        if self._opened_at is None:
            return False
        if self._peer.received_at <= self._opened_at:
            return True
        self._opened_at = None
        _log.warning("the supervisor responds again")
        return False

    async def ask(self, question: object, timeout_seconds: float) -> Any:
        """Return the answer to *question* within the timeout; raise PeerGone or Refused."""
        if self.is_open():
            raise PeerGone
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._peer.ask(question)
        except TimeoutError:
            self._open()
            raise PeerGone from None

    async def ask_while_alive(self, question: object) -> Any:
        """Return the answer to *question*, however late, while any message arrives."""
        if self.is_open():
            raise PeerGone
        asking = asyncio.ensure_future(self._peer.ask(question))
        try:
            while not asking.done():
                asked_at = monotonic()
                await asyncio.wait({asking}, timeout=self._timeout_seconds)
                if not asking.done() and self._peer.received_at < asked_at:
                    self._open()
                    raise PeerGone
            return asking.result()
        finally:
            asking.cancel()

    def _open(self) -> None:
        if self._opened_at is None:
            _log.error("the supervisor does not respond; serving without it until it does")
        self._opened_at = monotonic()
