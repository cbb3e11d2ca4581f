"""`docs/services.md`: its example behaves as it shows, with real servers that stop and restart."""

import json
import logging
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import program
from tests.project.console import find_fences
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import RunningGateway, load, running_gateway
from tests.proxy.load import running_load
from tests.proxy.pools import eventually

__all__ = ["pytest_asyncio_loop_factories"]

PAGE = (Path(__file__).parents[2] / "docs" / "services.md").read_text()
FENCES = {fence.language: fence.body for fence in find_fences(PAGE)}

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/record;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{ return 200 "ok"; }}
    }}
}}
"""


class Nginx:
    """An nginx with a port of its own, which refuses connections while it is stopped."""

    def __init__(self, folder: Path, holder: socket.socket) -> None:
        # A socket that does not listen holds the port, so that no other test takes it.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        self.port = holder.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(folder=self._folder, port=self.port))
        command = [program("nginx"), "-e", "stderr", "-p", str(self._folder), "-c", str(config)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Nginx]]:
    """Return two servers that are not running yet."""
    with ExitStack() as stack:
        made = []
        for number in range(2):
            holder = stack.enter_context(socket.socket())
            nginx = Nginx(tmp_path / f"nginx-{number}", holder)
            stack.callback(nginx.kill)
            made.append(nginx)
        yield made


def write_example(directory: Path, servers: list[Nginx]) -> Path:
    """Write the configuration of the page for *servers*, with shorter times."""
    config = yaml.safe_load(FENCES["yaml"])
    config |= {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "access_log": "none"}
    orders = config["upstreams"]["orders"]
    orders["servers"] = [server.url for server in servers]
    orders["health"]["interval"] = "50ms"
    orders["ejection"]["time"] = "200ms"
    path = directory / "gateway.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def states(gateway: RunningGateway, server: Nginx) -> str:
    for state in ("up", "ejected", "unhealthy"):
        name, label = "gateway_upstream_server_addresses", f"127.0.0.1:{server.port}"
        if gateway.metric(name, upstream="orders", server=label, state=state):
            return state
    return ""


async def test_the_example_does_what_the_page_says(
    servers: list[Nginx], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = servers
    first.start()
    settings = load(write_example(tmp_path, servers))
    with caplog.at_level(logging.WARNING):
        async with running_gateway(settings) as gateway:
            await eventually(
                lambda: (states(gateway, first), states(gateway, second)) == ("up", "unhealthy")
            )
            status: Any = await gateway.gateway.status()
            (upstream,) = status["upstreams"]
            second.start()
            await eventually(lambda: states(gateway, second) == "up")

    shown = json.loads(FENCES["json"])
    assert upstream["servers"][1]["addresses"] == [shown]
    lines = FENCES["text"].replace("9002", str(second.port)).splitlines()
    said = [line for line in caplog.messages if str(second.port) in line]
    assert said == lines


async def test_no_client_notices_when_one_of_the_servers_is_killed(
    servers: list[Nginx], tmp_path: Path
) -> None:
    """A GET may be retried, as the example says."""
    first, second = servers
    for server in servers:
        server.start()
    async with running_gateway(load(write_example(tmp_path, servers))) as gateway:
        await eventually(
            lambda: (
                (states(gateway, first), states(gateway, second)) == ("up", "up")
                and gateway.metric(
                    "gateway_upstream_server_checks_total",
                    upstream="orders",
                    server=f"127.0.0.1:{second.port}",
                )
                > 0
            )
        )
        async with running_load(gateway, 8, "/orders/") as clients:
            await clients.more(300)
            second.kill()
            await clients.more(300)
            second.start()
            await eventually(lambda: states(gateway, second) == "up")
            await clients.more(100)

    assert clients.failed == set()
