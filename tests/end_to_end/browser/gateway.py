"""The installed gateway in front of the application, over TLS, with a login."""

import json
import secrets
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.certificates import write_pair
from tests.end_to_end.browser.driver import call
from tests.end_to_end.browser.names import CERTIFICATE
from tests.end_to_end.browser.provider import CLIENT_ID, CLIENT_SECRET, ORIGIN, STRONG, People
from tests.end_to_end.browser.worlds import StartProxy
from tests.end_to_end.conftest import AUDIENCE, running
from tests.hanging import LIMIT_SECONDS
from tests.limits.redis_server import running_redis


def make_config(people: People, service: str, **changes: Any) -> dict[str, Any]:
    """Return a configuration; *changes* replace sections, ``session`` that of the login."""
    session = changes.pop("session", {"store": "memory"})
    app = {"upstream": "app", "login": "web", "upgrades": ["websocket"]}
    return {
        "version": 1,
        "listen": {
            "address": "127.0.0.1:0",
            "tls": {"certificate": "server.pem", "key": "server.key"},
        },
        "admin": "127.0.0.1:0",
        "issuers": {
            "main": {
                "issuer": people.issuer,
                "discovery": True,
                "audiences": [AUDIENCE],
                "algorithms": ["ES256"],
                "leeway": "0s",
            }
        },
        "upstreams": {"app": {"servers": [service]}},
        "login": {
            "web": {
                "issuer": "main",
                "origins": [ORIGIN],
                "client_id": CLIENT_ID,
                "client_secret_file": "web.secret",
                "scopes": ["openid", "profile", "orders:read"],
                "resource": AUDIENCE,
                "session": session,
            }
        },
        "routes": [
            {"name": "home", "match": {"path": "/"}, "upstream": "app", "public": True},
            {
                "name": "public",
                "match": {"path_prefix": "/public/"},
                "upstream": "app",
                "public": True,
            },
            {
                "name": "app",
                "match": {"path_prefix": "/app/"},
                "require": {"scopes": ["orders:read"]},
                **app,
            },
            {
                "name": "strong",
                "match": {"path_prefix": "/strong/"},
                "require": {"scopes": ["orders:read"], "acr": [STRONG]},
                **app,
            },
        ],
        **changes,
    }


def kept_in(store: str) -> dict[str, Any]:
    """Return the section of sessions in *store*, with the key that ``running_command`` writes."""
    return {"store": store} | ({} if store == "memory" else {"key_files": ["session.key"]})


@contextmanager
def running_command(folder: Path, config: dict[str, Any]) -> Iterator[int]:
    """Yield the port of the installed command with *config*."""
    write_pair(folder, CERTIFICATE)
    (folder / "web.secret").write_text(CLIENT_SECRET)
    (folder / "session.key").write_text(b64encode(secrets.token_bytes(32)).decode())
    # JSON is YAML, too.
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(config))
    command = [str(Path(sys.executable).with_name("gateway")), "run", str(path)]
    with running(command, folder / "gateway.log") as started:
        yield int(started.wait_for(r"listening on 127\.0\.0\.1:([0-9]+)")[1])
        assert started.stop() == 0, started.output.read_text()
        # No token, and no part of one, in whatever it said and logged.
        assert "eyJ" not in started.output.read_text()


def starting(store: str = "memory", **changes: Any) -> StartProxy:
    """Return what starts a gateway that keeps sessions in *store*; *changes* replace sections."""

    @contextmanager
    def start(folder: Path, people: People, service: str) -> Iterator[int]:
        with ExitStack() as stack:
            more = dict(changes)
            if store == "redis":
                url = stack.enter_context(running_redis(folder)).url
                # However busy this machine is: nobody measures here how fast Redis is.
                more["redis"] = {"url": url, "timeout": "10s"}
            config = make_config(people, service, session=kept_in(store), **more)
            yield stack.enter_context(running_command(folder, config))

    return start


class Gateway:
    """The contender."""

    cookie = "__Host-session"
    logout_url = f"{ORIGIN}/oauth/logout"
    backchannel_path = "/oauth/backchannel-logout"
    patience_seconds = LIMIT_SECONDS

    async def log_out(self, page: Page) -> None:
        """Log out in *page*, until the provider's own page is there."""
        options = {"method": "POST", "headers": {"X-CSRF": "1"}}
        found = await call(page, "ask", "/oauth/logout", options)
        assert found["status"] == 200, found
        await page.goto(found["body"]["redirect"])
        await page.wait_for_selector("button")
