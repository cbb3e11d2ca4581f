"""Connect to the Redis that gateways share."""

from collections.abc import Iterator
from typing import Any

from gateway.settings.values.rates import Redis


def connect_to_redis(settings: Redis) -> Any:
    """Return a client of redis-py for *settings*; it connects with the first command.

    Nothing is retried: what was sent may have been carried out. RESP2, because with RESP3 redis-py
    does not notice that Redis closed an idle connection before it sends something there.
    """
    from redis.asyncio import Redis as Client  # noqa: PLC0415 - an extra, not always there
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    seconds = settings.timeout_seconds
    return Client.from_url(
        settings.url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def failures_of_redis() -> tuple[type[Exception], ...]:
    """Return the exceptions of a Redis that does not respond, or not as expected."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra, not always there

    return (RedisError, OSError, TimeoutError, ValueError)


def kinds_of_failure(error: BaseException) -> str:
    """Return the types of *error* and its causes: a wrong password shows as a closed connection.

    Only the types: the message may quote what Redis sent.
    """
    return ", for ".join(_kinds(error))


def _kinds(error: BaseException) -> Iterator[str]:
    cause: BaseException | None = error
    while cause is not None:
        yield type(cause).__name__
        cause = cause.__cause__ or cause.__context__
