"""The pages of the demo's web application."""

import re
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from gateway.issuer.web_app import service
from gateway.issuer.web_app.service import web_application

FOLDER = Path(service.__file__).parent


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html"),
        ("/app/", "text/html"),
        ("/app/vault", "text/html"),
        ("/app/app.js", "text/javascript"),
        ("/style.css", "text/css"),
    ],
)
async def test_every_page_is_served_and_loads_only_its_own(
    aiohttp_client: AiohttpClient, path: str, content_type: str
) -> None:
    client = await aiohttp_client(web_application())

    answer = await client.get(path)

    assert answer.status == 200
    assert answer.content_type == content_type
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    linked = re.findall(r'(?:href|src)="([^"]+)"', await answer.text())
    for target in linked:
        assert (await client.get(target)).status == 200


async def test_nothing_else_is_served(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(web_application())

    for path in ("/app", "/service.py", "/app/..%2fservice.py"):
        assert (await client.get(path)).status == 404


def test_no_page_has_script_or_style_of_its_own() -> None:
    """Its Content-Security-Policy would refuse it."""
    for page in FOLDER.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"<script(?! src)|<style| style=| on\w+=", text), page.name


def test_the_page_keeps_nothing() -> None:
    """No token, and nothing else of worth, is in reach of a script (RFC 10017)."""
    script = (FOLDER / "app.js").read_text()

    assert not re.search(r"localStorage|sessionStorage|document\.cookie|innerHTML", script)
