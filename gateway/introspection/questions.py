"""Questions to one issuer about tokens: one for each token at a time, and not too many in all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.decision.tokens.introspected import TokenAnswer
from gateway.fetching.schedule import backoff_seconds
from gateway.introspection.asking import NoAnswer
from gateway.introspection.memory import AnswerMemory, digest_of
from gateway.oauth.introspection import TokenState
from gateway.telemetry.metrics.introspection import IntrospectionMetrics

_log = logging.getLogger(__name__)

# As many questions are in flight at one issuer, whatever strangers send.
MOST_IN_FLIGHT: Final = 32

# As many tokens wait for their question; with more, requests are refused at once.
MOST_TOKENS_WAITING: Final = 256

# As many requests wait in all, several of them perhaps with the same token.
MOST_REQUESTS_WAITING: Final = 4096

# After so many questions in a row without a response, the issuer is left alone for a while. One
# is not enough: there may be a token that an issuer fails on.
_FAILURES_BEFORE_PAUSE: Final = 5

_MOST_PAUSE_SECONDS: Final = 60.0

# At most one line of the log in this time, and again if a fault lasts.
_LEAST_LOG_SECONDS: Final = 1.0
_REPEAT_LOG_SECONDS: Final = 60.0


Ask = Callable[[bytes], Awaitable[TokenState | NoAnswer]]
"""Asks the issuer about a token, once."""


class Questions:
    """The questions to the issuer *name*, which *ask* puts to it, each within *timeout_seconds*.

    *wall* returns seconds since the epoch, *steady* seconds of a monotonic clock.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        name: str,
        ask: Ask,
        memory: AnswerMemory,
        metrics: IntrospectionMetrics,
        *,
        timeout_seconds: float,
        wall: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self.memory = memory
        self._name = name
        self._ask = ask
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds
        self._wall = wall
        self._steady = steady
        self._turns = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._asking: dict[bytes, asyncio.Task[TokenAnswer | None]] = {}
        self._waiting = 0
        self._failures = 0  # in a row, without a response
        self._paused_until = 0.0
        self.last_error: str | None = None
        self._logged_at = -_REPEAT_LOG_SECONDS

    async def ask(self, token: bytes) -> TokenAnswer | None:
        """Return what the issuer says about *token*; None if it says nothing that counts."""
        digest = digest_of(token)
        known = self.memory.find(digest, self._wall())
        if known is not None:
            self._metrics.count(self._name, "cached")
            return known
        asking = self._asking.get(digest)
        if self._waiting >= MOST_REQUESTS_WAITING:
            self._turn_away()
            return None
        if asking is None:
            if len(self._asking) >= MOST_IN_FLIGHT + MOST_TOKENS_WAITING:
                self._turn_away()
                return None
            if self._steady() < self._paused_until:
                self._metrics.count(self._name, "paused")
                return None
            asking = asyncio.create_task(self._ask_within_limits(digest, token))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest))
        self._waiting += 1
        try:
            # Waited for, not awaited: a client that disconnects does not cancel it for others.
            await asyncio.wait({asking})
        finally:
            self._waiting -= 1
        return None if asking.cancelled() else asking.result()

    async def finish(self) -> None:
        """Wait for the questions in flight, whatever their results."""
        if self._asking:
            await asyncio.wait(self._asking.values())

    async def close(self) -> None:
        """Cancel the questions in flight: they have no answer."""
        asking = tuple(self._asking.values())
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _turn_away(self) -> None:
        self._metrics.count(self._name, "overload")
        self._note("too many requests wait for an answer")

    async def _ask_within_limits(self, digest: bytes, token: bytes) -> TokenAnswer | None:
        seconds, asked_at = self._timeout_seconds, None
        try:
            # One time for waiting and asking: no request waits longer.
            async with asyncio.timeout(seconds), self._turns:
                asked_at = self._wall()
                state = await self._ask(token)
        except TimeoutError:
            if asked_at is None:
                self._turn_away()
            else:
                self._fail(NoAnswer(f"no answer in {seconds:g} s", is_silent=True))
            return None
        except Exception:
            # A bug in reading a strange answer is our fault: no verdict, and never remembered.
            _log.exception("issuer %s: an answer about a token could not be read", self._name)
            self._metrics.count(self._name, "failed")
            return None
        if isinstance(state, NoAnswer):
            self._fail(state)
            return None
        return self._read(digest, state, asked_at)

    def _read(self, digest: bytes, state: TokenState, asked_at: float) -> TokenAnswer | None:
        if not state.is_active:
            self._succeed("inactive")
            return self.memory.keep(digest, None, asked_at)
        if self.memory.is_contradicted(digest, state.members):
            self._fail(NoAnswer("an answer has another sub than before for the same token"))
            return None
        self._succeed("active")
        return self.memory.keep(digest, state.members, asked_at)

    def _succeed(self, result: str) -> None:
        self._metrics.count(self._name, result)
        self._failures = 0
        if self.last_error is not None:
            self.last_error = None
            _log.info("issuer %s: answers about tokens again", self._name)

    def _fail(self, failure: NoAnswer) -> None:
        self._metrics.count(self._name, "failed")
        self._note(failure.detail)
        if failure.is_silent:
            self._failures += 1
        else:
            self._failures = 0
        pause = failure.pause_seconds
        if self._failures >= _FAILURES_BEFORE_PAUSE:
            pause = max(pause, backoff_seconds(self._failures - _FAILURES_BEFORE_PAUSE + 1))
        if pause > 0.0:
            self._paused_until = self._steady() + min(pause, _MOST_PAUSE_SECONDS)

    def _note(self, detail: str) -> None:
        now, is_new = self._steady(), detail != self.last_error
        self.last_error = detail
        due = self._logged_at + (_LEAST_LOG_SECONDS if is_new else _REPEAT_LOG_SECONDS)
        if now >= due:
            self._logged_at = now
            _log.error("issuer %s: tokens cannot be introspected: %s", self._name, detail)
