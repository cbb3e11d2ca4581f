"""The same algorithm in Lua: Redis runs it atomically, on its own clock."""

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Any, Final

from gateway.limits.gcra import Wanted
from gateway.limits.redis_client import connect_to_redis
from gateway.settings.values.rates import Redis

# Numbers in Lua are doubles: exact, since microseconds since 1970 stay under 2^53 until 2255.
# It returns now and the moments before this request; `gcra.take` finds the outcome.
SCRIPT: Final = """\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer, stood, refused = {string.format('%.0f', now)}, {}, false
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local moment = tonumber(redis.call('GET', key) or now) or now
  moment = math.max(now, math.min(moment, now + burst * interval))
  stood[i] = moment
  answer[i + 1] = string.format('%.0f', moment)
  if moment + interval - burst * interval - now > 0 then refused = true end
end
if not refused then
  for i, key in ipairs(KEYS) do
    local moment = stood[i] + tonumber(ARGV[2 * i - 1])
    local life = string.format('%.0f', math.max(1, math.ceil((moment - now) / 1000)))
    redis.call('SET', key, string.format('%.0f', moment), 'PX', life)
  end
end
return answer
"""

_DIGEST: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisScript:
    """Runs the script in the Redis of *settings*, over one connection.

    Nothing is retried: what was sent may have been counted.
    """

    def __init__(self, settings: Redis) -> None:
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - an extra, not always there

        self._client = connect_to_redis(settings)
        self._unknown = NoScriptError
        self._prefix = settings.prefix.encode()

    async def run(self, requests: Sequence[Sequence[Wanted]]) -> list[list[int]]:
        """Return for each of *requests*: now, and the moments of its buckets before it.

        Raises ``failures_of_redis``; the connection is then not used again, because a late reply
        must not be taken for the next one.
        """
        try:
            return await self._run(requests)
        except BaseException:
            await self._client.connection_pool.disconnect()
            raise

    async def _run(self, requests: Sequence[Sequence[Wanted]]) -> list[list[int]]:
        replies = await self._send(requests)
        unknown = [index for index, one in enumerate(replies) if isinstance(one, self._unknown)]
        if unknown:
            # Once for each Redis: it keeps scripts. None of these requests was counted.
            await self._client.script_load(SCRIPT)
            again = await self._send([requests[index] for index in unknown])
            for index, reply in zip(unknown, again, strict=True):
                replies[index] = reply
        return [_numbers(reply) for reply in replies]

    async def _send(self, requests: Iterable[Sequence[Wanted]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for wanted in requests:
            keys = [self._prefix + one.key.hex().encode() for one in wanted]
            numbers = [number for one in wanted for number in one.rate]
            pipeline.evalsha(_DIGEST, len(keys), *keys, *numbers)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _numbers(reply: Any) -> list[int]:
    if isinstance(reply, Exception):
        raise reply
    return list(map(int, reply))
