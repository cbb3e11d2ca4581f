"""The algorithm once more, in Lua: Redis runs it as one step, on a clock of its own."""

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Any, Final

from gateway.limits.gcra import Wanted
from gateway.settings.values.rates import Redis

# Numbers are doubles there: exact, for microseconds since 1970 stay under 2^53 until 2255.
# It answers with now and the moments before this request, so that `gcra.take` says the rest.
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


def failures_of_redis() -> tuple[type[Exception], ...]:
    """Return what is raised where Redis does not answer, or not as it should."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra, not always there

    return (RedisError, OSError, TimeoutError, ValueError)


class RedisScript:
    """Runs the script in the Redis of *settings*, over one connection.

    Nothing is tried twice: what was sent may have been counted.
    """

    def __init__(self, settings: Redis) -> None:
        from redis.asyncio import Redis as Client  # noqa: PLC0415 - an extra, not always there
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.exceptions import NoScriptError  # noqa: PLC0415

        seconds = settings.timeout_seconds
        self._client: Any = Client.from_url(
            settings.url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._unknown = NoScriptError
        self._prefix = settings.prefix.encode()

    async def run(self, questions: Sequence[Sequence[Wanted]]) -> list[list[int]]:
        """Return for each of *questions*: now, and the moments of its buckets before it.

        Raises ``failures_of_redis``; then the connection is not used again, for an answer that
        is late must not be taken for the next one.
        """
        try:
            return await self._run(questions)
        except BaseException:
            await self._client.connection_pool.disconnect()
            raise

    async def _run(self, questions: Sequence[Sequence[Wanted]]) -> list[list[int]]:
        answers = await self._send(questions)
        unknown = [place for place, one in enumerate(answers) if isinstance(one, self._unknown)]
        if unknown:
            # Once for each Redis: it remembers scripts, and ran none of these.
            await self._client.script_load(SCRIPT)
            again = await self._send([questions[place] for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        return [_numbers(answer) for answer in answers]

    async def _send(self, questions: Iterable[Sequence[Wanted]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for wanted in questions:
            keys = [self._prefix + one.key.hex().encode() for one in wanted]
            numbers = [number for one in wanted for number in one.rate]
            pipeline.evalsha(_DIGEST, len(keys), *keys, *numbers)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _numbers(answer: Any) -> list[int]:
    if isinstance(answer, Exception):
        raise answer
    return list(map(int, answer))
