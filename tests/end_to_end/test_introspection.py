"""Opaque tokens of a real authorization server, Django with django-oauth-toolkit."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.hanging import LIMIT_SECONDS
from tests.introspection.gateways import issuer_section
from tests.proxy.gateways import load, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service
from tests.supervisor.pools import serving

pytestmark = pytest.mark.skipif(
    find_spec("oauth2_provider") is None, reason="django-oauth-toolkit is not installed"
)

SERVER = Path(__file__).parent / "django_server" / "server.py"
SECRET = "a-secret-of-both-clients"
ROUTE = {
    "name": "api",
    "match": {"path_prefix": "/api/"},
    "upstream": "main",
    "require": {"scopes": ["api:read"]},
}


@asynccontextmanager
async def django_server(directory: Path) -> AsyncIterator[str]:
    """Yield the URL of a new server, which ends with the test."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SERVER), str(directory / "tokens.sqlite")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            url = (await process.stdout.readline()).decode().strip()
        assert url, "the server did not start"
        yield url
    finally:
        process.stdin.close()
        await process.wait()


async def post(session: ClientSession, url: str, **form: str) -> dict[str, Any]:
    client = {"client_id": "shop", "client_secret": SECRET}
    async with session.post(url, data={**form, **client}) as response:
        assert response.status == 200
        members: dict[str, Any] = json.loads(await response.text() or "{}")
        return members


def sections(directory: Path, url: str, cache: str) -> dict[str, Any]:
    (directory / "secret").write_text(SECRET)
    one = issuer_section(url, url=f"{url}/o/introspect/", cache=cache)
    # This server says nothing about audiences.
    return {"issuers": {"idp": {**one, "audiences": "unchecked"}}}


async def test_a_token_is_accepted_until_it_is_revoked_at_its_server(tmp_path: Path) -> None:
    """7662.1, 7662.2, 7662.4."""
    async with (
        django_server(tmp_path) as url,
        running_service() as service,
        ClientSession() as session,
    ):
        changes = {"routes": [ROUTE], **sections(tmp_path, url, "60s")}
        settings = load(write_config(tmp_path, [service.url], changes))
        async with running_gateway(settings) as gateway:

            async def ask(token: str) -> int:
                request = make_request("/api/x", f"Authorization: Bearer {token}")
                return (await gateway.ask(request)).status

            form = {"grant_type": "client_credentials"}
            good = await post(session, f"{url}/o/token/", scope="api:read", **form)
            other = await post(session, f"{url}/o/token/", scope="introspection", **form)
            token: str = good["access_token"]
            assert "." not in token
            assert await ask(token) == 200
            assert await ask(other["access_token"]) == 403
            assert await ask("made-up") == 401

            await post(session, f"{url}/o/revoke_token/", token=token)
            assert await ask(token) == 200  # its answer still counts
            gateway.pass_time(61)
            assert await ask(token) == 401
            assert len(service.requests) == 2


async def test_two_workers_accept_and_refuse_alike(tmp_path: Path) -> None:
    async with (
        django_server(tmp_path) as url,
        running_service() as service,
        ClientSession() as session,
    ):
        form = {"grant_type": "client_credentials", "scope": "api:read"}
        token = (await post(session, f"{url}/o/token/", **form))["access_token"]
        await _ask_two_workers(tmp_path, url, service, session, token)


async def _ask_two_workers(
    directory: Path, url: str, service: Service, session: ClientSession, token: str
) -> None:
    issuers = sections(directory, url, "0s")["issuers"]
    async with serving(directory, route=ROUTE, servers=[service.url], issuers=issuers) as stage:

        async def ask() -> set[int]:
            field = f"Authorization: Bearer {token}\r\n".encode()
            return {await (await stage.send("/api/x", field)).status() for _ in range(4)}

        assert await ask() == {200}
        await post(session, f"{url}/o/revoke_token/", token=token)
        assert await ask() == {401}
        assert len(service.requests) == 4
