"""Tickets in Redis, for all gateways that share it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from secrets import token_bytes
from time import time
from typing import Any, Final

from gateway.decision.reason import Reason
from gateway.limits.redis_client import connect_to_redis, failures_of_redis
from gateway.settings.values.rates import Redis
from gateway.tickets.ticket import (
    MOST_OF_CALLER,
    Grant,
    TicketsGone,
    key_of,
    new_ticket,
    seal,
    unseal,
)

# A rate limit has something to fall back on while Redis is slow, a ticket has nothing.
_LEAST_SECONDS: Final = 1.0

# One step, so that two gateways cannot both give a caller its last ticket.
_ISSUE: Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
"""


class RedisTickets:
    """Keeps tickets in the Redis of *settings*, each sealed with itself.

    A key holds the hash of a ticket: whoever reads Redis can neither use one nor read a token.
    ``GETDEL`` is one step, so of two requests with one ticket exactly one gets its token.
    """

    def __init__(
        self,
        settings: Redis,
        clock: Callable[[], float] = time,
        random: Callable[[int], bytes] = token_bytes,
        most_of_caller: int = MOST_OF_CALLER,
    ) -> None:
        self._seconds = seconds = max(settings.timeout_seconds, _LEAST_SECONDS)
        self._client = connect_to_redis(replace(settings, timeout_seconds=seconds))
        self._prefix = f"{settings.prefix}ticket:".encode()
        self._raises = failures_of_redis()
        self._clock = clock
        self._random = random
        self._most_of_caller = most_of_caller

    async def issue(self, grant: Grant, lifetime_seconds: float) -> str | Reason:
        """Return a new ticket, or why there is none. Raises TicketsGone."""
        ticket = new_ticket(self._random)
        key, now = key_of(ticket), self._clock()
        keys = (
            self._prefix + key.hex().encode(),
            self._prefix + b"of:" + grant.caller.hex().encode(),
        )
        milliseconds = max(1, int(lifetime_seconds * 1000))
        arguments = (
            now,
            self._most_of_caller,
            seal(grant, ticket),
            milliseconds,
            now + lifetime_seconds,
            key,
        )
        done = await self._ask("EVAL", _ISSUE, len(keys), *keys, *arguments)
        return ticket.decode("ascii") if done else Reason.RATE_LIMITED

    async def redeem(self, ticket: bytes) -> Grant | None:
        """Return what *ticket* stands for, once; None if it is not valid. Raises TicketsGone."""
        sealed = await self._ask("GETDEL", self._prefix + key_of(ticket).hex().encode())
        return unseal(sealed, ticket) if isinstance(sealed, bytes) else None

    async def _ask(self, *command: Any) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._client.execute_command(*command)
        except self._raises as error:
            raise TicketsGone from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
