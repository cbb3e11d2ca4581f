"""Ask the supervisor, but not while it hangs."""

import asyncio
import logging
from time import monotonic
from typing import Any

from gateway.supervisor.peer import Peer, PeerGone

_log = logging.getLogger(__name__)

# As for a worker: a supervisor on a busy machine may be late by seconds.
_SILENCE_SECONDS = 5.0


class PeerCircuit:
    """A circuit breaker between a worker and its supervisor, *peer*.

    It opens when a question is not answered in time, and closes when anything is heard from the
    supervisor, which asks each worker for a beat twice a second. So at most the requests that
    are under way wait for a supervisor that hangs, and no questions pile up for it.
    """

    def __init__(self, peer: Peer, silence_seconds: float = _SILENCE_SECONDS) -> None:
        self._peer = peer
        self._silence_seconds = silence_seconds
        self._opened_at: float | None = None

    def is_open(self) -> bool:
        """Return whether the supervisor is not asked now."""
        if self._opened_at is None:
            return False
        if self._peer.heard_at <= self._opened_at:
            return True
        self._opened_at = None
        _log.warning("the supervisor answers again")
        return False

    async def ask(self, question: object, timeout_seconds: float) -> Any:
        """Return the answer to *question*, within so long; raises PeerGone and Refused."""
        if self.is_open():
            raise PeerGone
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._peer.ask(question)
        except TimeoutError:
            self._open()
            raise PeerGone from None

    async def ask_patiently(self, question: object) -> Any:
        """Do the same for one that may take long: wait as long as anything is heard."""
        if self.is_open():
            raise PeerGone
        asking = asyncio.ensure_future(self._peer.ask(question))
        try:
            while not asking.done():
                asked_at = monotonic()
                await asyncio.wait({asking}, timeout=self._silence_seconds)
                if not asking.done() and self._peer.heard_at < asked_at:
                    self._open()
                    raise PeerGone
            return asking.result()
        finally:
            asking.cancel()

    def _open(self) -> None:
        if self._opened_at is None:
            _log.error("the supervisor does not answer, and is not asked until it does")
        self._opened_at = monotonic()
