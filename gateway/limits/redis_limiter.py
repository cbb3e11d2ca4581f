"""Have Redis keep count, for all gateways that use it together."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from gateway.limits.gcra import Wanted, take
from gateway.limits.limiter import MemoryLimiter, Outcome, Uncounted
from gateway.limits.redis_script import RedisScript, failures_of_redis
from gateway.settings.values.rates import OnFailure, Redis

_log = logging.getLogger(__name__)

# So many times in a row nothing came of asking, and Redis is not asked any more …
_FAILURES: Final = 2
# … but by one request after this time, which sees whether it is back.
_RETRY_SECONDS: Final = 0.5

# Asked for together: what comes in meanwhile is asked for next.
_BATCH: Final = 128

_Waiting = tuple[tuple[Wanted, ...], asyncio.Future[Outcome]]


class RedisLimiter:
    """Counts in the Redis of *settings*; while that does not answer, it does as they say.

    *failures* counts the requests that Redis did not. All questions go over one connection, those
    that come in together in one piece: each would cost several times as much by itself.
    """

    def __init__(self, settings: Redis, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._script = RedisScript(settings)
        self._raises = failures_of_redis()
        self._memory = MemoryLimiter()
        self._waiting: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None
        self._failed_in_a_row = 0
        self._retry_at = 0.0
        self.failures = 0

    @property
    def is_down(self) -> bool:
        """Say whether Redis is not asked any more, for it does not answer."""
        return self._failed_in_a_row >= _FAILURES

    def take(self, wanted: tuple[Wanted, ...]) -> Outcome | None:
        """Return None, so that ``ask`` is called; while Redis is down, what happens without it."""
        if not self.is_down:
            return None
        now = self._clock()
        if now >= self._retry_at:
            self._retry_at = now + _RETRY_SECONDS + self._settings.timeout_seconds
            return None
        return self._without(wanted)

    async def ask(self, wanted: tuple[Wanted, ...]) -> Outcome:
        """Take one request of each bucket, or of none."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((wanted, told))
        if self._asking is None:
            self._asking = loop.create_task(self._ask_all())
        return await told

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:_BATCH]
                del self._waiting[:_BATCH]
                await self._ask(batch)
                if self.is_down:  # they have waited for it already
                    self._leave_all()
        finally:
            self._asking = None

    async def _ask(self, batch: list[_Waiting]) -> None:
        questions = [wanted for wanted, _ in batch]
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                answers = await self._script.run(questions)
            outcomes: list[Outcome] = [
                take([one.rate for one in wanted], moments, now_us)
                for wanted, (now_us, *moments) in zip(questions, answers, strict=True)
            ]
        except self._raises as error:
            self._note_failure(error)
            outcomes = [self._without(wanted) for wanted in questions]
        except BaseException:  # we are being closed, or this is a bug: nobody waits for ever
            self._waiting[:0] = batch
            self._leave_all()
            raise
        else:
            self._note_success()
        for (_, told), outcome in zip(batch, outcomes, strict=True):
            _tell(told, outcome)

    def _leave_all(self) -> None:
        for wanted, told in self._waiting:
            _tell(told, self._without(wanted))
        self._waiting.clear()

    def _without(self, wanted: tuple[Wanted, ...]) -> Outcome:
        self.failures += 1
        match self._settings.on_failure:
            case OnFailure.MEMORY:
                return self._memory.take(wanted)
            case OnFailure.ALLOW:
                return Uncounted.ALLOWED
            case OnFailure.REFUSE:
                return Uncounted.REFUSED

    def _note_failure(self, error: Exception) -> None:
        self._failed_in_a_row += 1
        self._retry_at = self._clock() + _RETRY_SECONDS
        if self._failed_in_a_row == _FAILURES:
            # Its kind alone: what it says may repeat what Redis said.
            kinds = ", for ".join(_kinds(error))
            words = "Redis does not count requests (%s); on_failure: %s"
            _log.error(words, kinds, self._settings.on_failure.value)

    def _note_success(self) -> None:
        if self.is_down:
            _log.warning("Redis counts requests again")
        self._failed_in_a_row = 0

    async def close(self) -> None:
        """Close the connection; who waits still does without Redis."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        self._leave_all()  # of those who came before it had begun
        await self._script.close()


def _tell(told: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not told.done():  # who asked may have left
        told.set_result(outcome)


def _kinds(error: BaseException) -> Iterator[str]:
    """Yield what went wrong, and what it came of: a wrong password ends a connection, too."""
    cause: BaseException | None = error
    while cause is not None:
        yield type(cause).__name__
        cause = cause.__cause__ or cause.__context__
