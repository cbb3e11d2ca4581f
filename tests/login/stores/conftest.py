"""A real Redis for the stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis

PATIENT = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def redis(server: RedisServer) -> Redis:
    return Redis(server.url, PATIENT, OnFailure.REFUSE, "test:")
