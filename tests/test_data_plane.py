"""The data plane of a process serves with keys that others keep, and counts its requests."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admission import Keys
from gateway.central import Central
from gateway.data_plane import DataPlane
from gateway.keyring.keyring import Keyring
from gateway.settings.values.configuration import Settings
from tests.proxy.gateways import bearer, good_token, load, write_config
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import connect


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def keys(settings: Settings) -> AsyncIterator[Keys]:
    keyring = Keyring(settings.issuers)
    await keyring.start()
    yield keyring
    await keyring.close()


@pytest.fixture
def settings(service: Service, tmp_path: Path) -> Settings:
    return load(write_config(tmp_path, [service.url], {}))


@pytest.fixture
async def data(settings: Settings, keys: Keys) -> AsyncIterator[DataPlane]:
    plane = DataPlane(settings, Central(keys, {}), pseudonym=b"jwt-gateway-1")
    await plane.start()
    yield plane
    await plane.stop()


async def ask(data: DataPlane, target: str, *lines: bytes) -> Message:
    wire = await connect(data.addresses[0])
    wire.send(make_request(target, *lines))
    answer = await read_answer(wire)
    wire.transport.abort()
    return answer


async def test_requests_are_decided_by_the_keys_that_are_given(data: DataPlane) -> None:
    assert (await ask(data, "/api/x", bearer())).status == 200
    assert (await ask(data, "/api/x")).status == 401


async def test_it_calls_itself_as_it_is_told(data: DataPlane, service: Service) -> None:
    await ask(data, "/open/x")

    assert service.requests[0].all(b"via") == [b"1.1 jwt-gateway-1"]
    assert data.pseudonym == b"jwt-gateway-1"


async def test_all_that_happens_is_counted(data: DataPlane) -> None:
    for _ in range(2):
        await ask(data, "/api/x", bearer(good_token()))

    counts = data.counts()

    api = next(route for route in counts.routes if route.name == "api")
    assert api.allowed == 2
    assert (counts.memo_hits, counts.memo_misses, counts.memo_entries) == (1, 1, 1)
    assert counts.connections_total == 2


async def test_the_next_request_is_decided_by_the_next_configuration(
    data: DataPlane, service: Service, keys: Keys, tmp_path: Path
) -> None:
    routes: list[dict[str, Any]] = [
        {"name": "api", "match": {"path": "/other"}, "upstream": "main", "require": {}}
    ]
    assert (await ask(data, "/api/x", bearer())).status == 200

    data.use(load(write_config(tmp_path, [service.url], {"routes": routes})), Central(keys, {}))

    assert (await ask(data, "/api/x", bearer())).status == 404
    assert (await ask(data, "/other", bearer())).status == 200
    assert service.requests[-1].all(b"via") == [b"1.1 jwt-gateway-1"]


async def test_a_refusal_is_remembered(data: DataPlane) -> None:
    answer = await ask(data, "/api/x")
    request_id = json.loads(answer.body)["instance"]

    found = data.find_refusal(request_id)

    assert found is not None
    assert found["reason"] == "token_missing"
    assert data.find_refusal("nobody") is None
