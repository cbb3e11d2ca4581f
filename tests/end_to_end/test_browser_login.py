"""The installed gateway, with two workers, logs a person in at the real OpenID provider."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientSession, DummyCookieJar

from tests.end_to_end.conftest import AUDIENCE, Provider, running, running_service
from tests.end_to_end.person import Person, make_browser

HOST = "app.example.test"
ORIGIN = f"https://{HOST}"
SETTINGS = {
    "clients": {
        "web": {
            "redirect_uris": [f"{ORIGIN}/oauth/callback"],
            "post_logout_redirect_uris": [f"{ORIGIN}/bye"],
        }
    }
}
CONFIG = """
version: 1
listen: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 2
issuers:
  provider:
    issuer: {issuer}
    discovery: true
    audiences: ["{audience}"]
    algorithms: [ES256]
    profile: rfc9068
    leeway: 0s
upstreams:
  orders:
    servers: ["{service}"]
login:
  web:
    issuer: provider
    origins: ["{origin}"]
    client_id: web
    client_secret: ${{WEB_SECRET}}
    scopes: [openid, orders:read]
    resource: {audience}
    after_logout: /bye
routes:
  - name: orders
    match: {{path_prefix: /orders/}}
    upstream: orders
    login: web
    require: {{scopes: [orders:read]}}
  - name: payments
    match: {{path_prefix: /payments/}}
    upstream: orders
    login: web
    require: {{scopes: [orders:read], acr: ["urn:mfa"]}}
"""
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}
JsonObject = dict[str, Any]

# So long that the token is refreshed a few times, whatever the machine does meanwhile.
REFRESHING_SECONDS = 6.0


@dataclass(frozen=True)
class World:
    provider: Provider
    data: str


@pytest.fixture(scope="module")
def world(provider_modules: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    provider = Provider(folder, SETTINGS)
    provider.start()
    command = Path(sys.executable).with_name("gateway")
    config = folder / "gateway.yaml"
    secret = {"WEB_SECRET": "web-secret-of-the-end-to-end-tests"}
    try:
        with running_service(folder) as service:
            config.write_text(
                CONFIG.format(
                    issuer=provider.issuer, audience=AUDIENCE, service=service, origin=ORIGIN
                )
            )
            run = [str(command), "run", str(config)]
            with running(run, folder / "gateway.log", secret) as started:
                data = started.wait_for(r"listening on (127\.0\.0\.1:[0-9]+)\n")[1]
                yield World(provider, f"http://{data}")
                assert started.stop() == 0, started.output.read_text()
                said = started.output.read_text()
        # 6750.10: no token, no code and no cookie in whatever it said and logged.
        assert "eyJ" not in said
        assert "__Host-" not in said
        assert "code=" not in said
        assert "Traceback" not in said
    finally:
        provider.stop()


@dataclass
class Browser:
    """The person's browser, as the gateway sees it: each request on a connection of its own."""

    world: World
    session: ClientSession
    person: Person
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, target: str, method: str = "GET", **fields: str
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {"Host": HOST, **{name.replace("_", "-"): one for name, one in fields.items()}}
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        url = self.world.data + target
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False
        ) as response:
            for one in response.headers.getall("Set-Cookie", ()):
                name, _, rest = one.partition("=")
                value, _, attributes = rest.partition(";")
                self.cookies[name] = value
                if "Max-Age=0" in attributes:
                    del self.cookies[name]
            return response.status, dict(response.headers), await response.read()

    async def navigate(self, target: str, **given: Any) -> tuple[int, JsonObject | str]:
        """Go to *target*, by way of the provider if it comes to that; return the page."""
        for _ in range(3):
            status, fields, body = await self.ask(target, **NAVIGATION)
            if status not in {302, 303}:
                text = body.decode()
                return status, json.loads(text) if text.startswith("{") else text
            url = fields["Location"]
            if not url.startswith(ORIGIN):
                url = await self.person.visit(url, **given)
            assert url.startswith(f"{ORIGIN}/")
            target = url[len(ORIGIN) :]
        raise AssertionError("redirects without end")


@asynccontextmanager
async def browsing(world: World, name: str = "alice") -> AsyncIterator[Browser]:
    async with (
        make_browser() as pages,
        ClientSession(cookie_jar=DummyCookieJar()) as session,
    ):
        yield Browser(world, session, Person(pages, world.provider.issuer, name))


async def test_a_person_logs_in_and_out(world: World) -> None:
    async with browsing(world) as browser:
        status, page = await browser.navigate("/orders/7?a=1")
        assert isinstance(page, dict)
        assert (status, page["target"], page["subject"]) == (200, "/orders/7?a=1", "alice")
        assert page["authorization"] == ""
        assert list(browser.cookies) == ["__Host-session"]
        claims = json.loads((await browser.ask("/oauth/userinfo"))[2])
        assert claims["sub"] == "alice"

        fields = {"X_CSRF": "1", "Origin": ORIGIN, "Sec_Fetch_Site": "same-origin"}
        status, _, body = await browser.ask("/oauth/logout", "POST", **fields)
        url = json.loads(body)["redirect"]
        assert (status, browser.cookies) == (200, {})
        assert dict(parse_qsl(urlsplit(url).query))["post_logout_redirect_uri"] == f"{ORIGIN}/bye"
        assert await browser.person.visit(url) == f"{ORIGIN}/bye"
        assert (await browser.ask("/orders/7"))[0] == 401


async def test_a_person_who_refuses_gets_a_page(world: World) -> None:
    async with browsing(world, "bob") as browser:
        _, fields, _ = await browser.ask("/orders/7", **NAVIGATION)
        url = await browser.person.visit(fields["Location"], allow=False)
        status, _, body = await browser.ask(url[len(ORIGIN) :], **NAVIGATION)

        assert status == 400
        assert b"Log in again" in body
        assert not browser.cookies


async def test_a_page_that_needs_more_steps_the_login_up(world: World) -> None:
    async with browsing(world) as browser:
        assert (await browser.navigate("/orders/7"))[0] == 200
        former = dict(browser.cookies)
        status, page = await browser.navigate("/payments/1", otp="123456")

        assert (status, isinstance(page, dict)) == (200, True)
        assert browser.cookies != former


async def test_forty_requests_at_a_time_never_fail_while_tokens_are_refreshed(
    world: World,
) -> None:
    """The provider ends a session whose refresh token is used twice, by any of two workers."""
    world.provider.change(accessTokenSeconds=2)
    try:
        async with browsing(world) as browser:
            assert (await browser.navigate("/orders/7"))[0] == 200
            ends_at = time.monotonic() + REFRESHING_SECONDS
            while time.monotonic() < ends_at:
                answers = await asyncio.gather(*(browser.ask("/orders/7") for _ in range(40)))
                bad = [one for one in answers if one[0] != 200]
                assert not bad, bad[0]
    finally:
        world.provider.change(accessTokenSeconds=600)
