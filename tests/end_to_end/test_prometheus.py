"""A real Prometheus scrapes a gateway under traffic, evaluates our rules, fills our dashboard."""

import asyncio
import json
import math
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from jwt.algorithms import ECAlgorithm

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.end_to_end.conftest import Program, program, running
from tests.hanging import LIMIT_SECONDS
from tests.project.monitoring import (
    ALERT_TESTS,
    ALERTS,
    PROMETHEUS,
    Query,
    alerts,
    panel_queries,
)
from tests.proxy.gateways import ROUTES, make_token, write_config
from tests.tokens import make_private

STREAM = {"name": "stream", "match": {"path": "/stream"}, "upstream": "main", "require": {}}
TRIAL = {
    "name": "trial",
    "match": {"path_prefix": "/trial/"},
    "upstream": "main",
    "require": {"scopes": ["trial"]},
    "mode": "report",
}
FEW = {
    "name": "few",
    "match": {"path": "/few"},
    "upstream": "main",
    "public": True,
    "rate_limits": ["few"],
}
CROWDED = {
    "name": "crowded",
    "match": {"path": "/crowded"},
    "upstream": "main",
    "public": True,
    "limits": {"requests": 1},
}
BROWSED = {
    "name": "browsed",
    "match": {"path_prefix": "/app/"},
    "upstream": "main",
    "login": "web",
    "require": {},
}
WITH_TOKEN = {"name": "token", "match": {"path": "/own"}, "upstream": "token", "require": {}}
ASKED = {
    "name": "asked",
    "match": {"path_prefix": "/asked/"},
    "upstream": "main",
    "require": {"issuers": ["asked"]},
}
DOWN = {"name": "down", "match": {"path": "/down"}, "upstream": "down", "public": True}


# --- the files, as promtool reads them


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    """Return what promtool says; it must be content."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)],
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_the_rules_are_rules() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "--lint-fatal", ALERTS)


def test_the_configuration_is_one_and_finds_the_rules() -> None:
    assert "1 rule files found" in promtool("check", "config", PROMETHEUS)


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", ALERT_TESTS)


def test_a_rule_that_is_wrong_is_found(tmp_path: Path) -> None:
    """What the test above tests with is no mere parser."""
    wrong = ALERTS.read_text().replace('up{job="gateway"} == 0', 'up{job="gateway"} == 2')
    (tmp_path / ALERTS.name).write_text(wrong)
    tests = yaml.safe_load(ALERT_TESTS.read_text())
    (tmp_path / ALERT_TESTS.name).write_text(yaml.safe_dump(tests | {"tests": tests["tests"][:1]}))

    with pytest.raises(AssertionError, match="GatewayDown"):
        promtool("test", "rules", tmp_path / ALERT_TESTS.name)


# --- a gateway, its service, and its clients


def metadata(issuer: str) -> Mapping[str, object]:
    """Return what an issuer says that browsers could log in at."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "code_challenge_methods_supported": ["S256"],
    }


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer a stream of events that never ends, or else a few bytes; to a crowd, slowly."""
    if request.path == "/crowded":
        await asyncio.sleep(0.2)
    if request.path == "/.well-known/openid-configuration":
        return web.json_response(metadata(f"http://{request.host}"))
    if request.path == "/jwks":
        jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
        return web.json_response({"keys": [{**jwk, "kid": "k1", "alg": "ES256", "use": "sig"}]})
    if request.path == "/introspect":
        return web.json_response({"active": False})
    if request.path == "/token":
        token = {"access_token": "one-for-a-service", "token_type": "Bearer", "expires_in": 600}
        return web.json_response(token)
    if request.path != "/stream":
        return web.Response(text="hello")
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(request)
    while True:
        await stream.write(b": still here\n\n")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def service() -> AsyncIterator[str]:
    """Yield the address of a service."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def config_of(folder: Path, service: str, down: socket.socket) -> Path:
    """Write a configuration that has something of all that is measured."""
    write_pair(folder, AUTHORITY.issue_cert("127.0.0.1"))
    (folder / "client-secret").write_text("secret-of-the-gateway")
    (folder / "revoked.json").write_text(json.dumps({"revoked": [{"jti": "gone"}]}))
    path = write_config(
        folder, [service], {"workers": 2, "routes": [*ROUTES, STREAM, TRIAL, DOWN, FEW, CROWDED]}
    )
    config = yaml.safe_load(path.read_text())
    config["listen"] = {
        "address": "127.0.0.1:0",
        "tls": {"certificate": "server.pem", "key": "server.key"},
    }
    config["issuers"]["main"]["leeway"] = "0s"
    config["upstreams"]["down"] = {"servers": [f"http://127.0.0.1:{down.getsockname()[1]}"]}
    config["rate_limits"] = {"few": {"rate": "1/1h", "key": "address"}}
    config["revocations"] = {"blocked": {"file": "revoked.json"}}
    # What nobody does yet is shown as 0: the service is an issuer with metadata and keys.
    config["issuers"]["people"] = {
        "issuer": service, "discovery": True, "audiences": ["people"], "algorithms": ["ES256"],
    }  # fmt: skip
    config["issuers"]["asked"] = {
        "issuer": f"{service}/asked",
        "audiences": ["asked"],
        "introspection": {
            "url": f"{service}/introspect",
            "client_id": "gateway",
            "client_secret_file": "client-secret",
        },
    }
    config["login"] = {
        "web": {
            "issuer": "people",
            "origins": ["https://app.example.com"],
            "client_id": "web",
            "client_auth": "none",
            "scopes": ["openid"],
        }
    }
    config["upstreams"]["token"] = {
        "servers": [service],
        "credentials": {
            "client_credentials": {
                "issuer": "people",
                "client_id": "gateway",
                "client_secret_file": "client-secret",
            }
        },
    }
    config["routes"] += [BROWSED, WITH_TOKEN, ASKED]
    path.write_text(yaml.safe_dump(config))
    return path


