"""Commands and scripts for Redis, and what a store says when it fails."""

import asyncio
import logging
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final

from gateway.limits.redis_client import connect_to_redis, failures_of_redis, kinds_of_failure
from gateway.login.store import StoreUnavailable
from gateway.settings.values.rates import Redis

_log = logging.getLogger(__name__)

# How many commands are sent together; those that arrive meanwhile are sent next.
_BATCH: Final = 128

# How many may wait. Each waits for the timeout at most, so this is a matter of memory alone.
_MOST_WAITING: Final = 10_000

_Waiting = tuple[tuple[Any, ...], asyncio.Future[Any]]


class Script:
    """A script that Redis runs as one step; it is known there by its *digest*."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisCommands:
    """Asks the Redis of *settings* over one connection.

    Commands that arrive together are sent together: each would cost several times as much by
    itself. A caller that gives up leaves the connection alone, so that no reply is ever taken for
    another one's. After any failure the connection is closed, and made anew for the next command.
    """

    def __init__(self, settings: Redis) -> None:
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - an extra, not always there

        self._seconds = settings.timeout_seconds
        self._client = connect_to_redis(settings)
        self._raises = failures_of_redis()
        self._unknown = NoScriptError
        self._waiting: list[_Waiting] = []
        self._sent: list[_Waiting] = []
        self._knows_policy = False
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, *command: Any) -> Any:
        """Return the reply to *command*. Raises StoreUnavailable within the timeout."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._reply(command)
        except self._raises as error:
            raise _unavailable(error) from error

    async def run(self, script: Script, keys: list[bytes], arguments: list[Any]) -> Any:
        """Return what *script* returns. Raises StoreUnavailable within the timeout."""
        rest = (len(keys), *keys, *arguments)
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    return await self._reply(("EVALSHA", script.digest, *rest))
                except self._unknown:
                    # Redis was restarted: it keeps no scripts. Nothing was carried out.
                    return await self._reply(("EVAL", script.text, *rest))
        except self._raises as error:
            raise _unavailable(error) from error

    async def _reply(self, command: tuple[Any, ...]) -> Any:
        if len(self._waiting) >= _MOST_WAITING:
            raise StoreUnavailable(f"more than {_MOST_WAITING} commands wait for Redis")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, future))
        if self._sending is None:
            self._sending = loop.create_task(self._send_all())
        reply = await future
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                self._sent = [one for one in self._waiting[:_BATCH] if not one[1].done()]
                del self._waiting[:_BATCH]
                if self._sent:
                    await self._send()
        finally:
            self._refuse_all()  # if it was closed, or a bug: no caller may wait for its timeout
            self._sending = None

    async def _send(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for command, _ in self._sent:
            pipeline.execute_command(*command)
        if not self._knows_policy:
            pipeline.execute_command("INFO", "memory")
        replies: list[Any]
        try:
            async with asyncio.timeout(self._seconds):
                replies = await pipeline.execute(raise_on_error=False)
        except self._raises as error:
            replies = [_unavailable(error) for _ in self._sent]
            await self._disconnect()
        else:
            if not self._knows_policy:
                self._knows_policy = True
                _warn_of_eviction(replies.pop())
        for (_, future), reply in zip(self._sent, replies, strict=True):
            _resolve(future, reply)

    async def _disconnect(self) -> None:
        with suppress(*self._raises):
            await self._client.connection_pool.disconnect()

    def _refuse_all(self) -> None:
        for _, future in (*self._sent, *self._waiting):
            _resolve(future, StoreUnavailable("the connection to Redis is closed"))
        self._waiting.clear()

    async def close(self) -> None:
        """Close the connection; the store is unavailable to those that still wait."""
        self._refuse_all()
        if self._sending is not None:
            self._sending.cancel()
        # This also ends the task: before Python 3.12, one that is sending may miss being cancelled.
        await self._client.aclose()
        if self._sending is not None:
            await asyncio.wait({self._sending})


def _warn_of_eviction(memory: Any) -> None:
    """Log that Redis forgets what must be remembered, if it may; some do not let us ask."""
    policy = memory.get("maxmemory_policy") if isinstance(memory, dict) else None
    if policy is None or policy == "noeviction" or not memory.get("maxmemory"):
        return
    text = "Redis evicts keys when its memory is full (maxmemory_policy=%s), so sessions end early"
    _log.warning(f"{text} and logouts may be undone: set maxmemory-policy noeviction", policy)


def _resolve(future: asyncio.Future[Any], reply: Any) -> None:
    if not future.done():  # the caller may have given up
        future.set_result(reply)


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"Redis does not respond as it should: {kinds_of_failure(error)}")
