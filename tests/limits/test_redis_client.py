"""A failure is told by its kinds, and never by what Redis or the URL said."""

import pytest

from gateway.limits.redis_client import connect_to_redis, failures_of_redis, kinds_of_failure
from gateway.settings.values.rates import OnFailure, Redis


async def test_a_redis_that_is_not_there_is_a_failure() -> None:
    client = connect_to_redis(Redis("unix:///nowhere.sock", 20.0, OnFailure.REFUSE, "test:"))
    with pytest.raises(failures_of_redis()) as caught:
        await client.ping()
    await client.aclose()

    assert kinds_of_failure(caught.value).startswith("ConnectionError, for FileNotFoundError")
    assert "nowhere" not in kinds_of_failure(caught.value)


def test_all_causes_of_a_failure_are_named() -> None:
    error = ValueError("secret")
    error.__cause__ = KeyError("secret")

    assert kinds_of_failure(error) == "ValueError, for KeyError"