class Clients:
    """Clients who ask for all kinds of things, again and again, until they are stopped."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._tls: ssl.SSLContext = trusting()
        self._token = make_token().decode()

    async def ask(self) -> None:
        """Ask for ever."""
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(self._origin, connector=connector) as session:
            while True:
                # Each in turn, on one kept connection.
                for method, path, token in (
                    *[("GET", "/api/x", self._token)] * 5,
                    ("POST", "/open/x", None),
                    ("GET", "/api/x", None),
                    ("GET", "/asked/x", "an-opaque-token"),
                    ("GET", "/admin/x", self._token),
                    ("GET", "/nowhere", None),
                    ("GET", "/trial/x", None),
                    ("GET", "/down", None),
                    ("GET", "/few", None),
                ):
                    fields = {} if token is None else {"Authorization": f"Bearer {token}"}
                    async with session.request(method, path, headers=fields) as answered:
                        await answered.read()
                await asyncio.sleep(0.02)

    async def crowd(self) -> None:
        """Ask for more at one time than may be under way, in whichever worker."""
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(self._origin, connector=connector) as session:

            async def ask() -> None:
                async with session.get("/crowded") as answered:
                    await answered.read()

            while True:
                await asyncio.gather(*(ask() for _ in range(6)))
                await asyncio.sleep(0.1)

    async def outlast_tokens(self) -> None:
        """Read streams of events whose tokens end, one after the other."""
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(self._origin, connector=connector) as session:
            while True:
                token = make_token(exp=int(time.time()) + 2).decode()
                fields = {"Authorization": f"Bearer {token}"}
                async with session.get("/stream", headers=fields) as answered:
                    await answered.read()


@asynccontextmanager
async def traffic(origin: str) -> AsyncIterator[None]:
    """Have clients ask for as long as the block lasts."""
    clients = Clients(origin)
    tasks = [
        asyncio.create_task(one()) for one in (clients.ask, clients.crowd, clients.outlast_tokens)
    ]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- Prometheus


class Prometheus:
    """A running Prometheus, over its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the data that *path* of the API answers with."""
        async with self._session.get(f"/api/v1/{path}", params=parameters) as answered:
            body = await answered.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    async def values(self, expr: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and the value of every series that *expr* has now."""
        result = (await self.get("query", query=expr))["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    async def alerts(self) -> list[Any]:
        """Return all alerts that are pending or fire."""
        found: list[Any] = (await self.get("alerts"))["alerts"]
        return found

    async def wait_ready(self) -> None:
        """Wait until it answers."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                with suppress(aiohttp.ClientConnectionError):
                    async with self._session.get("/-/ready") as answered:
                        if answered.status == 200:
                            return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[Prometheus]:
    """Run a Prometheus on the configuration that we ship, but for the address and the pace."""
    config = yaml.safe_load(PROMETHEUS.read_text())
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(ALERTS)]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    command = [
        program("prometheus"),
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, folder / "prometheus.log"):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            started = Prometheus(session)
            await started.wait_ready()
            yield started


def in_grafana(query: Query) -> str:
    """Return the expression as Grafana asks it with all instances chosen."""
    variables = {"$__rate_interval": "1m", "$job": "gateway", "$instance": ".*"}
    expr = query.expr
    for name, value in variables.items():
        expr = expr.replace(name, value)
    return expr


async def shown(asked: Prometheus, query: Query) -> bool:
    """Return whether a panel has a figure to show, with all that its legend names."""
    series = await asked.values(in_grafana(query))
    legend = set(query.legend_labels())
    return any(not math.isnan(value) and legend <= set(labels) for labels, value in series)


async def test_every_panel_has_something_to_show_and_every_rule_is_evaluated(
    tmp_path: Path,
) -> None:
    command = [str(Path(sys.executable).with_name("gateway")), "run"]
    async with service() as address:
        # Bound and not listening: who connects is refused, and nobody else can have the port.
        with socket.socket() as down:
            down.bind(("127.0.0.1", 0))
            config = config_of(tmp_path, address, down)
            with running([*command, str(config)], tmp_path / "gateway.log") as gateway:
                data = gateway.wait_for(r"listening on (127\.0\.0\.1:[0-9]+)\n")[1]
                admin = gateway.wait_for(r"admin on (127\.0\.0\.1:[0-9]+)\n")[1]
                async with prometheus(tmp_path, admin) as asked:
                    await watch(asked, gateway, data, admin)


async def watch(asked: Prometheus, gateway: Program, data: str, admin: str) -> None:
    async with traffic(f"https://{data}"):
        await every_panel_is_filled(asked)
        await every_rule_is_evaluated(asked)
        await promtool_takes_the_page(admin)
    await kill_a_worker(admin)
    await until_pending(asked, "GatewayWorkersRestart")
    gateway.stop()
    await until_pending(asked, "GatewayDown")


async def every_panel_is_filled(asked: Prometheus) -> None:
    empty = panel_queries()
    deadline = time.monotonic() + LIMIT_SECONDS
    while empty and time.monotonic() < deadline:
        empty = [query for query in empty if not await shown(asked, query)]
        await asyncio.sleep(0.2)

    assert [(query.name, in_grafana(query)) for query in empty] == []


async def every_rule_is_evaluated(asked: Prometheus) -> None:
    # Half of all requests to one upstream come to nothing, and nothing else is the matter.
    await until_pending(asked, "GatewayUpstreamFails")
    groups = (await asked.get("rules"))["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}

    assert set(rules) == {rule["alert"] for rule in alerts()}
    assert {
        name: rule.get("lastError") for name, rule in rules.items() if rule["health"] != "ok"
    } == {}
    quiet = {name for name, rule in rules.items() if rule["state"] == "inactive"}
    assert quiet >= {"GatewayDown", "GatewayNotReady", "GatewayHasNoKeys", "GatewayReloadFailed"}


async def kill_a_worker(admin: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://{admin}/status") as page:
        status = await page.json()

    os.kill(status["workers"][0]["pid"], signal.SIGKILL)


async def until_pending(asked: Prometheus, name: str) -> None:
    """Wait until what an alert watches for is the case; it may fire at once."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not any(one["labels"]["alertname"] == name for one in await asked.alerts()):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.1)


async def promtool_takes_the_page(admin: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://{admin}/metrics") as page:
        text = await page.read()

    # It also says what it would name otherwise, and then ends with 3.
    assert await asyncio.to_thread(promtool, "check", "metrics", given=text) == ""
