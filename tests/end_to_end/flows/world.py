"""The gateway between a browser, the OpenID provider and a service, every message recorded."""

import asyncio
import re
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from tests.end_to_end.browser.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    STRONG,
    People,
    running_people,
)
from tests.end_to_end.conftest import AUDIENCE, running
from tests.end_to_end.flows.drawing import Names
from tests.end_to_end.flows.relay import Record, Relay, ask, relaying
from tests.proxy.messages import Message
from tests.proxy.service import running_service, serve

APP, LOGIN = "app.example.com", "login.example.com"

CONFIG = """
version: 1
listen: 127.0.0.1:0
admin: 127.0.0.1:0
issuers:
  main:
    issuer: {issuer}
    discovery: true
    audiences: ["{audience}"]
    algorithms: [ES256]
    leeway: 0s
upstreams:
  app: {{servers: ["{service}"]}}
login:
  web:
    issuer: main
    origins: ["{origin}"]
    client_id: {client_id}
    client_secret_file: web.secret
    scopes: [openid, profile, orders:read]
    resource: {audience}
routes:
  - name: app
    match: {{path_prefix: /app/}}
    upstream: app
    login: web
    require: {{scopes: [orders:read]}}
  - name: payments
    match: {{path_prefix: /payments/}}
    upstream: app
    login: web
    require: {{scopes: [orders:read], acr: ["{strong}"]}}
"""

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>Orders</h1>"

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCH = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Keeps cookies by port, and follows a redirect only when it is told to."""

    jars: dict[int, dict[str, str]] = field(default_factory=dict)

    async def send(
        self, url: str, fields: Mapping[str, str], method: str = "GET", body: bytes | None = None
    ) -> Message:
        """Return the answer to one request."""
        parts = urlsplit(url)
        jar = self.jars.setdefault(parts.port or 0, {})
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = {"Host": parts.netloc, "User-Agent": "browser", **fields}
        if jar:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if body is not None:
            lines["Content-Length"] = str(len(body))
        pairs = tuple((name.encode(), value.encode()) for name, value in lines.items())
        request = Message(f"{method} {target} HTTP/1.1".encode(), pairs, body or b"")
        answer = await ask(parts.port or 0, request)
        for line in answer.all(b"set-cookie"):
            self._keep(line.decode(), jar)
        return answer

    async def open(self, url: str) -> Message:
        """Return the answer to a navigation."""
        return await self.send(url, NAVIGATION)

    @staticmethod
    def _keep(line: str, jar: dict[str, str]) -> None:
        name, _, value = line.partition(";")[0].partition("=")
        if re.search(r"max-age=0|expires=thu, 01 jan 1970", line, re.IGNORECASE):
            jar.pop(name, None)
        else:
            jar[name] = value


@dataclass
class World:
    """Everything that runs; *origin* is that of the application."""

    origin: str
    people: People
    browser: Browser
    record: Record
    names: Names

    async def sign_in(self, url: str, **form: str) -> str:
        """Do at the provider what a person does there, beginning at *url*; return the way back."""
        answer = await self.browser.open(url)
        while not (place := location(answer, url)).startswith(self.origin):
            url = place
            answer = await self.browser.open(url)
            if answer.status == 200:
                fields = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded"}
                answer = await self.browser.send(url, fields, "POST", urlencode(form).encode())
        return place

    async def log_in(self, path: str, **form: str) -> Message:
        """Open *path* without a session, and log in; return the answer of the callback."""
        answer = await self.browser.open(self.origin + path)
        back = await self.sign_in(location(answer, self.origin), **form)
        return await self.browser.open(back)


def location(answer: Message, base: str) -> str:
    """Return where *answer* redirects to."""
    return urljoin(base, answer.one(b"location").decode())


@asynccontextmanager
async def running_world(folder: Path) -> AsyncIterator[World]:
    """Yield a world that runs."""
    record = Record()
    async with AsyncExitStack() as stack:
        front = await stack.enter_async_context(relaying(Relay("gateway", "provider", record)))
        login = await stack.enter_async_context(relaying(Relay("provider", "gateway", record)))
        behind = await stack.enter_async_context(relaying(Relay("service", "gateway", record)))
        service = await stack.enter_async_context(running_service())
        service.script = serve(PAGE)
        behind.target = service.address[1]
        people = stack.enter_context(
            running_people(folder, client(front.origin), issuer=login.origin)
        )
        login.target = urlsplit(people.address).port or 0
        (folder / "web.secret").write_text(CLIENT_SECRET)
        path = folder / "gateway.yaml"
        path.write_text(
            CONFIG.format(
                issuer=login.origin,
                audience=AUDIENCE,
                service=behind.origin,
                origin=front.origin,
                client_id=CLIENT_ID,
                strong=STRONG,
            )
        )
        command = [str(Path(sys.executable).with_name("gateway")), "run", str(path)]
        started = stack.enter_context(running(command, folder / "gateway.log"))
        said = r"listening on 127\.0\.0\.1:([0-9]+)"
        # In a thread, for it asks the provider meanwhile, through the relay.
        front.target = int((await asyncio.to_thread(started.wait_for, said))[1])
        yield World(front.origin, people, Browser(), record, _names(front, login, behind))


def client(origin: str) -> dict[str, object]:
    """Return the gateway as it is registered at the provider."""
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": [f"{origin}/oauth/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "backchannel_logout_uri": f"{origin}/oauth/backchannel-logout",
        "backchannel_logout_session_required": True,
        "id_token_signed_response_alg": "ES256",
    }


def _names(front: Relay, login: Relay, behind: Relay) -> Names:
    basic = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    places = {basic: "{client_id:client_secret}"}
    for relay, host in ((front, APP), (login, LOGIN), (behind, "app.internal")):
        places[relay.origin] = f"https://{host}" if relay is not behind else f"http://{host}"
        places[f"127.0.0.1:{relay.port}"] = host
    return Names(places)
