"""A list of tenants in a file: a change of it is a change of the configuration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.reloading.watch import FileWatch
from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from gateway.settings.values.configuration import Settings
from tests.proxy.gateways import (
    AUDIENCE,
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service

PATTERN = "https://login.example/{tenantid}/v2.0"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


def settings_with(directory: Path, service: Service, *tenants: str) -> Settings:
    (directory / "tenants.txt").write_text("\n".join(tenants))
    main = {
        "issuer": PATTERN,
        "also_issued_as": ["https://sts.example/{tenantid}/"],
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "tenants": {"allow_file": "tenants.txt"},
    }
    return load(write_config(directory, [service.url], {"issuers": {"main": main}}))


async def status(running: RunningGateway, tenant: str, own: str | None = None) -> int:
    token = make_token(iss=PATTERN.replace("{tenantid}", tenant), tid=own or tenant)
    return (await running.ask(make_request("/api/x", bearer(token)))).status


async def test_a_tenant_that_comes_is_accepted_and_one_that_goes_is_refused(
    service: Service, tmp_path: Path
) -> None:
    async with running_gateway(settings_with(tmp_path, service, "acme", "globex")) as running:
        before = [await status(running, one) for one in ("acme", "globex", "umbrella")]
        crossed = await status(running, "acme", "globex")
        await running.gateway.reload(settings_with(tmp_path, service, "acme", "umbrella"))
        after = [await status(running, one) for one in ("acme", "globex", "umbrella")]

    assert before == [200, 200, 401]
    assert crossed == 401
    assert after == [200, 401, 200]


async def test_a_service_receives_the_iss_of_the_tenant(service: Service, tmp_path: Path) -> None:
    token = make_token(iss="https://sts.example/acme/", tid="acme")
    async with running_gateway(settings_with(tmp_path, service, "acme")) as running:
        await running.ask(make_request("/api/x", bearer(token)))

    (request,) = service.requests
    assert request.all(b"x-gateway-issuer") == [b"https://sts.example/acme/"]


def test_the_file_is_watched_and_read_once_for_all_workers(
    service: Service, tmp_path: Path
) -> None:
    settings = settings_with(tmp_path, service, "acme")
    disk = RecordingDisk()
    load_settings(tmp_path / "gateway.yaml", {}, disk)
    watch = FileWatch(disk.record)
    quiet = [watch.look() for _ in range(3)]
    (tmp_path / "tenants.txt").write_text("acme\nglobex\n")

    assert quiet == [False] * 3
    assert [watch.look() for _ in range(2)] == [False, True]
    again = load_settings(tmp_path / "gateway.yaml", {}, replay(disk.record))
    assert isinstance(again, Loaded)
    assert again.settings.issuers["main"].issuer.tenants == settings.issuers["main"].issuer.tenants
