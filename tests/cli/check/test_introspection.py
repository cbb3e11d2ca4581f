"""`gateway check --online` asks about a token that does not exist."""

import time
from pathlib import Path

import pytest
from aiohttp import web

from gateway.cli.check.online import find_online
from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.fault import Fault
from tests.introspection.gateways import issuer_section
from tests.introspection.introspector import CLIENT_ID, Introspector, running_introspector
from tests.proxy.gateways import write_config
from tests.proxy.service import running_service


async def tried(
    directory: Path, issuer: Introspector, iss: str = "", **changes: str
) -> list[Fault]:
    async with running_service() as service:
        (directory / "secret").write_text("a secret")
        sections = {"issuers": {"idp": issuer_section(iss or issuer.url, **changes)}}
        path = write_config(directory, [service.url], sections)
        loaded = load_settings(path, {})
        assert isinstance(loaded, Loaded), loaded
        return list(await find_online(loaded.settings, loaded.places))


async def test_an_issuer_that_answers_is_good(tmp_path: Path) -> None:
    async with running_introspector() as issuer:
        assert await tried(tmp_path, issuer) == []
        assert len(issuer.asked) == 1


async def test_so_is_one_that_signs_its_answers(tmp_path: Path) -> None:
    async with running_introspector() as issuer:
        issuer.signs_for, issuer.now = CLIENT_ID, 1.0
        (late,) = await tried(tmp_path, issuer, response="jwt")
        assert "iat is not the time" in late.message

        issuer.now = time.time()
        assert await tried(tmp_path, issuer, response="jwt") == []


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ('{"error": "invalid_client"}', 401, "invalid_client"),
        ('{"active": true}', 200, "never issued"),
        ('{"active": "no"}', 200, "neither true nor false"),
        ("", 503, "status 503"),
    ],
)
async def test_one_that_does_not_is_a_fault_at_its_place(
    text: str, status: int, words: str, tmp_path: Path
) -> None:
    async with running_introspector() as issuer:
        issuer.says = web.Response(text=text, status=status, content_type="application/json")
        (fault,) = await tried(tmp_path, issuer)

    assert fault.code.value == "introspection_unusable"
    assert words in fault.message
    line = (tmp_path / "gateway.yaml").read_text().splitlines()[fault.place.line - 1]
    assert "client_id" in line


async def test_metadata_of_somebody_else_lead_nowhere(tmp_path: Path) -> None:
    async with running_introspector() as issuer:
        (fault,) = await tried(tmp_path, issuer, issuer.url + "/other")
        assert issuer.asked == []

    assert "names another issuer" in fault.message
