"""The health check of a server is run before the configuration is live."""

from pathlib import Path

import pytest

from gateway.cli.check.servers import ask_health
from tests.cli.peers import http_peer
from tests.proxy.stream_service import running_streams
from tests.settings.configs import load, one_upstream


@pytest.mark.parametrize(
    ("health", "failure"),
    [
        ("", None),
        (", health: {path: /healthz}", "its health check got 503, not 200-299"),
        (", health: {path: /healthz, statuses: [503]}", None),
    ],
)
async def test_a_server_is_asked_as_the_configuration_says(
    health: str, failure: str | None, tmp_path: Path
) -> None:
    with http_peer(b"", 503) as url:
        settings = load(tmp_path, one_upstream(f'{{servers: ["{url}"]{health}}}'))
        orders = settings.upstreams["orders"]

        assert await ask_health(orders.servers[0], orders, settings.timeouts, None) == failure


async def test_a_server_that_should_speak_http_2_must(tmp_path: Path) -> None:
    async with running_streams() as speaking:
        with http_peer(b"", 200) as silent:
            for url, failure in (
                (speaking.url, None),
                (silent, "it does not speak HTTP/2: the connection ended before its SETTINGS"),
            ):
                text = f'{{servers: ["{url}"], protocol: h2c}}'
                settings = load(tmp_path, one_upstream(text))
                orders = settings.upstreams["orders"]

                found = await ask_health(orders.servers[0], orders, settings.timeouts, None)

                assert found == failure
